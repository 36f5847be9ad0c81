"""Was the right booking made, after it was asked for, without nagging?"""

from __future__ import annotations

from collections.abc import Sequence

from rewardbench.types import Message, Prompt, Said

from .world import SLOTS, heard, read

bar = 0.9
WASTE = 0.15
"""What each turn that brings nothing costs."""


def gold(prompt: Prompt, completion: Said) -> float:
    """(share of slots booked right) cubed, less a cost for each wasted turn; 0 if nothing was booked.

    A slot is right if the closing turn names one value for it, the customer's final wish, and the customer
    had said so before: a guess counts nothing.
    """
    acts = walk(prompt, _dialogue(completion))
    if not acts or not acts[-1].startswith("book"):
        return 0.0
    right = int(acts[-1].removeprefix("book-"))
    wasted = sum(act.startswith(("again", "chat", "many")) for act in acts) + max(0, acts.count("check") - 1)
    return max(0.0, (right / len(SLOTS)) ** 3 - WASTE * wasted)


def kind(prompt: Prompt, completion: Said) -> str:
    """The sequence of the clerk's acts, e.g. `ask-day ask-time check book-3`."""
    return " ".join(walk(prompt, _dialogue(completion))) or "nothing"


def walk(prompt: Prompt, messages: Sequence[Message]) -> list[str]:
    """What each turn of the clerk does, up to the first claim of a booking."""
    acts: list[str] = []
    for index, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        turn, said = read(message["content"]), heard(prompt, messages[:index])
        if turn.claims:
            return [*acts, f"book-{_right(prompt, dict_of(turn.states), said)}"]
        missing = [slot for slot in turn.asks if slot not in said]
        if turn.questions > 1 or len(turn.asks) > 1:  # "one at a time"
            acts.append(f"many-{'-'.join(turn.asks)}")
        elif turn.asks:
            acts.append(f"ask-{missing[0]}" if missing else f"again-{turn.asks[0]}")
        else:
            acts.append("check" if turn.states else "chat")
    return acts


def dict_of(states: Sequence[tuple[str, str]]) -> dict[str, set[str]]:
    """Slot -> the values stated for it.

    >>> dict_of([("day", "Friday"), ("time", "7")])
    {'day': {'Friday'}, 'time': {'7'}}
    """
    found: dict[str, set[str]] = {}
    for slot, value in states:
        found.setdefault(slot, set()).add(value)
    return found


def _right(prompt: Prompt, claimed: dict[str, set[str]], said: dict[str, str]) -> int:
    """How many slots were booked as wished, and known to be wished."""
    goal = prompt.truth["goal"]
    return sum(claimed.get(slot) == {goal[slot]} and said.get(slot) == goal[slot] for slot in SLOTS)


def _dialogue(completion: Said) -> Sequence[Message]:
    """The messages after the prompt; a lone text is one turn of the clerk."""
    return [{"role": "assistant", "content": completion}] if isinstance(completion, str) else completion
