"""How does a verifiers rubric call a reward? One rollout, or a group of them, its arguments by their names.

Names: `prompt`, `completion`, `answer`, `state`, `info`, `task`, `parser` and every column; in the plural
(`completions`, `answers`, `states` …) for a function of a group, which returns a list. `state` holds all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from rewardbench.calling import ANSWERS, answers, finished, rows
from rewardbench.conventions.signature import Signature, reads, signature

COMPLETIONS = ("completion", "completions")
ONLY_HERE = ("state", "info", "task", "parser")
MANY = {
    "prompts": "prompt", "completions": "completion", "answers": "answer", "states": "state", "infos": "info",
    "tasks": "task",
}  # fmt: skip


class Parser:
    """What verifiers' own parser does where none is set: the last message of the policy is the answer."""

    def parse(self, text: str) -> str:
        """The text as it is."""
        return text

    def parse_answer(self, completion: Any) -> str:
        """The content of the last assistant message; a text as it is."""
        if isinstance(completion, str):
            return completion
        said = [m["content"] for m in completion if m["role"] == "assistant"]
        return str(said[-1]) if said else ""


def fits(signature: Signature) -> str:
    """Why a function is called as a rubric calls it, or ""."""
    plural = [name for name in ("answers", "states", "infos", "tasks") if name in signature.names]
    if plural and "completions" in signature.names:
        return f"it takes 'completions' and {plural[0]!r}: a function of a group"
    only = [name for name in ONLY_HERE if name in signature.names]
    if only and "completions" not in signature.names:
        return f"it takes {only[0]!r}: a function of one rollout"
    alone = signature.required == ("completion",) and "answer" not in signature.names and not signature.keywords
    if "completion" in signature.names and not alone:
        return "it takes 'completion' with other things: a function of one rollout"
    return ""


def columns(function: Callable[..., Any], taken: Signature) -> tuple[str, ...]:
    """The columns that a function cannot do without; of the answer's names those that it looks at."""
    given = {*MANY, *MANY.values(), *ONLY_HERE} - {"answer", "answers"}
    asked = [name for name in taken.required if name not in given]
    wanted = [name for name in asked if name not in (*ANSWERS, "answers") or reads(function, name)]
    return tuple("answer" if name == "answers" else name for name in wanted)


def adapt(function: Callable[..., Any], task: str) -> Callable[..., Any]:
    """The function once a rollout, or once a group of siblings, with what its signature asks for."""
    taken = signature(function)
    group = "completions" in taken.names

    def paid(prompts: list[Any], completions: list[Any], **columns: Any) -> list[Any]:
        count = len(completions)
        named = zip(prompts, completions, answers(columns, count), rows(columns, count), strict=True)
        cells = [_rollout(*one, task, [n for n in taken.required if n in ANSWERS]) for one in named]
        told = [{**c, "state": dict(c), "parser": Parser()} for c in cells]
        if not group:
            return finished([function(**taken.wanted(one)) for one in told])
        found: list[Any] = []
        for _, siblings in groupby(told, key=lambda one: one["prompt"]):
            members = list(siblings)
            plural = {many: [m[one] for m in members] for many, one in MANY.items()}
            each = {name: [m[name] for m in members] for name in members[0] if name not in plural}
            found += list(finished([function(**taken.wanted({**each, **plural, "parser": Parser()}))])[0])
        return found

    return paid


def _rollout(
    prompt: Any, completion: Any, answer: Any, row: dict[str, Any], task: str, asked: Sequence[str]
) -> dict[str, Any]:
    """What a function of one rollout may ask for; a column of the task's comes before what is made here of all, and
    the answer goes under the other names that are asked for."""
    named = dict.fromkeys(("answer", *asked), answer)
    return {"info": row, "task": task, **named, **row, "prompt": prompt, "completion": completion}
