"""Does a design's end depend on luck, and how bad is its worst seed?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rewardbench.pages import svg
from rewardbench.pages.picture import Cell, Picture
from rewardbench.pages.pictures._look import GREY, Look, looks, marker
from rewardbench.pages.pictures._panel import cross
from rewardbench.pages.pictures._runs import Groups, cell, of_task, seeds_of, start_gold, taught, trains
from rewardbench.pages.pictures._scale import Scale, short, ticks
from rewardbench.results import Result

PLACE = 5
TITLE = "Gold at the end, every seed"
LEFT, RIGHT, ROW, TOP = 176.0, 704.0, 22.0, 24.0


def draw(task: str, results: Sequence[Result]) -> Picture | None:
    """The picture, or None where no run has an end."""
    groups = of_task(task, results)
    order = [*taught(groups), *(n for n, g in groups.items() if not trains(g))]
    ends = {n: found for n in order if (found := _ends(groups[n]))}
    if not ends:
        return None
    look, bottom, x = looks(groups), TOP + ROW * len(ends), Scale(0, 1, LEFT, RIGHT)
    body = [_frame(x, bottom, start_gold(groups))]
    body += [_row(x, TOP + ROW * (i + 0.5), n, found, look[n], ends) for i, (n, found) in enumerate(ends.items())]
    told = "; ".join(f"{n}: worst {min(v for _, v, _ in found):.2f}, best {max(v for _, v, _ in found):.2f}"
                     for n, found in ends.items())  # fmt: skip
    rows: list[tuple[Cell, ...]] = [
        (n, r.run.spec.seed, cell(v), "yes" if len(found) > 1 and r is worst else None, "yes" if failed else None)
        for n, found in ends.items()
        for worst in [_worst(found)[0]]
        for r, v, failed in found
    ]
    return Picture(
        "seeds", TITLE, _caption(groups), svg.whole(task, "seeds", TITLE, told, bottom + 40, body),
        ("design", "seed", "gold", "worst", "failed"), tuple(rows),
    )  # fmt: skip


def _ends(group: Sequence[Result]) -> list[tuple[Result, float, bool]]:
    """Each run with its end gold, and whether it failed and so counts 0."""
    return [(r, v, r.failed) for r in group if (v := r.counted("gold")) is not None]


def _worst(found: Sequence[tuple[Result, float, bool]]) -> tuple[Result, float, bool]:
    return min(found, key=lambda end: end[1])


def _frame(x: Scale, bottom: float, start: float | None) -> str:
    drawn = [svg.line(x(v), TOP, x(v), bottom, "grid") for v in ticks(0, 1)]
    drawn += [svg.words(x(v), bottom + 15, short(v), "s soft", "middle") for v in ticks(0, 1)]
    drawn.append(svg.words(RIGHT + 14, TOP - 10, "worst seed", "s soft"))
    drawn += [svg.line(x.start, bottom, x.end, bottom, "axis")]
    drawn.append(svg.words((x.start + x.end) / 2, bottom + 31, "gold, mean of the last two evaluations", "s", "middle"))
    if start is not None:
        drawn.append(svg.line(x(start), TOP - 6, x(start), bottom, f"level c0 d{GREY.dash}"))
        drawn.append(svg.words(x(start), TOP - 10, "untrained", "s soft", "middle"))
    return "".join(drawn)


def _row(
    x: Scale, y: float, name: str, found: Sequence[tuple[Result, float, bool]], look: Look, among: Iterable[str]
) -> str:
    """A design's seeds on a line, the worst within a ring and named at the right."""
    drawn = [svg.line(4, y, 26, y, look.line), marker(look, 15, y), svg.line(x.start, y, x.end, y, "grid")]
    drawn.append(svg.words(32, y + 4, name, longest=int((LEFT - 36) / svg.CHARACTER), among=among))
    dot = f"dot f{look.colour}" if look.colour else "hollow c0"
    drawn += [cross(x(v), y) if failed else marker(look, x(v), y, 3.6, dot) for _, v, failed in found]
    if len(found) > 1:
        worst, value, _ = _worst(found)
        drawn.append(svg.tag("circle", cx=x(value), cy=y, r=6.5, kind="ring"))
        drawn.append(svg.words(RIGHT + 14, y + 4, f"seed {worst.run.spec.seed}: {value:.2f}", "s", longest=15))
    return "".join(drawn)


def _caption(groups: Groups) -> str:
    last = "" if all(map(trains, groups.values())) else ", then untrained"
    return (
        f"A mark a run ({seeds_of(groups)}), nothing averaged over seeds, no bands, no smoothing; designs that teach, "
        f"best mean first{last}. "
        "In the ring, and named at the right: the worst seed (the first of equals). "
        "A cross: a run that failed, whose gold counts 0."
    )
