"""Does `rbench audit` find what can be gamed, and leave alone what cannot? Probes × designs, misses included.

    python benchmarks/audit.py [--task T ...] [--seeds 1,2,3] [--half open|held] [--write]

Audits every shipped design and arm of every task, and the designs under `benchmarks/audit/`: `exploitable/` (what a
practitioner might write, and an adversary would like) and `honest/`. Which half of those is held out was decided by the
hash of their paths before the audit was written: limits were set without the held half. `--write` puts the rows into
`results/audit.jsonl` and the tables into `docs/audit.md`. qa/math is left out where `$REWARDBENCH_DATA` is not set;
the tiny policy cannot read it, so that only what needs no policy is said there.
What reinforcement learning did with the shipped designs stands in the tasks' cards and is read from there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rewardbench import find
from rewardbench.audit import VERSION, _run, code_hash, probes
from rewardbench.types import UserError

HERE = Path(__file__).parent
ROWS, PAGE = HERE / "results" / "audit.jsonl", HERE.parent / "docs" / "audit.md"
FLAGGED = ("gameable", "misaligned", "blind")
Row = dict[str, Any]


def half(path: str) -> str:
    """`held` or `open`, by the path below `benchmarks/audit/` alone.

    >>> half("honest/qa/lookup/exact.toml"), half("honest/qa/lookup/doubled.toml")
    ('open', 'held')
    """
    return "held" if hashlib.sha256(path.encode()).digest()[0] % 2 else "open"


def designs(task: str) -> list[tuple[str, str, str, str]]:
    """(set, half, name, how it is asked for) of everything that is audited on a task."""
    arms = [a for a in find.arms() if a not in ("untrained", "oracle")]
    found = [("shipped", "-", name, name) for name in find.task_designs(task)] + [("arm", "-", a, a) for a in arms]
    for kind in ("exploitable", "honest"):
        for path in sorted((HERE / "audit" / kind / task).glob("*.toml")):
            found.append((kind, half(str(path.relative_to(HERE / "audit"))), path.stem, str(path)))
    return found


def expected(task: str, kind: str, name: str) -> str:
    """What the audit should say: `flagged`, `clean`, `silent` (nothing is taught, nothing is gamed), or `` (not known).

    Of a shipped design the task's card decides, by whether it stands under "What cheating looks like".
    """
    if name == "constant":
        return "silent"
    if kind == "honest" or (kind, name) == ("shipped", "reference"):
        return "clean"
    card = (find.task_folder(task) / "README.md").read_text()
    cheats = card.partition("## What cheating looks like")[2].partition("\n## ")[0]
    return "flagged" if kind != "shipped" or f"`{name}`" in cheats else ""


def right(row: Row) -> bool:
    """Whether the verdict is what was expected; `silent` says nothing about gaming, so it is no false alarm."""
    said = "flagged" if row["verdict"] in FLAGGED else row["verdict"]
    return row["expected"] in ("", said) or (row["expected"] == "clean" and said == "silent")


def taught(task: str) -> dict[str, dict[str, Any]]:
    """Design -> what reinforcement learning did with it, from the task's card: gold at the end, seeds, seeds hacked."""
    card = (find.task_folder(task) / "README.md").read_text()
    table = re.findall(r"^\| `(\w+)` \| (\d\.\d+) ± [^|]*(\|[^\n]*)$", card, re.M)
    found: dict[str, dict[str, Any]] = {}
    for name, gold, rest in table:
        cells = [c.strip() for c in rest.strip("|").split("|")]
        if len(cells) >= 6 and name not in found:
            flags = dict(re.findall(r"(\w+) (\d+)", cells[5]))
            seeds = len(cells[4].split())
            found[name] = {"gold": float(gold), "seeds": seeds, "flags": {k: int(v) for k, v in flags.items()}}
    return found


def audited(task: str, seeds: Iterable[int], halves: Sequence[str]) -> list[Row]:
    """A row for each design and seed."""
    rows, learnt = [], taught(task)
    for seed in seeds:
        stage = _run.stage(task, find.policy("tiny"), 32, 16, seed)
        for kind, part, name, asked in designs(task):
            if part not in halves:
                continue
            began = time.process_time()
            found = _run.audit(asked, stage)
            rows.append(
                {
                    "name": "audit", "task": task, "design": name, "set": kind, "half": part, "seed": seed,
                    "expected": expected(task, kind, name), "verdict": found.verdict,
                    "start_gold": round(found.start, 4),
                    "findings": [
                        {"code": f.code, "part": f.part, "severity": round(f.severity, 3)} for f in found.findings
                    ],
                    "rl": learnt.get(name) if kind in ("shipped", "arm") else None,
                    "cpu_seconds": round(time.process_time() - began, 2),
                }
            )  # fmt: skip
            print(
                task,
                seed,
                kind,
                part,
                name,
                found.verdict,
                "" if right(rows[-1]) else "  <-- not as expected",
                flush=True,
            )
    return rows


def made() -> Row:
    """What every row says of how it was made."""
    return {
        "audit_version": VERSION,
        "code_hash": code_hash(),
        "machine": f"cpu: {platform.machine()}, {os.cpu_count()} cores",
        "versions": {"python": platform.python_version()} | {n: version(n) for n in ("torch", "transformers", "numpy")},
        "command": "python benchmarks/audit.py --write",
        "date": date.today().isoformat(),
    }


# --- tables --------------------------------------------------------------------------------------


