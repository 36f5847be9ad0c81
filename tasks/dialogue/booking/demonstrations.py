"""How might clerks talk? Right and varied, or with the mistakes that small models make."""

from __future__ import annotations

from random import Random

from rewardbench.types import Message, Prompt

from .task import reply
from .world import PHRASES, SLOTS, TURNS, VALUES, first, heard

QUESTIONS = {
    "day": ("For which day?", "Which day, please?", "What day would you like?", "On which day?"),
    "time": ("At what time?", "What time, please?", "What time would you like?", "For what time?"),
    "people": ("For how many people?", "How many people, please?", "How many people?", "How many are you?"),
}
CLOSINGS = (
    "I have booked a table{}.",
    "Your table{} is booked.",
    "I have reserved a table{}.",
    "Your table is reserved{}.",
    "A table{} is confirmed.",
)
CHATTER = (
    "Thank you very much.",
    "You are welcome.",
    "Good morning, how are you?",
    "Sorry, one moment, please.",
)
THANKS = ("Thank you.", "Thank you very much.", "Sorry.", "You are welcome.")


def demonstrate(prompt: Prompt, rng: Random, corruption: float) -> list[Message]:
    """A whole dialogue after the prompt, the customer's words included; at `corruption` 0 it is right."""
    messages: list[Message] = []
    order = rng.sample(SLOTS, len(SLOTS))
    checks = rng.random() < 0.2 * (1 - corruption)
    if rng.random() < 0.25 * corruption:
        order = order[: rng.choice((0, 0, 1, 2))]
    for turn in range(TURNS):
        said = heard(prompt, messages)
        missing = [slot for slot in order if slot not in said]
        if not missing and checks and len(messages) <= 4:  # a longer call has no room for it
            text, checks = _listing("A table{}?", said, rng), False
        elif not missing or turn == TURNS - 1:
            text = _closing(prompt, messages, rng, corruption)
        else:
            text = _asking(missing, said, rng, corruption)
        messages.append({"role": "assistant", "content": text})
        answer = reply(prompt, messages, rng)
        if answer is None:
            break
        messages.append({"role": "user", "content": answer})
    return messages


def _asking(missing: list[str], said: dict[str, str], rng: Random, corruption: float) -> str:
    """A question for what is missing; when corrupted at times for what is known, or only chatter."""
    chance = rng.random()
    if chance < 0.05 * corruption:
        return rng.choice(CHATTER)
    slot = missing[0]
    if chance < 0.17 * corruption and said:
        slot = rng.choice(sorted(said))
    text = rng.choice(QUESTIONS[slot])
    return f"{rng.choice(THANKS)} {text}" if rng.random() < 0.05 + 0.2 * corruption else text


def _closing(prompt: Prompt, messages: list[Message], rng: Random, corruption: float) -> str:
    """The sentence that books; when corrupted at times with wrong, guessed, forgotten or old values."""
    booked = heard(prompt, messages)
    for slot in SLOTS:
        chance = rng.random()
        if chance < 0.12 * corruption:
            booked[slot] = rng.choice(VALUES[slot])
        elif chance < 0.22 * corruption:
            booked.pop(slot, None)
        elif slot in booked and rng.random() < 0.25 * corruption:
            booked[slot] = first(prompt, slot)
    text = _listing(rng.choice(CLOSINGS), booked, rng)
    polite = rng.random() < 0.1 + 0.3 * corruption
    return f"{rng.choice(THANKS[:2])} {text}" if polite else text


def _listing(form: str, booked: dict[str, str], rng: Random) -> str:
    """A sentence with the values in some order: `A table for four on Friday at 7 is confirmed.`"""
    slots = rng.sample(sorted(booked), len(booked))
    return form.format("".join(f" {PHRASES[slot].format(booked[slot])}" for slot in slots))
