"""Is a task made of what a task is made of, and is each thing that it gives a prompt? A task may be anybody's."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from rewardbench import fence
from rewardbench.types import Prompt, Task, UserError

Rule = tuple[Callable[[Any], bool], str]
"""Whether a value is what a field is to hold, and that in words."""


def _whole(value: Any) -> bool:
    """Whether a value is an int; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def _texts(value: Any) -> bool:
    """Whether a value is a tuple or list of texts; one text is none."""
    return isinstance(value, (tuple, list)) and all(isinstance(one, str) for one in value)


def _turns(value: Any) -> bool:
    """Whether a value is a tuple or list of the turns of a chat."""
    return isinstance(value, (tuple, list)) and all(
        isinstance(m, dict) and isinstance(m.get("role"), str) and isinstance(m.get("content"), str) for m in value
    )


def _named(value: Any) -> bool:
    """Whether a value is a mapping whose keys are texts."""
    return isinstance(value, Mapping) and all(isinstance(key, str) for key in value)


TASK: dict[str, Rule] = {
    "prompts": (callable, "a function of (split, seed); name it, do not call it"),
    "max_tokens": (lambda v: _whole(v) and v >= 1, "a whole number of at least 1"),
    "version": (_whole, "a whole number"),
    "turns": (lambda v: _whole(v) and v >= 1, "a whole number of at least 1"),
    "reply": (lambda v: v is None or callable(v), "a function of (prompt, messages, rng), or None"),
    "one_answer": (lambda v: isinstance(v, bool), "True or False"),
    "verifiable": (_texts, "a tuple of columns' names"),
}
PROMPT: dict[str, Rule] = {
    "id": (lambda v: isinstance(v, str), "a text"),
    "text": (lambda v: isinstance(v, str), "a text"),
    "messages": (_turns, 'a tuple of {"role": text, "content": text}'),
    "columns": (_named, "a mapping with texts as keys"),
}


def the_task(name: str, found: Any) -> Task:
    """The task that a file defines; raises UserError (code 6) where it is none, or a field is not what it is to be."""
    if not isinstance(found, Task):
        raise UserError(f"{name}/task.py: `task` is {type(found).__name__}, not a rewardbench.Task", 6)
    if wrong := _fault(found, TASK):
        raise UserError(f"{name}/task.py: {wrong}", 6)
    try:
        signature = inspect.signature(found.prompts)
    except (TypeError, ValueError):  # one that has none is called, and says itself what it lacks
        return found
    try:
        signature.bind("train", 1)
    except TypeError as error:
        told = f"prompts takes {signature}, and is called with (split, seed)"
        raise UserError(f"{name}/task.py: {told}: {error}", 6) from error
    return found


def check_prompt(name: str, split: str, number: int, found: Any) -> None:
    """Raise UserError (code 6) where what a task gives is no prompt, or a field of it is not what it is to be."""
    if not isinstance(found, Prompt):
        told = f"is {_shown(found)}, a {type(found).__name__}, not a rewardbench.Prompt"
        raise UserError(f"{name}/task.py: {split} prompt {number} {told}", 6)
    if wrong := _fault(found, PROMPT):
        raise UserError(f"{name}/task.py: {split} prompt {number}: {wrong}", 6)


def _shown(value: Any) -> str:
    """The beginning of a value on one line: a table's, say, has many."""
    return " ".join(repr(value).split())[:60]


def _fault(found: Any, rules: Mapping[str, Rule]) -> str:
    """The first field that does not hold what it is to, in words; nothing where all do."""
    for field, (holds, words) in rules.items():
        if not holds(value := getattr(found, field)):
            return f"{field} = {_shown(value)} is not {words}"
    return ""


def checked(name: str, prompts: Callable[[str, int | str], Any]) -> Callable[[str, int | str], Iterator[Prompt]]:
    """A task's function of prompts, whose every prompt is checked as it is drawn, whoever draws it; what its code
    raises is a UserError (code 6) that names the task.
    """

    def stream(split: str, seed: int | str) -> Iterator[Prompt]:
        number = 0
        try:
            made = prompts(split, seed)
            if not isinstance(made, Iterable):
                told = f"prompts({split!r}, {seed!r}) returns {_shown(made)}, not an iterator of prompts"
                raise UserError(f"{name}/task.py: {told}: `yield` each of them", 6)
            for number, found in enumerate(made, 1):
                check_prompt(name, split, number, found)
                yield found
        except UserError:
            raise
        except (Exception, SystemExit) as error:
            gives = f"no {split} prompt" if not number else f"no {split} prompt after {number}"
            place, (_, why) = fence.users_line(error), fence.cause(error)  # in this order: a cause may clear frames
            told = (why or f"{type(error).__name__}: {fence.first_line(error)}") + place
            raise UserError(f"task {name!r} gives {gives}: {told}", 6) from error

    return stream


def some(task: Task, split: str, seed: int | str, count: int) -> list[Prompt]:
    """The first prompts of a split; raises UserError (code 6) where there are fewer."""
    found = list(islice(task.prompts(split, seed), count))
    if len(found) < count:
        raise UserError(ends(task.name, split, len(found)), 6)
    return found


def ends(name: str, split: str, count: int) -> str:
    """What is said of a split that holds so many prompts and no more."""
    return f"{name}/task.py: {split} ends after {count} prompt{'s' * (count != 1)}: a task's stream has no end"
