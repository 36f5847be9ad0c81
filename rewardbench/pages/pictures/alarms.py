"""When did each run raise each alarm, and did it pass?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rewardbench import find
from rewardbench.pages import svg
from rewardbench.pages.picture import Picture
from rewardbench.pages.pictures._look import Look, looks, marker
from rewardbench.pages.pictures._runs import Groups, of_task, taught
from rewardbench.results import Loaded, Result, anchor_of, flags_of
from rewardbench.types import Anchor, Curve

PLACE = 7
TITLE = "Alarms, along each run"
LETTERS = {"hacked": "H", "over_trained": "O", "collapsed": "C", "dead_signal": "D", "truncated": "T",
           "kl_runaway": "K", "templated": "P", "failed": "F"}  # fmt: skip
"""So that a flag has its letter and colour on every page; one that is not here gets its first letter, in grey.
`failed`, the eighth, wears grey too: it is no colour among the others."""
UNTIMED = {"no_learning"}
"""Said of a design's seeds together, and of no moment."""
LEFT, ROW, TOP = 214.0, 14.0, 62.0


@dataclass(frozen=True)
class Alarm:
    """A flag's first moment in a run."""

    flag: str
    evaluation: int
    step: int
    stands: bool
    """Whether it is still raised at the end."""


def draw(task: str, results: Sequence[Result]) -> Picture | None:
    """The picture, or None where no run ever raised an alarm that has a moment."""
    groups = of_task(task, results)
    raised = {n: [(r, found) for r in groups[n] if (found := alarms(r))] for n in taught(groups)}
    raised = {n: runs for n, runs in raised.items() if runs}
    if not raised:
        return None
    height, body = _timeline(raised, looks(groups))
    said = {n: sorted({a.flag for _, found in runs for a in found}) for n, runs in raised.items()}
    told = "; ".join(f"{n}: {', '.join(flags)}" for n, flags in said.items())
    caption = _caption(groups, sum(map(len, raised.values())))
    return Picture(
        "alarms", TITLE, caption, svg.whole(task, "alarms", TITLE, told, height, body),
        ("design", "seed", "flag", "evaluation", "step", "at the end"),
        tuple((n, r.run.spec.seed, a.flag, a.evaluation, a.step, "raised" if a.stands else "passed")
              for n, runs in raised.items() for r, found in runs for a in found),
    )  # fmt: skip


def alarms(result: Result) -> list[Alarm]:
    """The first moment of every flag of a run, computed anew from what was known at each evaluation."""
    run, found = result.run, dict[str, int]()
    if run.status["status"] == "partial":
        return []
    if run.curve is None:
        return [Alarm("failed", 0, 0, True)] if "failed" in result.flags else []
    scale, one_answer = anchor_of(run.spec), find.task(run.spec.task).one_answer
    anchor = scale if isinstance(scale, Anchor) else None
    for e in range(1, len(run.curve.steps) + 1):
        for flag in flags_of(_until(run, run.curve, e), None, anchor, one_answer):
            found.setdefault(flag, e - 1)
    last = len(run.curve.steps) - 1
    found |= {flag: last for flag in result.flags if flag not in UNTIMED and flag not in found}
    steps, places = run.curve.steps, [*LETTERS]
    order = sorted(found, key=lambda flag: (found[flag], places.index(flag) if flag in places else len(places), flag))
    return [Alarm(flag, found[flag], int(steps[found[flag]]), flag in result.flags) for flag in order]


def _until(run: Loaded, curve: Curve, e: int) -> Loaded:
    """The run as it stood at its first e evaluations."""
    along = ("steps", "tokens", "gold", "reward", "kl", "length", "ended", "entropy")
    arrays = {n: getattr(curve, n)[:e] for n in along}
    done = [row for row in run.rows if row["step"] < curve.steps[e - 1]]
    return replace(run, curve=replace(curve, **arrays, failed=False), rows=done)


