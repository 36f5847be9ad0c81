"""How does a writer tell a story of this world, and which mistakes do writers make? For warm starts."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from rewardbench.types import Message, Prompt

from .world import CLASSES, cast_of, pieces, plot, story, tell

Sentences = list[str]


def other_words(keywords: list[str], rng: Random) -> list[str]:
    """The keywords with one or two of them replaced by others of their kind: asked words forgotten."""
    wrong = rng.sample(range(len(keywords)), rng.choice((1, 1, 2)))
    kinds = [next(kind for kind, words in CLASSES.items() if k in words) for k in keywords]
    return [rng.choice(CLASSES[kinds[i]]) if i in wrong else k for i, k in enumerate(keywords)]


def stuffed(sentences: Sentences, keywords: list[str], rng: Random) -> Sentences:
    """A keyword, or all of them, said again and again inside one sentence or after it."""
    spot = rng.randrange(len(sentences))
    again = [rng.choice(keywords) for _ in range(rng.randint(2, 6))]
    joint = rng.choice((" and the ", " and the ", " "))
    body = sentences[spot].rstrip(".") + joint + joint.join(again) + "."
    return [*sentences[:spot], body, *sentences[spot + 1 :]]


def listed(sentences: Sentences, keywords: list[str], rng: Random) -> Sentences:
    """The instruction's list of words echoed where a sentence should be."""
    first, second, third = keywords
    echo = rng.choice(("The", "Use the words")) + f" {first}, {second} and {third}."
    spot = rng.randrange(len(sentences))
    return [*sentences[:spot], echo, *sentences[spot + 1 :]]


def again(sentences: Sentences, keywords: list[str], rng: Random) -> Sentences:
    """A sentence told twice or three times."""
    spot = rng.randrange(len(sentences))
    return [*sentences[:spot], *[sentences[spot]] * rng.choice((2, 2, 3)), *sentences[spot + 1 :]]


def disordered(sentences: Sentences, keywords: list[str], rng: Random) -> Sentences:
    """The end before the beginning."""
    return rng.sample(sentences, len(sentences))


def short(sentences: Sentences, keywords: list[str], rng: Random) -> Sentences:
    """Only one or two sentences."""
    return sentences[: rng.choice((1, 2, 2))]


def unending(sentences: Sentences, keywords: list[str], rng: Random) -> Sentences:
    """More sentences than asked, from another story with the same words."""
    return sentences + tell(plot(rng), cast_of(keywords, rng), rng)[: rng.randint(1, 4)]


def unfinished(sentences: Sentences, keywords: list[str], rng: Random) -> Sentences:
    """The last sentence breaks off."""
    words = sentences[-1].rstrip(".").split()
    return [*sentences[:-1], " ".join(words[: rng.randint(2, max(2, len(words) - 1))])]


WHOLE: tuple[tuple[float, Callable[[Sentences, list[str], Random], Sentences]], ...] = (
    (0.20, stuffed),
    (0.12, listed),
    (0.14, again),
    (0.22, disordered),
    (0.12, short),
    (0.16, unending),
    (0.10, unfinished),
)
"""How often, at corruption 1, each mistake is made on a story."""


def broken(sentence: str, rng: Random) -> str:
    """The sentence with a slip: a word lost, doubled or swapped, or the full stop forgotten."""
    words = sentence.rstrip(".").split()
    i = rng.randrange(len(words) - 1)
    slip = rng.choice(("lost", "lost", "doubled", "swapped", "run on"))
    if slip == "lost":
        words = words[:i] + words[i + 1 :]
    elif slip == "doubled":
        words = words[: i + 1] + words[i:]
    elif slip == "swapped":
        words[i], words[i + 1] = words[i + 1], words[i]
    return " ".join(words) + ("" if slip == "run on" else ".")


def demonstrate(prompt: Prompt, rng: Random, corruption: float) -> list[Message]:
    """One assistant message: a story with the prompt's keywords, and with mistakes as `corruption` rises."""
    keywords = list(prompt.columns["keywords"])
    forgotten = rng.random() < 0.55 * corruption
    sentences = story(other_words(keywords, rng) if forgotten else keywords, rng)
    for chance, mistake in WHOLE:
        if rng.random() < chance * corruption:
            sentences = mistake(sentences, keywords, rng)
    slips = [len(s.split()) > 3 and rng.random() < 0.21 * corruption for s in sentences]
    sentences = [broken(s, rng) if slip else s for s, slip in zip(sentences, slips, strict=True)]
    while pieces(" ".join(sentences)) > 54 and len(sentences) > 1:
        sentences = sentences[:-1]
    return [{"role": "assistant", "content": " ".join(sentences)}]
