"""What does precision cost in variety, from cautious sampling to bold?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rewardbench import find
from rewardbench.measures.diversity import pass_at_k
from rewardbench.metrics import diversity
from rewardbench.pages import svg
from rewardbench.pages.picture import Cell, Picture
from rewardbench.pages.pictures import _panel as panel
from rewardbench.pages.pictures._look import GREY, Look, key, looks, marker
from rewardbench.pages.pictures._runs import FEW, Groups, cell, of_task, seeds_of, taught, trains
from rewardbench.pages.pictures._scale import Scale, short
from rewardbench.results import Result
from rewardbench.types import Bank, Floats

PLACE = 3
Front = tuple[tuple[int, ...], Floats]
"""The seeds that have samples, and a point (x, y) for each and each temperature or k, [S, G, 2]."""


def draw(task: str, results: Sequence[Result]) -> Picture | None:
    """The picture, or None where no design was sampled over temperatures; pass@k where one answer is right."""
    groups = of_task(task, results)
    banked = {n: [r for r in g if _usable(r.run.bank)] for n, g in groups.items()}
    if not any(g and trains(g) for g in banked.values()):
        return None
    banks = [r.run.bank for g in banked.values() for r in g if r.run.bank is not None]
    return (_pass_at_k if find.task(task).one_answer else _frontier)(task, groups, banked, banks[0])


def _usable(bank: Bank | None) -> bool:
    """Whether variety can be seen at all: at least two samples a prompt."""
    return bank is not None and bank.gold.shape[2] >= 2


def _frontier(task: str, groups: Groups, banked: Groups, first: Bank) -> Picture | None:
    """Precision against effective distinct-k."""
    fronts = {n: _front(g, diversity.frontier) for n, g in banked.items() if g}
    low, high = short(first.temperatures[0]), short(first.temperatures[-1])
    title = f"Precision and variety, at temperatures {low} to {high}"
    names = ("share of samples that reach the bar", "variety among them (effective distinct-k share)")
    caption = (
        f"At the end of training, {first.gold.shape[2]} samples a prompt at each of {len(first.temperatures)} "
        f"temperatures; the marker is {low}, the line goes on to {high}. Right: the share of samples with gold of at "
        f"least {first.bar:g}. Up: how many kinds are among a prompt's samples that reach it, "
        "(kinds − 1) / (samples − 1), mean over prompts. Up and right is better; D is the area of the steps "
        "below and left of a seed's points, less that of untrained (grey, dashed) on the same seed, mean over seeds. "
        f"Thick: mean over seeds ({seeds_of(groups)}); thin: single seeds; no band, no smoothing."
    )
    heats = [float(t) for t in first.temperatures]
    return _picture(task, title, caption, groups, fronts, names, ("temperature", "precision", "variety"), heats)


def _pass_at_k(task: str, groups: Groups, banked: Groups, first: Bank) -> Picture | None:
    """The chance that one of k samples is right, against k, at temperature 1."""
    if not np.isclose(first.temperatures, 1.0).any():
        return None
    ks = [2**i for i in range(int(np.log2(first.gold.shape[2])) + 1)]
    fronts = {n: _front(g, lambda bank: _chances(bank, ks)) for n, g in banked.items() if g}
    caption = (
        f"One answer is right here, so variety is not asked for; instead: the chance that at least one of k samples "
        f"is right, from {first.gold.shape[2]} samples a prompt at temperature 1 at the end of training, mean over "
        "prompts. A line that starts high is precise; one that stays low and flat has no right answer within reach. "
        f"Grey and dashed: untrained. Thick: mean over seeds ({seeds_of(groups)}); thin: single seeds; no band, "
        "no smoothing."
    )
    names, title = ("samples k (each tick doubles)", "pass@k"), "Right answers within reach: pass@k"
    return _picture(task, title, caption, groups, fronts, names, ("k", "log2 k", "pass@k"), ks)


def _chances(bank: Bank, ks: Sequence[int]) -> Floats:
    """(log2 k, pass@k) for each k, [K, 2]."""
    n = bank.gold.shape[2]
    right = (bank.gold[int(np.argmin(np.abs(bank.temperatures - 1)))] >= bank.bar).sum(axis=1)
    return np.array([(np.log2(k), np.mean([pass_at_k(n, int(r), k) for r in right])) for k in ks])


def _front(group: Sequence[Result], points: object) -> Front:
    """The points of each run of a design."""
    assert callable(points)
    return tuple(r.run.spec.seed for r in group), np.stack([points(r.run.bank) for r in group])


def _picture(
    task: str, title: str, caption: str, groups: Groups, fronts: dict[str, Front],
    names: tuple[str, str], columns: tuple[str, str, str], at: Sequence[float],
) -> Picture:  # fmt: skip
    """The picture of fronts: all in one panel, or a cell each."""
    look, order = looks(groups), [n for n in taught(groups) if n in fronts]
    base = next((fronts[n] for n, g in groups.items() if not trains(g) and n in fronts), None)
    every = np.concatenate([points for _, points in fronts.values()])
    top = next(v for v in (0.1, 0.2, 0.5, 1.0) if every[..., 1].max() <= v + 1e-9)
    room = (max(1.0, float(every[..., 0].max())), top)
    whole = columns[0] == "k"
    height, body = (_panel if len(order) <= FEW else _cells)(order, fronts, base, look, room, names, whole)
    told = "; ".join(f"{n}: {_told(front[1], whole)}" for n, front in fronts.items())
    rows = [row for n in fronts for row in _rows(n, fronts[n], at)]
    return Picture(
        "frontier", title, caption, svg.whole(task, "frontier", title, told, height, body),
        ("design", "seed", *columns), tuple(rows),
    )  # fmt: skip


def _panel(
    order: Sequence[str], fronts: dict[str, Front], base: Front | None, look: dict[str, Look],
    room: tuple[float, float], names: tuple[str, str], whole: bool,
) -> tuple[float, list[str]]:  # fmt: skip
    """All designs in one panel: (height, markup)."""
    box = panel.Box(46, 26, 620, 346)
    x, y = Scale(0, room[0], box.left, box.right), Scale(0, room[1], box.bottom, box.top)
    body = [_axes(box, x, y, whole, *names)]
    shown = [*(([("untrained", base)]) if base is not None else []), *((n, fronts[n]) for n in order)]
    body += [_lines(x, y, front, look.get(n, GREY)) for n, front in shown]
    ends: list[panel.End] = []
    for n, (_, points) in shown:
        last = points.mean(axis=0)[-1 if whole else 0]
        ends.append((x(last[0]), y(last[1]), n, look.get(n, GREY)))
    return box.bottom + 40, [*body, panel.labels(box, ends)]


def _cells(
    order: Sequence[str], fronts: dict[str, Front], base: Front | None, look: dict[str, Look],
    room: tuple[float, float], names: tuple[str, str], whole: bool,
) -> tuple[float, list[str]]:  # fmt: skip
    """A cell a design, `untrained` in each: (height, markup)."""
    places = panel.boxes(len(order), panel.columns(len(order)), 16, 100, head=32)
    body = [svg.words(4, 12, names[1], "s")]
    for n, box in zip(order, places, strict=True):
        x, y = Scale(0, room[0], box.left, box.right), Scale(0, room[1], box.bottom, box.top)
        body += [_axes(box, x, y, whole), "" if base is None else _lines(x, y, base, GREY, False)]
        body += [_lines(x, y, fronts[n], look[n]), key(look[n], box.left, box.top - 10, n, panel.room(box), "b", look)]
    bottom = max(box.bottom for box in places)
    return bottom + 42, [*body, svg.words(svg.WIDTH / 2, bottom + 34, names[0], "s", "middle")]


def _axes(box: panel.Box, x: Scale, y: Scale, whole: bool, x_name: str = "", y_name: str = "") -> str:
    """The frame; ticks at every doubling where x is log2 k, named 1, 2, 4 …"""
    return panel.axes(box, x, y, x_name, y_name, tall=3, marks=4, says=(lambda v: short(2**v)) if whole else short)


def _lines(x: Scale, y: Scale, front: Front, look: Look, seeds: bool = True) -> str:
    """A front: thin a seed, thick the mean, the marker at its first point."""
    points = front[1]
    each = points if seeds and len(points) > 1 else ()
    drawn = [svg.path(map(x, p[:, 0]), map(y, p[:, 1]), look.seed) for p in each]
    mean = points.mean(axis=0)
    drawn.append(svg.path(map(x, mean[:, 0]), map(y, mean[:, 1]), look.line))
    return "".join([*drawn, marker(look, x(mean[0, 0]), y(mean[0, 1]))])


def _told(points: Floats, whole: bool) -> str:
    """A front in words."""
    mean = points.mean(axis=0)
    if whole:
        return f"pass@1 {mean[0, 1]:.2f}, pass@{2 ** (len(mean) - 1)} {mean[-1, 1]:.2f}"
    return f"precision {mean[0, 0]:.2f} to {mean[-1, 0]:.2f}, variety {mean[0, 1]:.2f} to {mean[-1, 1]:.2f}"


def _rows(name: str, front: Front, at: Sequence[float]) -> list[tuple[Cell, ...]]:
    """A row a point: of the mean, then of each seed."""
    tracks: list[tuple[str | int, Floats]] = [("mean", front[1].mean(axis=0)), *zip(front[0], front[1], strict=True)]
    return [(name, seed, at[i], cell(p[0]), cell(p[1])) for seed, points in tracks for i, p in enumerate(points)]
