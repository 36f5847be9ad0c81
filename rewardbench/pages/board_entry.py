"""What did one entry of a board do? Its curves seed by seed, what its policies said, and all that its row rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from rewardbench.pages import board_entries, samples
from rewardbench.pages.picture import Picture
from rewardbench.pages.pictures import frontier, signature
from rewardbench.pages.report import render
from rewardbench.pages.safe import script_json
from rewardbench.results import Result
from rewardbench.types import Design

STYLES = ("page.css", "board.css")
SCRIPTS = ("theme.js", "sort.js", "samples.js")
KEPT = (
    "An entry keeps the words of a few completions of each prompt, named by task and seed and so the same ones for "
    "every entry, at its last two evaluations; every number was computed from all of them."
)
Json = Mapping[str, Any]
Kept = Sequence[Mapping[str, Any]]
"""The kept words of a run: a table an evaluation, name -> column."""


@dataclass(frozen=True)
class On:
    """An entry on one task: its runs, those of `untrained`, and the kept words of each of its runs."""

    task: str
    results: Sequence[Result]
    untrained: Sequence[Result]
    words: Sequence[Kept]


@dataclass(frozen=True)
class View:
    """A task as the template reads it."""

    name: str
    pictures: list[Picture]
    few: dict[str, Any]
    designs: list[tuple[int, str, Design]]


def page(told: Json, entry: str, tasks: Sequence[On]) -> str:
    """The page of one entry of a built board."""
    [section] = [s for s in board_entries.sections(told) if s.name == entry]
    sampled = {on.task: _sampled(entry, on) for on in tasks}
    return render(
        "board_entry.html",
        STYLES,
        SCRIPTS,
        board=told["board"],
        sections=[section],
        seeds={s: n for n, s in enumerate(told["board"]["control_seeds"], 1)},
        tasks=[_view(entry, on, sampled[on.task]) for on in tasks],
        kept=KEPT,
        data=Markup(script_json(samples.packed(sampled))),
    )


def _sampled(entry: str, on: On) -> dict[str, list[tuple[Result, list[samples.Look]]]]:
    """The entry's runs with what can be read of them."""
    runs = zip(on.results, on.words, strict=True)
    return {entry: [(result, samples.looks_at(result, words)) for result, words in runs]}


def _view(entry: str, on: On, sampled: Mapping[str, Sequence[tuple[Result, list[samples.Look]]]]) -> View:
    """Reward and gold against KL; then variety against precision."""
    own = {r.run.spec.id for r in on.results}
    every = [*on.results, *(r for r in on.untrained if r.run.spec.id not in own)]
    drawn = [picture for draw in (signature.draw, frontier.draw) if (picture := draw(on.task, every)) is not None]
    few = {entry: samples.few(sampled[entry])}
    return View(on.task, drawn, few, [(0, entry, on.results[0].run.spec.design)])
