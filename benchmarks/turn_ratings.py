"""Does dialogue/knowledge's gold agree with people? Partners' ratings of recorded messages, and messages out of place.

    REWARDBENCH_DATA=FOLDER python benchmarks/turn_ratings.py --split dev --split test --places 3000

For each place of a recorded conversation the message that was really said there is scored as if the policy had said it.
Spearman's rho with the rating that the partner gave it is taken over all messages, and within raters: many rate all
that one partner says alike, so rating and score are taken less their means over what one speaker says in one
conversation, for speakers who were not rated alike throughout. Intervals are percentile bootstraps over articles: the
conversations about one are not independent.
Length is shown beside gold: a score that agrees no better than the number of words says nothing that length does not.

Then how often the true message scores above one from a conversation about another article, above the last message said
again, and above filler that fits anywhere. The form of gold was chosen on `train`; `dev` and `test` are held out.
`--forms` compares some of the forms there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from rewardbench import find
from rewardbench.seeds import generator, stream
from rewardbench.types import Floats, UserError

TASK = "dialogue/knowledge"
RATINGS = {"Poor": 1, "Not Good": 2, "Passable": 3, "Good": 4, "Excellent": 5}
FILLER = "That is so interesting! I did not know that. What else do you know about it?"
RESAMPLES = 1000


@dataclass(frozen=True)
class Place:
    """One recorded message, and what gold says of it and of those in its stead."""

    conversation: int
    article: int
    """The number of its first conversation: what is resampled."""
    speaker: int
    """0 or 1."""
    rating: float
    """1 to 5; NaN where it was not rated."""
    scores: tuple[float, ...]
    """Of the true message by gold, second gold and number of words; by gold of a random one, a parrot's and filler."""


def places(split: str, most: int) -> list[Place]:
    """At most so many places of a split, drawn evenly."""
    task, world = (_module(name) for name in ("task", "world"))
    chats, rng = world.chats(split), stream(f"turn_ratings/{split}")
    opened = [task.open_places(chat) for chat in chats]
    every = [(n, i) for n, some in enumerate(opened) for i in some]
    chosen = rng.sample(every, min(most, len(every)))
    return [_place(task, chats, n, i, split == "train", _stranger(chats, opened, n, i)) for n, i in chosen]


def _stranger(chats: Sequence[Any], opened: Sequence[Sequence[int]], n: int, i: int) -> str:
    """A message of a conversation about another article, the same for a place whenever it is asked for."""
    rng = stream(f"turn_ratings/{n}/{i}")
    other = rng.choice([k for k, chat in enumerate(chats) if chat.article != chats[n].article and opened[k]])
    return chats[other].messages[rng.choice(opened[other])]


def _module(name: str) -> ModuleType:
    """A module of the task."""
    return find.tasks._module(find.task_folder(TASK), name)


def _place(task: ModuleType, chats: Sequence[Any], n: int, i: int, own: bool, stranger: str) -> Place:
    """The scores of one place."""
    chat, gold, second = chats[n], find.gold(TASK).score, find.second_gold(TASK)
    assert second is not None
    prompt, said = task.prompt_of(chat, i, n if own else -1), chat.messages[i]
    instead = [gold(prompt, text) for text in (stranger, chat.messages[i - 1], FILLER)]
    scores = (gold(prompt, said), second(prompt, said), float(len(said.split())), *instead)
    first = next(k for k, other in enumerate(chats) if other.article == chat.article)
    return Place(n, first, i % 2, float(RATINGS.get(chat.ratings[i], np.nan)), scores)


def raters(split: str) -> None:
    """Print how the ratings of a split spread, and how often a message takes up what the one before it brought."""
    world = _module("world")
    given = [(n, i % 2, r) for n, chat in enumerate(world.chats(split)) for i, r in enumerate(chat.ratings) if r]
    by: dict[tuple[int, int], set[str]] = {}
    for number, speaker, rating in given:
        by.setdefault((number, speaker), set()).add(rating)
    good = np.mean([RATINGS[rating] >= RATINGS["Good"] for *_, rating in given])
    alike = np.mean([len(some) == 1 for some in by.values()])
    print(f"{split}: {100 * good:.0f} % of ratings Good or Excellent, {100 * alike:.0f} % of raters gave one alone")
    long = [len(text.split()) for chat in world.chats(split) for text in chat.messages]
    print(f"  words of a message: median {np.median(long):.0f}, ninth decile {np.quantile(long, 0.9):.0f}")
    taken = [took for chat in world.chats(split) for took in _taken_up(world, chat.messages)]
    print(f"  {100 * np.mean(taken):.0f} % of recorded messages take up a word that the one before was first to say")


