"""How many completions does each part score in a second of one core?

    python benchmarks/parts.py                                        a table of every part
    python benchmarks/parts.py --json benchmarks/results/parts.jsonl  its rows, which `docs/make.py` puts into a page
    python benchmarks/parts.py --part overlap.bleu --part length.words

CPU seconds of the part's own call, one thread; the median of five. Each call gets 1,024 completions, no two of all five
calls alike, so that no memory of a completion flatters a part: 128 prompts x 8 siblings as the tasks' own
demonstrations answer them, half of them corrupted, a third of the prompts from each task that has demonstrations. A
prompt lacks the columns of other tasks: those are filled in from their prompts. Each part is measured in a process of
its own; rules are those of the booking task's design, and for texts three over length, repetition and form. Where
another library scores the same, it is called on the same completions, one at a time if that is its call.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from rewardbench import find, given, seeds
from rewardbench.calling import When, arguments, needed
from rewardbench.types import Batch, Message, Part, Prompt, UserError

P, K, ROUNDS = 128, 8, 5
SLOW, FEW = 500, 8
"""A part that scores fewer completions a second than SLOW is given FEW prompts a round."""
WHEN = When("speed", 0, 0.0)
RULES = {
    "rules.dialogue": lambda: find.design("rules", "dialogue/booking").parts[0].params,
    "rules.score": lambda: {
        "rules": [
            {"name": "length", "if": "length.words > 0.5", "then": 0.5},
            {"name": "new", "if": "repetition.new_ngrams >= 0.9 and repetition.new_sentences == 1", "then": 0.5},
            {"name": "form", "if": "fluency.sentence_form < 1", "then": -0.25},
        ]
    },
}
"""A part without rules does nothing: these are its params."""
LIBRARIES = ("sacrebleu", "rouge-score", "trl", "regex", "jsonschema", "numpy")
Call = Callable[[], Any]


@cache
def tasks() -> tuple[str, ...]:
    """The tasks that show how somebody might answer."""
    return tuple(n for n, folder in find.task_folders().items() if (folder / "demonstrations.py").is_file())


def answers(task: str, seen: set[str]) -> Iterator[tuple[Prompt, list[list[Message]]]]:
    """Prompts of a task with K demonstrations each, plain and corrupted in turn, none like one seen before."""
    demonstrate = find.demonstrate(task)
    for prompt in find.task(task).prompts("train", "speed"):
        rng, said = seeds.stream(f"speed/{prompt.id}"), list[list[Message]]()
        for draw in range(40 * K):
            messages = demonstrate(prompt, rng, float(draw % 2))
            text = "\n".join(m["content"] for m in messages if m["role"] == "assistant")
            if text not in seen:
                seen.add(text)
                said.append(messages)
            if len(said) == K:
                yield prompt, said
                break


@cache
def samples() -> tuple[Batch, ...]:
    """A batch [P, K] for each round."""
    seen: set[str] = set()
    streams = [answers(task, seen) for task in tasks()]
    pairs = [next(streams[i % len(streams)]) for i in range(P * ROUNDS)]
    pools: dict[str, list[Any]] = {}
    for prompt, _ in pairs:
        for name, value in prompt.columns.items():
            pools.setdefault(name, []).append(value)
    prompts = [
        replace(p, columns={name: p.columns.get(name, pool[i % len(pool)]) for name, pool in pools.items()})
        for i, (p, _) in enumerate(pairs)
    ]
    rounds = [slice(i * P, i * P + P) for i in range(ROUNDS)]
    return tuple(given.batch(prompts[r], [said for _, said in pairs[r]]) for r in rounds)


def speeds(call: Callable[[Batch], Call]) -> tuple[list[float], int]:
    """Completions a CPU second of each round, and how many completions a round had.

    The first call, of two completions of the last round, loads what is loaded once; the second says how slow it is.
    """
    call(samples()[-1].cut(slice(0, 1), slice(0, 2)))()
    tried = samples()[-1].cut(slice(0, FEW))  # all tasks are among them
    prompts = FEW if FEW * K / seconds(call(tried)) < SLOW else P
    made = [call(sample.cut(slice(0, prompts))) for sample in samples()]
    return [prompts * K / seconds(one) for one in made], prompts * K


def seconds(call: Call) -> float:
    """CPU seconds of a call, its arguments made before."""
    began = time.process_time()
    call()
    return max(time.process_time() - began, 1e-9)


def measured(name: str) -> tuple[list[float], int]:
    """`speeds` of a part. Raises UserError where something that it needs is not here."""
    function = find.callable_of(Part(name, name))
    lacking = needed(function) - samples()[0].prompts[0].columns.keys()
    if lacking:
        raise UserError(f"no task has its column {', '.join(sorted(lacking))}", 5)
    form = str(getattr(function, "form", "text"))
    params = dict(RULES[name]()) if name in RULES else {}
    return speeds(lambda sample: called(function, arguments(function, sample, form, WHEN) | params))


def called(function: Callable[..., Any], keywords: dict[str, Any]) -> Call:
    """The call of a reward."""
    return lambda: function(**keywords)


# --- peers ---------------------------------------------------------------------------------------


def peer(name: str) -> tuple[str, Callable[[Batch], Call]] | None:
    """The library that scores the same as a part, and how it is called on a batch; None where we know none."""
    topic, _, own = name.partition(".")
    if topic == "overlap" and own in ("bleu", "chrf", "ter"):
        from sacrebleu.metrics import BLEU, CHRF, TER

        scorer = {"bleu": BLEU(effective_order=True), "chrf": CHRF(), "ter": TER()}[own]
        return "sacrebleu", lambda sample: lambda: [scorer.sentence_score(t, r) for t, r in referred(sample)]
    if topic == "overlap":
        from rouge_score.rouge_scorer import RougeScorer

        kind = {"rouge": "rougeL", "rouge1": "rouge1", "rouge2": "rouge2"}[own]
        rouge = RougeScorer([kind], use_stemmer=False)
        return "rouge-score", lambda sample: lambda: [rouge.score_multi(r, t) for t, r in referred(sample)]
    if name in ("format.think_tags", "repetition.penalty", "length.soft_overlong"):
        from trl import rewards

        theirs = {
            "format.think_tags": rewards.think_format_reward,
            "repetition.penalty": rewards.get_repetition_penalty_reward(),
            "length.soft_overlong": rewards.get_soft_overlong_punishment(20480, 4096),
        }[name]
        return "trl", lambda sample: called(theirs, arguments(theirs, sample, "messages", WHEN))
    return None


def referred(sample: Batch) -> list[tuple[str, list[str]]]:
    """Each completion with its prompt's references."""
    pairs = zip(sample.text, sample.prompts, strict=True)
    return [(text, list(prompt.columns["references"])) for row, prompt in pairs for text in row]


