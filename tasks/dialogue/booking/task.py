"""Does the policy, as a clerk, ask a customer for what is missing and book what was wished?

The customer is a program: it answers one question at a time, sometimes does not hear one (and asks back,
or answers another), and sometimes corrects itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from rewardbench.seeds import split_of, stream
from rewardbench.types import Message, Prompt, Task

from .world import PHRASES, SLOTS, TURNS, VALUES, first, heard, read

ORDER = "You are a clerk. Ask for the missing day, time or number of people, one at a time, then confirm the booking."
GREETINGS = ("Hello,", "Hi,", "Good morning,", "Good evening,")
WISHES = (
    "I would like to book a table{}.",
    "I would like a table{}, please.",
    "can I book a table{}?",
    "I need a table{}.",
)


def wish(rng: Random) -> dict[str, Any]:
    """The truth of one dialogue: the goal, what the opening gives, and the customer's two weaknesses."""
    goal = {slot: rng.choice(VALUES[slot]) for slot in SLOTS}
    given = rng.sample(SLOTS, rng.choices((0, 1, 2), (25, 60, 15))[0])
    missing = [slot for slot in SLOTS if slot not in given]
    deaf = rng.choice(missing) if rng.random() < 0.3 else ""
    slip = rng.choice(SLOTS) if rng.random() < 0.4 and (given or not deaf) else ""
    wrong = {slip: rng.choice([v for v in VALUES[slip] if v != goal[slip]])} if slip else {}
    return {
        "goal": goal,
        "given": given,
        "deaf": deaf,
        "aside": rng.random() < 0.5,
        "slip": wrong,
        "late": rng.random() < 0.5,
    }


def opening(given: Sequence[str], said: Sequence[str], greeting: str, form: str) -> str:
    """The customer's first message.

    >>> opening(["day"], ["Friday"], "Hi,", "I need a table{}.")
    'Hi, I need a table on Friday.'
    """
    extra = "".join(f" {PHRASES[slot].format(value)}" for slot, value in zip(given, said, strict=True))
    return f"{greeting} {form.format(extra)}"


def _draw(rng: Random) -> tuple[str, dict[str, Any]]:
    """An opening and the truth behind it."""
    truth = wish(rng)
    said = [truth["slip"].get(slot, truth["goal"][slot]) for slot in truth["given"]]
    return opening(truth["given"], said, rng.choice(GREETINGS), rng.choice(WISHES)), truth


def prompts(split: str, seed: int | str) -> Iterator[Prompt]:
    """An endless stream of prompts; no opening stands in two splits, whatever the seeds."""
    index = 0
    while True:
        rng = stream(f"dialogue/booking/{split}/{seed}/{index}")
        text, truth = _draw(rng)
        while split_of("dialogue/booking " + text) != split:
            text, truth = _draw(rng)
        yield prompt_of(text, truth)
        index += 1


def prompt_of(text: str, truth: dict[str, Any]) -> Prompt:
    """An opening and its truth as a prompt. Rewards learn which slots a booking has, never the goal."""
    name = hashlib.sha256(f"{text} {sorted(truth.items())}".encode()).hexdigest()[:12]
    return Prompt(name, text=f"{ORDER} Customer: {text}", columns={"slots": list(SLOTS)}, truth=truth)


def reply(prompt: Prompt, messages: Sequence[Message], rng: Random) -> str | None:
    """The customer's next words; None once the clerk claims that the booking is made."""
    clerk = [m["content"] for m in messages if m["role"] == "assistant"]
    turn = read(clerk[-1])
    if turn.claims or len(clerk) >= TURNS:
        return None
    if not turn.asks:
        return _check(prompt, turn.states, heard(prompt, messages))
    said = heard(prompt, messages)
    missing = [slot for slot in turn.asks if slot not in said]
    if not missing:
        return _again(prompt, turn.asks[0], said)
    slot = missing[0]
    if slot == prompt.truth["deaf"] and not any(slot in read(text).asks for text in clerk[:-1]):
        others = [other for other in SLOTS if other not in said and other != slot]
        if not (prompt.truth["aside"] and others):
            return rng.choice(("Pardon?", "Sorry?"))
        slot = others[0]
    return _answer(prompt, slot, said, rng)


def _phrase(slot: str, value: str) -> str:
    """A value with its preposition: `on Friday`."""
    return PHRASES[slot].format(value)


def _answer(prompt: Prompt, slot: str, said: dict[str, str], rng: Random) -> str:
    """The wish for a slot, or a slip of the tongue; and its correction, now or with a later answer."""
    phrase = _phrase(slot, first(prompt, slot))
    text = phrase[0].upper() + phrase[1:] + rng.choice((".", ", please."))
    now = {**said, slot: first(prompt, slot)}
    due = [other for other in prompt.truth["slip"] if now.get(other) == prompt.truth["slip"][other]]
    waits = prompt.truth["late"] and slot in due and len(now) < len(SLOTS)
    if not due or waits:
        return text
    return f"{text} Sorry, I mean {_phrase(due[0], prompt.truth['goal'][due[0]])}."


def _again(prompt: Prompt, slot: str, said: dict[str, str]) -> str:
    """What a customer says who is asked for the same thing twice."""
    wanted = prompt.truth["goal"][slot]
    return f"{'As I said,' if said[slot] == wanted else 'Sorry, I mean'} {_phrase(slot, wanted)}."


def _check(prompt: Prompt, states: Sequence[tuple[str, str]], said: dict[str, str]) -> str:
    """The answer to a turn without a question word: yes, or what is wrong about it."""
    goal = prompt.truth["goal"]
    for slot, value in states:
        if goal[slot] != value:
            return f"No, {_phrase(slot, goal[slot])}."
    for slot, _ in states:
        if slot not in said:
            return f"Yes, {_phrase(slot, goal[slot])}."
    return "Yes, please." if states else "Pardon?"


task = Task(prompts=prompts, max_tokens=72, version=2, turns=TURNS, reply=reply)