def _taken_up(world: ModuleType, messages: Sequence[str]) -> list[bool]:
    """For each message from the third on that follows one with new words: whether it says one of them."""
    said = [set(world.content(text)) for text in messages]
    told = []
    for i in range(2, len(said)):
        if new := said[i - 1] - set().union(*said[max(0, i - 1 - world.CONTEXT) : i - 1]):
            told.append(bool(new & said[i]))
    return told


def forms(most: int) -> None:
    """Print, for some forms of a message's worth, what they tell on train."""
    task, world, gold = (_module(name) for name in ("task", "world", "gold"))
    chats, rng = world.chats("train"), stream("turn_ratings/train")
    opened = [task.open_places(chat) for chat in chats]
    every = [(n, i) for n, some in enumerate(opened) for i in some]
    rows, owner, y = [], [], []
    for n, i in rng.sample(every, min(most, len(every))):
        prompt, stranger = task.prompt_of(chats[n], i, n), _stranger(chats, opened, n, i)
        rows.append([_pieces(gold, world, prompt, text) for text in (chats[n].messages[i], stranger)])
        owner.append(2 * n + i % 2)
        y.append(float(RATINGS.get(chats[n].ratings[i], np.nan)))
    pieces = np.array(rows)
    names = ("closeness", "belonging", "specificity", "manner", "plausibility")
    told = {"all": pieces.prod(2), "closeness alone": pieces[:, :, 0]}
    told |= {f"without {name}": np.delete(pieces, k, 2).prod(2) for k, name in enumerate(names)}
    rated = np.isfinite(y)
    for name, score in told.items():
        gap = score[:, 0] - score[:, 1]
        inside = within(score[rated, 0], np.array(y)[rated], np.array(owner)[rated])
        print(
            f"  {name}: above a random message {100 * ((gap > 0) + (gap == 0) / 2).mean():.1f} %, within {inside:+.3f}"
        )


def _pieces(gold: ModuleType, world: ModuleType, prompt: Any, text: str) -> tuple[float, ...]:
    """Closeness, belonging, specificity, manner and plausibility of a message."""
    before, around, lifts = (
        [m["content"] for m in prompt.messages],
        world.background(prompt.truth),
        prompt.truth["lifts"],
    )
    said, known = set(world.content(text)), {w for other in before for w in world.content(other)}
    paid = said & {world.stem(word) for word in world.heard(around.speech, text)}
    return (
        gold.closeness(lifts, said, paid, known), gold.here(lifts, around.elsewhere, said),
        gold.specificity(lifts, paid, known), gold.manner(before, text), world.plausible(around.speech, text),
    )  # fmt: skip


def rho(x: Floats, y: Floats) -> float:
    """Spearman's rank correlation; NaN where one does not vary."""
    return float(spearmanr(x, y).statistic) if np.ptp(x) and np.ptp(y) else float("nan")


def within(x: Floats, y: Floats, raters: Floats) -> float:
    """Spearman's rho of both less their means over each rater's ratings, of raters that told messages apart.

    >>> round(within(np.array([1.0, 2, 9, 8]), np.array([4.0, 5, 1, 1]), np.array([0, 0, 1, 1])), 6)
    1.0
    """
    _, mine = np.unique(raters, return_inverse=True)
    count = np.bincount(mine)
    x, y = (a - (np.bincount(mine, a) / count)[mine] for a in (x, y))
    told = (np.bincount(mine, np.abs(y)) > 1e-9)[mine]
    return rho(x[told], y[told])


