"""Does this board tell the truth? Its parts, and their answers in words: made from figures whatever they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewardbench.pages import truth_audit, truth_challenge, truth_retest, truth_second, truth_trainer
from rewardbench.pages.safe import code
from rewardbench.pages.truth_told import MISSING, Told

Json = Mapping[str, Any]
PARTS = {
    "audit": truth_audit,
    "retest": truth_retest,
    "second_gold": truth_second,
    "sensitivity": truth_trainer,
    "challenge": truth_challenge,
}
"""Part, as `board.json` names it -> its file, in the order told. A file has its QUESTION, its TITLE, `answers` and
`figures` of the truth that is known, and the STUDY that it needs; where entries are enough that is None, and `missing`
says which it needs.
"""


def questions(told: Json) -> dict[str, str]:
    """Part -> question, of those that can be asked of a board: studies are of designs, and of those a board of
    algorithms has one alone.
    """
    alone = told["board"].get("algorithms")
    return {part: one.QUESTION for part, one in PARTS.items() if not (alone and one.STUDY)}


def all_of(told: Json) -> list[Told]:
    """Every answer of a built board, part by part, task by task."""
    truth = told.get("truth") or {}
    found: list[Told] = []
    for part in questions(told):
        known = list(PARTS[part].answers(truth)) if truth.get(part) else []
        found += known or [Told(part, "", MISSING, "–", missing(part, told["board"]))]
    return found


def missing(part: str, board: Json) -> str:
    """What a part that is not known says, with the command that makes it."""
    one = PARTS[part]
    if one.STUDY:
        return f"Not measured yet: `rbench board study {one.STUDY} leaderboards/{code(board['name'])}` makes its runs."
    return str(one.missing(board))


def markdown(told: Json) -> list[str]:
    """The lines of the README's section."""
    lines = ["## Does it tell the truth?", ""]
    for part, question in questions(told).items():
        answers = [t for t in all_of(told) if t.part == part]
        lines += [f"**{question}**", "", *(f"- {t.says}" for t in answers), ""]
    return [*lines, "Charts and tables: [truth.html](truth.html).", ""]
