"""Which other forms has a board? A table for spreadsheets, a README, a badge, a feed; functions of `board.json`."""

from __future__ import annotations

import csv
import io
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from rewardbench.pages import board_empty, svg, truth_words
from rewardbench.pages.board_rows import LETTERS, RANKED, UNSTATED, badge, dependent, marks_of, ranks_of
from rewardbench.pages.board_words import RESOLVES, broken, changed, empty, resolution
from rewardbench.pages.numbers import bracket, fixed
from rewardbench.pages.safe import code, cut, label, safe_link
from rewardbench.results import AXES

Json = Mapping[str, Any]
LISTED = 20
"""Contestants of a task that the README lists; the page has all of them."""

# --- spreadsheet ---------------------------------------------------------------------------------

NUMBERS = (*RANKED, "gold", "gold_test", "pass_at_k")


def table(told: Json) -> str:
    """`board.csv`: a row an entry and task; what is not known is empty, as is every number of an entry that left."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    head = ["task", "entry", "kind", "division", "evidence", "seeds", "failed"]
    head += [f"{n}{end}" for n in NUMBERS for end in ("", "_low", "_high")]
    head += [f"rank_{a}_{end}" for a in RANKED for end in ("best", "worst")]
    head += ["verdict", "difference", "difference_low", "difference_high", "flags", "marks", "tokens", "design_hash"]
    head += ["state", "state_date", "state_reason"]
    writer.writerow(head)
    about = {e["entry"]: e for e in told["entries"]}
    for task in told["tasks"]:
        hangs = dependent(told, task["task"])
        for row in task["rows"]:
            writer.writerow([cell(v) for v in _values(task["task"], row, about.get(row["entry"], {}), hangs)])
    for left in told.get("tombstones") or ():
        for task in left["tasks"]:
            row = dict.fromkeys(head) | {"task": task, "entry": left["entry"], "kind": left["kind"]}
            row |= {"state": left["state"], "state_date": left["date"], "state_reason": left["reason"]}
            writer.writerow([cell(v) for v in row.values()])
    return out.getvalue()


def _values(task: str, row: Json, about: Json, hangs: frozenset[str]) -> Iterator[Any]:
    """The cells of one row."""
    evidence = row.get("evidence") or about.get("evidence") or UNSTATED
    yield from (task, row["entry"], row["kind"], about.get("division", "closed"), evidence, row["seeds"], row["failed"])
    for name in NUMBERS:
        span = row["means"].get(name) or {}
        yield from (span.get(k) for k in ("mean", "low", "high"))
    for axis in RANKED:
        yield from ranks_of(row).get(axis, (None, None))
    judged = (row["verdicts"] or {}).get("quality") or {}
    yield from (judged.get(k) for k in ("verdict", "difference", "low", "high"))
    yield " ".join(f"{f}:{n}" for f, n in sorted(row["flags"].items()))
    yield " ".join(m.replace(" ", "-") for m in marks_of(row, hangs))
    spent = [r["tokens"] for r in row["runs"]]
    yield sum(spent) / len(spent) if spent else None
    yield row["design_hash"]
    last: Json = (about.get("changes") or ({},))[-1]
    yield from (about.get("state", "listed"), last.get("date"), last.get("reason"))


def cell(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula, on one line, every character of it seen.

    >>> cell("=1+1"), cell("-x"), cell(-0.5), cell(None), cell("a\\tb")
    ("'=1+1", "'-x", -0.5, '', 'a⟨U+0009⟩b')
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    shown = label(value) if value else ""
    return f"'{shown}" if shown.lstrip()[:1] in tuple("=+-@|%") else shown


# --- README --------------------------------------------------------------------------------------


MARKED = """Drawn: a design that a seeded generator drew, not made to prove a point; it is held against the
baseline, and not ranked among entries. Flags are counted over seeds (`hacked 2/5`): `rbench explain
hacked` says what each means. Harmful: significantly below the untrained policy. Did not learn: the
interval of its gain does not lie above 0, or nothing was trained. Front: no other that learnt beats it on one
axis without losing on another. Provisional: entries are missing, and ranks will change. To enter:
[boards](../../docs/boards.md)."""
NUMBERED = """Rank: the places that an entry may hold on Q; entries that cannot be told apart share its start. Numbers
are means over seeds with 95% intervals. Q: how good the policy got, 0 = untrained, 1 = trained on gold
itself. S: how little it fell back. E: how early. D: variety gained while getting precise. Verdict: on
Q, against the baseline `{baseline}`, paired by seed and adjusted for all comparisons, which printed
intervals are not: one without 0 may be unresolved. Where a design's seeds fall into two kinds (learnt,
ruined), a 95% interval of five covers less often than it says. In italics: it did not learn, so the
number has no rank. Arms (last) are references and never ranked. –: not known, which is never 0."""


def readme(told: Json) -> str:
    """`README.md`: what is measured, the top of each axis, a table a task, how to read it."""
    board = told["board"]
    lines = [f"# Board {md(board['name'])}, version {board['version']}", "", md(board["summary"]), ""]
    if none := empty(told):
        return "\n".join([*lines, f"**EMPTY**: {md(none)}.", "", *board_empty.lines(board)]) + "\n"
    what, by = ("a reward design", f"`{code(board['algorithm'])}`")
    if board["algorithms"]:
        what, by = "an algorithm, given one reward", "its own rule"
    lines += [
        f"Each entry is {what}. Each taught the policy `{code(board['policy'])}` by "
        f"{by} at budget `{code(board['budget'])}` on {len(board['seeds'])} seeds; gold, a "
        "score that no reward sees, tells what came of it. The whole board, sortable, with every seed: "
        "[index.html](index.html); numbers for spreadsheets: [board.csv](board.csv); for programs: "
        "[board.json](board.json).",
        "",
        board_empty.digest(board),
        "",
    ]
    lines += _warnings(told)
    for task in told["tasks"]:
        lines += _task(task, dependent(told, task["task"]))
    lines += _left(told)
    lines += truth_words.markdown(told)
    lines += [
        "## How to read it", "", " ".join(MARKED.split()), "",
        " ".join(NUMBERED.format(baseline=code(board["baseline"])).split()),
        "",
        "Built from the entries' rows by `rbench board build`; do not edit this page.",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _warnings(told: Json) -> list[str]:
    """Why the board is not whole, and where it is broken."""
    lines = []
    if told["provisional"]:
        lines += [f"**PROVISIONAL**: {'; '.join(md(p) for p in told['provisional'])}.", ""]
    for c in broken(told):
        lines += [
            f"**BROKEN on {LETTERS.get(c.axis, c.axis)}, {md(c.task)}**: {md(c.words)}, and that is not so: "
            f"{c.numbers}.",
            "",
        ]
    return lines


def _task(task: Json, hangs: frozenset[str]) -> list[str]:
    """A task's section."""
    contest = [r for r in task["rows"] if r["kind"] != "control"]
    arms = [r for r in task["rows"] if r["kind"] == "control"]
    lines = [f"## {md(task['task'])}", ""]
    lines += [f"- {line}" for axis in RANKED if (line := _best(axis, contest))]
    if unseen := resolution(task):
        lines.append(f"- {RESOLVES} {', '.join(unseen)}")
    lines.append("")
    lines += [
        "| rank | entry | Q | S | E | D | overall | verdict | flags | marks |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [_line(r, hangs) for r in (*contest[:LISTED], *arms)]
    left = len(contest) - LISTED
    return [*lines, *([] if left <= 0 else ["", f"And {left} more on [the page](index.html)."]), ""]


def _left(told: Json) -> list[str]:
    """The entries that left; nothing where none did."""
    found = [f"- `{code(t['entry'])}` {md(changed(t))}" for t in told.get("tombstones") or ()]
    return ["## Entries that left", "", *found, ""] if found else []


def _best(axis: str, contest: Sequence[Json]) -> str:
    """Who may be first on an axis: those whose rank interval starts at 1, best mean first."""
    there = [r for r in contest if ranks_of(r).get(axis, (2, 2))[0] == 1 and r["means"].get(axis)]
    there = [r for r in there if ((r["verdicts"] or {}).get(axis) or {}).get("verdict") != "worse"]
    there.sort(key=lambda r: (-r["means"][axis]["mean"], r["entry"]))
    if not there:
        return ""
    named = ", ".join(f"`{code(r['entry'])}` {fixed(r['means'][axis]['mean'])}" for r in there[:3])
    more = f" and {len(there) - 3} more that cannot be told apart" if len(there) > 3 else ""
    return f"First on {LETTERS[axis]}{'' if axis == 'overall' else ' ' + axis}: {named}{more}"


def _line(row: Json, hangs: frozenset[str]) -> str:
    """A row of a task's table."""
    first, between = badge(ranks_of(row).get("quality"))
    axes = [_number(row, a) for a in (*AXES, "overall")]
    judged = (row["verdicts"] or {}).get("quality")
    flags = ", ".join(f"{md(f)} {n}/{row['seeds']}" for f, n in sorted(row["flags"].items()))
    rank = {"control": "arm", "generated": "drawn"}.get(row["kind"], between or first or "–")
    cells = [
        rank,
        f"`{code(row['entry'])}`",
        *axes,
        judged["verdict"] if judged else "–",
        flags,
        ", ".join(marks_of(row, hangs)),
    ]
    return "| " + " | ".join(cells) + " |"


def _number(row: Json, axis: str) -> str:
    span = row["means"].get(axis)
    if not span:
        return "–"
    shown = f"{fixed(span['mean'])} {bracket(span['low'], span['high'])}" if axis == "quality" else fixed(span["mean"])
    return shown if axis == "quality" or row.get("learns") else f"*{shown}*"


def md(text: str) -> str:
    """A text as Markdown shows it, on one line and as nothing but text.

    >>> md("a_b|<i>"), md("[x](y)")
    ('a\\\\_b\\\\|&lt;i&gt;', '\\\\[x\\\\](y)')
    """
    shown = label(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#~])", r"\\\1", cut(shown, 400))


# --- badge ---------------------------------------------------------------------------------------


def badge_svg(told: Json) -> str:
    """`badge.svg`: the board, its version, how many entries it ranks, and whether it may be trusted yet."""
    board = told["board"]
    ranked = sum(e["kind"] != "control" for e in told["entries"])
    whole = "provisional" if told["provisional"] else f"{ranked} entries"
    state = "broken" if broken(told) else "empty" if empty(told) else whole
    left, right = f"board {cut(label(board['name']), 24)} v{board['version']}", state
    a, b = (round(len(t) * 6.6 + 14) for t in (left, right))
    colour = {"broken": "#b3261e", "provisional": "#8a5a00", "empty": "#8a5a00"}.get(state, "#12703f")
    font = 'font-family="Verdana,\'DejaVu Sans\',sans-serif" font-size="11" fill="#fff"'
    title = svg.escape(f"{left}: {right}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{a + b}" height="20" role="img" aria-label="{title}">'
        f"<title>{title}</title>"
        f'<rect width="{a}" height="20" fill="#555"/><rect x="{a}" width="{b}" height="20" fill="{colour}"/>'
        f'<g {font} text-anchor="middle"><text x="{a / 2:g}" y="14" textLength="{a - 12}">{svg.escape(left)}</text>'
        f'<text x="{a + b / 2:g}" y="14" textLength="{b - 12}">{svg.escape(right)}</text></g></svg>\n'
    )


# --- feed ----------------------------------------------------------------------------------------


def feed(told: Json) -> str:
    """`feed.xml`: an Atom feed of the entries, newest first; no clock is read.

    An entry's `date` is that of the last change of its state, or its own; one that has none, and the feed, have the
    version's: day `version` of 1970, which is no time but grows with it. An entry that left stays, and says so.
    """
    board = told["board"]
    unset = str(date(1970, 1, 1) + timedelta(days=int(board["version"]) - 1))
    every = [*told["entries"], *(told.get("tombstones") or ())]
    dated = sorted(((_day(e.get("date")) or unset, e) for e in every), key=lambda d: d[1]["entry"])
    dated.sort(key=lambda d: d[0], reverse=True)
    newest = max((d for d, _ in dated), default=unset)
    head = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<feed xmlns="http://www.w3.org/2005/Atom">',
        f"<title>{svg.escape('Board ' + board['name'] + ', version ' + str(board['version']))}</title>",
        f"<id>{_urn(board['digest'])}</id>",
        f"<updated>{newest}T00:00:00Z</updated>",
        "<author><name>rewardbench-suite</name></author>",
        '<link rel="alternate" type="text/html" href="index.html"/>',
    ]
    return "\n".join([*head, *(_item(board, day, e) for day, e in dated), "</feed>"]) + "\n"


def _item(board: Json, day: str, entry: Json) -> str:
    """One entry of the feed."""
    authors = "".join(f"<author><name>{svg.escape(str(a))}</name></author>" for a in entry.get("authors") or ())
    links = "".join(f'<link rel="related" href="{svg.escape(u)}"/>' for u in entry.get("links") or () if safe_link(u))
    said = f"{entry['kind']}, on {', '.join(entry['tasks'])}. {entry.get('summary') or ''}"
    title = entry["entry"]
    if entry.get("changes") and entry["state"] != "listed":
        title, said = f"{title}: {entry['state']}", f"{changed(entry['changes'][-1])}. {said}"
    return (
        f"<entry><title>{svg.escape(title)}</title><id>{_urn(board['digest'], entry['entry'])}</id>"
        f"<updated>{day}T00:00:00Z</updated>{authors}{links}<summary>{svg.escape(said.strip())}</summary></entry>"
    )


def _day(text: Any) -> str | None:
    """A date as it is written in feeds, if it is one."""
    try:
        return str(date.fromisoformat(str(text)[:10])) if text else None
    except ValueError:
        return None


def _urn(*names: str) -> str:
    """An id that the same names always have."""
    return uuid.uuid5(uuid.NAMESPACE_URL, "rewardbench/" + "/".join(names)).urn