def interval(articles: Floats, measure: Callable[[Floats, Floats], float], name: str) -> tuple[float, float, float]:
    """The measure and its 95 % percentile interval over resampled articles.

    `measure` is given rows and, for each, the number of the draw that it belongs to: an article drawn twice is two.
    """
    groups = [np.flatnonzero(articles == a) for a in np.unique(articles)]
    rng, drawn = generator(f"turn_ratings/{name}"), []
    for _ in range(RESAMPLES):
        chosen = [groups[c] for c in rng.integers(len(groups), size=len(groups))]
        drawn.append(measure(np.concatenate(chosen), np.repeat(np.arange(len(chosen)), [len(c) for c in chosen])))
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return measure(np.arange(len(articles)), articles), float(low), float(high)


def report(split: str, found: Sequence[Place]) -> None:
    """Print the lines of one split."""
    rated = [p for p in found if np.isfinite(p.rating)]
    chats, articles = (len({getattr(p, a) for p in found}) for a in ("conversation", "article"))
    print(f"{split}: {len(found)} messages of {chats} conversations, {articles} articles, {len(rated)} rated")
    agreements(split, rated)
    scores, owner = np.array([p.scores for p in found]), np.array([p.article for p in found])
    for column, name in enumerate(("a random message", "the last message again", "filler"), 3):
        won, ties = wins_of(found, column), 100 * float((scores[:, 0] == scores[:, column]).mean())
        told = interval(owner, lambda rows, _, won=won: float(won[rows].mean()), f"{split}/{name}")
        at_0 = 100 * float(((scores[:, 0] == 0) & (scores[:, column] == 0)).mean())
        print(
            f"  true message above {name}: {told[0]:.1f} % [{told[1]:.1f}, {told[2]:.1f}], ties a half; "
            f"{ties:.1f} % ties, {at_0:.1f} % at 0; mean gold of it {scores[:, column].mean():.4f}"
        )
    print(f"  gold and second gold, Spearman: {rho(scores[:, 0], scores[:, 1]):+.3f}")
    true, other = scores[:, 0].mean(), scores[:, 3].mean()
    print(f"  mean gold of one message, of which two make a dialogue: true {true:.3f}, random {other:.3f}")


def wins_of(found: Sequence[Place], column: int) -> Floats:
    """100 for a place whose true message scores above what stands in its stead, 50 for a tie, 0 below."""
    gap = np.array([p.scores[0] - p.scores[column] for p in found])
    return 100.0 * ((gap > 0) + (gap == 0) / 2)


def agreements(split: str, rated: Sequence[Place]) -> None:
    """Print how each score agrees with the ratings, over all messages and within raters."""
    y, owner, chat, speaker = (
        np.array([getattr(p, a) for p in rated]) for a in ("rating", "article", "conversation", "speaker")
    )
    for column, name in enumerate(("gold", "second gold", "number of words")):
        x = np.array([p.scores[column] for p in rated])
        all_ = interval(owner, lambda rows, _, x=x: rho(x[rows], y[rows]), f"{split}/{name}/all")
        inside = interval(
            owner,
            lambda rows, draw, x=x: within(x[rows], y[rows], pair(draw, 2 * chat[rows] + speaker[rows])),
            f"{split}/{name}/within",
        )
        for what, told in (("all", all_), ("within raters", inside)):
            print(f"  Spearman, {name}, {what}: {told[0]:+.3f} [{told[1]:+.3f}, {told[2]:+.3f}]")


def pair(first: Floats, second: Floats) -> Floats:
    """One number for each different pair of whole numbers."""
    return first * (1 + second.max()) + second


def main() -> int:
    """Measure the asked splits."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--split", action="append", choices=["train", "dev", "test"], default=[], dest="splits")
    parser.add_argument("--places", type=int, default=3000, help="at most so many messages a split")
    parser.add_argument("--forms", action="store_true", help="compare forms of gold on train")
    given = parser.parse_args()
    try:
        if given.forms:
            raters("train")
            forms(given.places)
        for split in given.splits:
            report(split, places(split, given.places))
    except UserError as error:
        print(f"turn_ratings: {error}", file=sys.stderr)
        return error.code
    return 0


if __name__ == "__main__":
    sys.exit(main())
