"""How do the tests ask a task: for prompts, for its examples, for what it says of data that it cannot read?"""

import json
from itertools import islice

import pytest

from rewardbench import find
from rewardbench.types import Prompt, Task, UserError


def some(task: Task, split: str, count: int, seed: int = 1) -> list[Prompt]:
    """The first prompts of a split."""
    return list(islice(task.prompts(split, seed), count))


def refused(task: Task, split: str = "train") -> str:
    """The one line in which a task refuses its data."""
    with pytest.raises(UserError) as error:
        next(task.prompts(split, 1))
    assert error.value.code == 5
    assert "\n" not in str(error.value)
    return str(error.value)


def examples(name: str) -> list[dict]:
    """The rows of a task's `examples.jsonl`; none where there is no such file."""
    path = find.task_folder(name) / "examples.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def prompt_of(row: dict) -> Prompt:
    """The prompt of such a row."""
    asked = row["prompt"]
    return Prompt(**{**asked, "messages": tuple(asked.get("messages", ()))})
