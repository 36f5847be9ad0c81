"""What is a picture? An SVG, the words around it, and the numbers it was drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from rewardbench.results import Result

HERE = Path(__file__).parent / "pictures"

Cell = str | float | int | None


@dataclass(frozen=True)
class Picture:
    """One picture of one task. Nothing in it is escaped for HTML but `svg`, which is markup already."""

    name: str
    """The file's name."""
    title: str
    caption: str
    """What is drawn, of how many seeds, what the band is, how to read it."""
    svg: str
    """An `<svg>` element; its colours are CSS variables of the page, or of `svg.standalone`."""
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    """The numbers drawn; None where one is not known."""


def pictures(task: str, results: Sequence[Result]) -> list[Picture]:
    """Every picture of one task's results in the order of their files' PLACE; those with nothing to show left out."""
    names = sorted(p.stem for p in HERE.glob("[!_]*.py"))
    modules = sorted((import_module(f"rewardbench.pages.pictures.{n}") for n in names), key=lambda m: int(m.PLACE))
    drawn = [module.draw(task, results) for module in modules]
    return [picture for picture in drawn if picture is not None]