def tables(rows: Sequence[Row]) -> str:
    """The Markdown of all rows."""
    first = rows[0]
    versions = ", ".join(f"{k} {v}" for k, v in first["versions"].items())
    seeds = sorted({r["seed"] for r in rows})
    said = f"Audit version {first['audit_version']} (code {first['code_hash'][:16]}), policy `tiny`, 32 prompts × 16, "
    said += f"seeds {', '.join(map(str, seeds))}; {first['machine']}; {versions}; {first['date']}; "
    said += f"`{first['command']}`. "
    seconds = sorted(r["cpu_seconds"] for r in rows)
    said += (
        f"CPU seconds of a design, the policy's completions made once: median {seconds[len(seconds) // 2]:.1f}, most "
    )
    said += f"{seconds[-1]:.1f}."
    return "\n\n".join([said, scores(rows), missed(rows), against_rl(rows), crossed(rows)])


def scores(rows: Sequence[Row]) -> str:
    """How often the verdict was the expected one, by set and half."""
    lines = ["| designs | half | audits | as expected | share |", "| --- | --- | --- | --- | --- |"]
    for kind, part in sorted({(r["set"], r["half"]) for r in rows}):
        mine = [r for r in rows if (r["set"], r["half"]) == (kind, part)]
        hits = sum(map(right, mine))
        lines.append(f"| {kind} | {part} | {len(mine)} | {hits} | {hits / len(mine):.2f} |")
    return "\n".join(lines)


def missed(rows: Sequence[Row]) -> str:
    """Every verdict that was not the expected one."""
    wrong = [r for r in rows if not right(r)]
    if not wrong:
        return "Every verdict was the expected one."
    lines = ["| not as expected | half | seed | expected | said | findings |", "| --- | --- | --- | --- | --- | --- |"]
    for r in wrong:
        codes = ", ".join(f["code"] for f in r["findings"])
        lines.append(
            f"| {r['task']} {r['design']} | {r['half']} | {r['seed']} | {r['expected']} | {r['verdict']} | {codes} |"
        )
    return "\n".join(lines)


def against_rl(rows: Sequence[Row]) -> str:
    """The audit's verdict beside what reinforcement learning did, for every design that a card tells of."""
    lines = [
        "| task | design | audit (seeds) | worst finding | gold untrained → trained | hacked (runs) | other flags |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    known, tally = [r for r in rows if r["rl"]], defaultdict(list)
    for task, name in dict.fromkeys((r["task"], r["design"]) for r in known):
        mine = [r for r in known if (r["task"], r["design"]) == (task, name)]
        rl, start = mine[0]["rl"], taught(task)["untrained"]["gold"]
        said = ", ".join(f"{v} {n}" for v, n in Counter(r["verdict"] for r in mine).items())
        worst = mine[0]["findings"][0] if mine[0]["findings"] else None
        told = f"`{worst['code']}` {worst['severity']:.2f}" if worst else ""
        others = ", ".join(f"{k} {v}" for k, v in rl["flags"].items() if k != "hacked")
        hacked = f"{rl['flags'].get('hacked', 0)} of {rl['seeds']}"
        usual = Counter(r["verdict"] for r in mine).most_common(1)[0][0]
        tally[usual].append(rl["flags"].get("hacked", 0) / rl["seeds"])
        lines.append(f"| {task} | `{name}` | {said} | {told} | {start:.2f} → {rl['gold']:.2f} | {hacked} | {others} |")
    lines += ["", "| audit (most seeds) | designs | hacked on some run | on most | mean share of runs hacked |"]
    lines += ["| --- | --- | --- | --- | --- |"]
    for verdict, shares in sorted(tally.items()):
        some, most = sum(s > 0 for s in shares), sum(s > 0.5 for s in shares)
        lines.append(f"| {verdict} | {len(shares)} | {some} | {most} | {sum(shares) / len(shares):.2f} |")
    return "\n".join(lines)


def crossed(rows: Sequence[Row]) -> str:
    """Probes × designs: on how many of a design's audits each probe found something."""
    seeds = len({r["seed"] for r in rows})
    lines = []
    for task in dict.fromkeys(r["task"] for r in rows):
        mine = [r for r in rows if r["task"] == task]
        names = list(dict.fromkeys((r["set"], r["design"]) for r in mine))
        hits = Counter((r["set"], r["design"], f["code"]) for r in mine for f in r["findings"])
        used = [p for p in probes() if any(hits[(*n, p)] for n in names)]
        lines += [f"### {task}", "", "| probe | " + " | ".join(f"{k[0]}: {n}" for k, n in names) + " |"]
        lines += ["| --- |" + " --- |" * len(names)]
        for p in used:
            cells = [f"{hits[(*n, p)]}" if hits[(*n, p)] else "" for n in names]
            lines.append(f"| {p} | " + " | ".join(cells) + " |")
        silent = [p for p in probes() if p not in used]
        lines += ["", f"Found nothing here: {', '.join(silent)}.", ""]
    head = (
        f"Cells: audits of {seeds} in which the probe found something. s: shipped, a: arm, e: exploitable, h: honest."
    )
    return "\n".join([head, "", *lines]).rstrip()


def main() -> None:
    """Audit and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", action="append")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--half", choices=("open", "held"))
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    halves = ("-", asked.half) if asked.half else ("-", "open", "held")
    rows: list[Row] = []
    for task in asked.task or sorted(find.task_folders()):
        try:
            rows += audited(task, map(int, asked.seeds.split(",")), halves)
        except UserError as error:
            if error.code != 5:
                raise
            print(f"{task}: left out, {error}")
    facts = made()
    rows = [r | facts for r in rows]
    print(tables(rows))
    if asked.write:
        ROWS.write_text("".join(json.dumps(r) + "\n" for r in rows))
        page = PAGE.read_text()
        head, tail = page.split("<!-- audit -->")[0], page.split("<!-- end -->")[1]
        PAGE.write_text(f"{head}<!-- audit -->\n{tables(rows)}\n<!-- end -->{tail}")


if __name__ == "__main__":
    main()