def _timeline(raised: dict[str, list[tuple[Result, list[Alarm]]]], look: dict[str, Look]) -> tuple[float, list[str]]:
    """A row a run, a column an evaluation: (height, markup)."""
    steps = max((r.run.spec.points for runs in raised.values() for r, _ in runs), key=len)
    wide = (svg.WIDTH - LEFT - 6) / len(steps)
    known = dict.fromkeys([*LETTERS, *sorted(a.flag for runs in raised.values() for _, found in runs for a in found)])
    body, y = [_legend([*known])], TOP + 18 * max(0, -(-len(known) // 4) - 2)
    top = y
    for n, runs in raised.items():
        y += 6
        body.append(svg.line(4, y + ROW / 2, 26, y + ROW / 2, look[n].line) + marker(look[n], 15, y + ROW / 2))
        body.append(svg.words(32, y + ROW / 2 + 4, n, "b", longest=17, among=look))
        for r, found in runs:
            body.append(_run(r, found, y + ROW / 2, wide, len(steps)))
            y += ROW
    body.append(svg.words(LEFT - 8, top - 4, "step", "s soft", "end"))
    body += [svg.line(LEFT + wide * e, top, LEFT + wide * e, y + 4, "grid") for e in range(len(steps))]
    body += [svg.words(LEFT + wide * e + 2, top - 4, str(s), "s soft") for e, s in enumerate(steps)]
    return y + 10, body


def _run(result: Result, found: Sequence[Alarm], y: float, wide: float, columns: int) -> str:
    """A run's row: its seed, a line as far as it went, its alarms in the column of their evaluation."""
    went = 0 if result.run.curve is None else len(result.run.curve.steps)
    drawn = [svg.words(LEFT - 8, y + 4, f"seed {result.run.spec.seed}", "s soft", "end")]
    drawn.append(svg.line(LEFT, y, LEFT + wide * min(max(went, 0.2), columns), y, "grid"))
    for e in {a.evaluation for a in found}:
        there = [a for a in found if a.evaluation == e]
        step = min(14.0, (wide - 4) / len(there))
        drawn += [_badge(LEFT + wide * e + 2 + step * (i + 0.5), y, a, min(12.0, step)) for i, a in enumerate(there)]
    return "".join(drawn)


def _badge(x: float, y: float, alarm: Alarm, wide: float) -> str:
    """A letter in its box: tinted where the alarm still stands at the end, open and dashed where it passed."""
    colour = ([*LETTERS].index(alarm.flag) + 1) % (svg.COLOURS + 1) if alarm.flag in LETTERS else 0
    kind = f"c{colour} " + (f"f{colour} tint" if alarm.stands else "hollow gone")
    box = svg.tag("rect", x=x - wide / 2, y=y - 6, width=wide, height=12, rx=2, kind=kind)
    return box + svg.words(x, y + 4, LETTERS.get(alarm.flag, alarm.flag[:1].upper()), "s", "middle")


def _legend(flags: Sequence[str]) -> str:
    """The letters and what they stand for, four in a row; and the two kinds of box."""
    drawn = []
    for i, flag in enumerate(flags):
        x, y = 10 + 130 * (i % 4), 12.0 + 18 * (i // 4)
        drawn.append(_badge(x, y, Alarm(flag, 0, 0, True), 12) + svg.words(x + 12, y + 4, flag, "s"))
    for i, (stands, name) in enumerate(((True, "still raised at the end"), (False, "raised, and passed"))):
        y = 12.0 + 18 * i
        kind = "c0 f0 tint" if stands else "c0 hollow gone"
        drawn.append(svg.tag("rect", x=564, y=y - 6, width=12, height=12, rx=2, kind=kind))
        drawn.append(svg.words(582, y + 4, name, "s"))
    return "".join(drawn)


def _caption(groups: Groups, rows: int) -> str:
    """What is drawn, and that no run is missing from the count."""
    taught_ = sum(len(groups[n]) for n in taught(groups))
    still = sum(map(len, groups.values())) - taught_
    apart = f" The {still} of untrained {'has' if still == 1 else 'have'} no training to raise one in." if still else ""
    return (
        "A row a run that raised an alarm; each letter stands at the evaluation (its optimiser step above) at which "
        "the alarm was first raised, computed from what was known by then. A rule that asks for several evaluations "
        "running asks, early on, for all there are; many looks are many chances to err: what passed may be noise. "
        "P (templated) is read at the end alone. "
        "The flag no_learning, which is said of all seeds of a design together, has no moment and is left out. "
        f"Of {taught_} runs that train {rows} {'has' if rows == 1 else 'have'} a row; {taught_ - rows} raised no such "
        f"alarm or are not done.{apart} No averages, no bands, no smoothing."
    )
