"""How might somebody answer? Right and varied, or with the mistakes that small models make."""

from __future__ import annotations

from random import Random

from rewardbench.types import Message, Prompt

from .world import NAMES, NUMBERS


def demonstrate(prompt: Prompt, rng: Random, corruption: float) -> list[Message]:
    """One assistant message; `corruption` 0 is always right, 1 is wrong or evasive two times in three."""
    return [{"role": "assistant", "content": _text(prompt, rng, corruption)}]


def _text(prompt: Prompt, rng: Random, corruption: float) -> str:
    """The completion: mostly a wrong value when it is a mistake, sometimes a list or a hedge."""
    chance = rng.random()
    if chance < 0.25 * corruption:
        return _list(prompt, rng)
    answer = prompt.truth["answer"]
    if chance < 0.65 * corruption:
        answer = rng.choice(_wrong(prompt, rng))
    return _state(prompt, answer, rng)


def _state(prompt: Prompt, answer: str, rng: Random) -> str:
    """One answer, bare or as a sentence."""
    if rng.random() < 0.4:
        return f"{answer}."
    thing, asked = prompt.truth["thing"], prompt.truth["asked"]
    if prompt.truth["question"] == "more":
        return f"{answer} has more {thing}."
    if prompt.truth["question"] == "sum":
        return f"{asked[0]} and {asked[1]} have {answer} {thing}."
    return f"{asked[0]} has {answer} {thing}."


def _wrong(prompt: Prompt, rng: Random) -> list[str]:
    """Wrong answers that lie near: somebody else's number, one off, another name."""
    truth, numbers = prompt.truth, prompt.truth["numbers"]
    if truth["question"] == "more":
        return [name for name in (*numbers, rng.choice(NAMES)) if name != truth["answer"]]
    right = int(truth["answer"])
    near = {right - 1, right + 1, rng.choice(NUMBERS), *numbers.values()} - {right, 0}
    return [str(number) for number in sorted(near)]


def _list(prompt: Prompt, rng: Random) -> str:
    """Several answers at once: all the facts, the bare values, a hedge between two, or a count upwards."""
    truth, numbers = prompt.truth, prompt.truth["numbers"]
    form = rng.randrange(4)
    if form == 0:
        return " ".join(f"{name} has {number} {truth['thing']}." for name, number in numbers.items())
    values = list(numbers) if truth["question"] == "more" else [str(number) for number in numbers.values()]
    if form == 1:
        return ", ".join(values) + "."
    if form == 2:
        other = rng.choice(_wrong(prompt, rng))
        return " or ".join(rng.sample([truth["answer"], other], 2)) + "."
    first = rng.randrange(1, 8)
    return ", ".join(map(str, range(first, first + rng.randrange(3, 11)))) + "."