def peers_speed(name: str) -> tuple[str, float] | None:
    """The other library with its version, and its completions a CPU second."""
    found = peer(name)
    if found is None:
        return None
    library, call = found
    return f"{library} {version(library)}", median(speeds(call)[0])


# --- rows ----------------------------------------------------------------------------------------


def row(name: str) -> dict[str, Any]:
    """A row of results: `ours` and `peer_value` in completions a CPU second, `ratio` the peer's cost over ours."""
    each, count = measured(name)
    found, other = sorted(each), peers_speed(name)
    ours = median(found)
    return {
        "name": f"part {name}",
        "unit": "completions a CPU second",
        "ours": round(ours),
        "low": round(found[0]),
        "high": round(found[-1]),
        "peer": other[0] if other else None,
        "peer_value": round(other[1]) if other else None,
        "ratio": round(ours / other[1], 2) if other else None,
        "rounds": ROUNDS,
        "completions": count,
        "characters": round(sum(len(t) for s in samples() for r in s.text for t in r) / (ROUNDS * P * K), 1),
        "machine": f"cpu: {platform.machine()}, {os.cpu_count()} cores",
        "versions": {"python": platform.python_version(), **{n: version(n) for n in LIBRARIES}},
        "command": f"python benchmarks/parts.py --part {name}",
        "date": str(date.today()),
    }


def rows(names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The rows of parts, of several each from a fresh process; what cannot be measured here is said and left out."""
    for name in names:
        if len(names) > 1:
            command = [sys.executable, __file__, "--part", name, "--json", "-"]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            print(done.stderr, end="", file=sys.stderr)
            yield from map(json.loads, done.stdout.splitlines())
            continue
        try:
            yield row(name)
        except UserError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)


def main() -> None:
    """Print a Markdown table, slowest first, and write rows of JSON where asked: those of other parts stay."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", action="append", help="default: every part")
    parser.add_argument("--json", type=Path, help="put the rows into this file; `-`: print them and nothing else")
    asked = parser.parse_args()
    found = {r["name"]: r for r in rows(asked.part or sorted(find.parts()))}
    if str(asked.json) == "-":
        print("".join(json.dumps(r) + "\n" for r in found.values()), end="")
        return
    print("| part | completions a CPU second | lowest, highest of five | other library | ours over theirs |")
    print("|" + " --- |" * 5)
    for r in sorted(found.values(), key=lambda r: float(r["ours"])):
        other = f"{r['peer']}: {r['peer_value']:,} | {r['ratio']}" if r["peer"] else " | "
        print(f"| {r['name']} | {r['ours']:,} | {r['low']:,}, {r['high']:,} | {other} |")
    if asked.json:
        before = [json.loads(line) for line in asked.json.read_text().splitlines()] if asked.json.is_file() else []
        shipped = {f"part {name}" for name in find.parts()}
        kept = {r["name"]: r for r in before if r["name"] in shipped} | found
        asked.json.write_text("".join(json.dumps(kept[name]) + "\n" for name in sorted(kept)))


if __name__ == "__main__":
    if os.environ.get("OMP_NUM_THREADS") != "1":  # read when a process begins
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"OMP_NUM_THREADS": "1"})
    main()
