"""In a dialogue the partner says what the task's partner says, and the text is the policy's turns.

Why: gold reads the whole dialogue. A customer who was made to agree would book anything; but the partner is a program
whose chance is named by split, seed, temperature, prompt, sample and turn, so each of its words can be computed
again.
Mend: pack the entry from its run folders.
"""

from __future__ import annotations

from typing import Any

from rewardbench import find, seeds
from rewardbench.boards.checks._case import Case, NotChecked, Piece, listed, messages, place
from rewardbench.boards.finding import Finding
from rewardbench.boards.rows import keys
from rewardbench.types import Message, Prompt, Task

CODE = "V31"
LEVEL = "rescored"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ("V06", "V24")


def check(case: Case) -> list[Finding]:
    """Kept dialogues in which the partner says something else, or whose text is another."""
    talks = [piece for piece in case.all if find.task(piece.task).turns > 1]
    if not talks:
        raise NotChecked("no task of the entry is a dialogue")
    return [f for piece in talks for f in _of(piece)]


def _of(piece: Piece) -> list[Finding]:
    task = find.task(piece.task)
    other, spoken = [], []
    for i, key in enumerate(keys(piece.texts)):
        said = messages(piece.texts, i, piece.where)
        own = "\n".join(m["content"] for m in said if m["role"] == "assistant")
        if own != piece.texts["text"][i]:
            spoken.append(place(piece.where, piece.texts, i))
        place_, prompt = _drawn(piece, key)
        if not _faithful(task, prompt, said, f"{place_}/{key[5]}"):
            other.append(place(piece.where, piece.texts, i))
    return [
        *listed(CODE, "the partner says something else", other, task=piece.task),
        *listed(CODE, "the text is not the policy's turns", spoken, task=piece.task),
    ]


def _drawn(piece: Piece, key: tuple[Any, ...]) -> tuple[str, Prompt]:
    """(the name of the noise of a prompt, the prompt) of a completion's key."""
    seed, split, _, heat, prompt, _, time = key
    of = "dev" if split == "dev" else piece.specs[0].grid_split or "dev"
    drawn = piece.prompts(of, seed)
    at = [p for p, one in enumerate(drawn) if one.id == prompt][time]
    return f"{of}/{seed}/{heat:g}/{at}", drawn[at]


def _faithful(task: Task, prompt: Prompt, said: list[Message], name: str) -> bool:
    """Whether every word of the partner's is what it would say there."""
    turn = 0
    for i, one in enumerate(said):
        if (one["role"] == "assistant") != (i % 2 == 0):
            return False
        if one["role"] == "user":
            rng = seeds.stream(f"partner/{name}/{turn}")
            if task.reply is None or task.reply(prompt, said[:i], rng) != one["content"]:
                return False
            turn += 1
    return True
