"""Do people beat word salad by dialogue/knowledge's gold? Recorded messages against frames, constants and a search.

    REWARDBENCH_DATA=FOLDER python benchmarks/turn_salads.py --split train --split dev --split test --places 300

At each place a dialogue of the message that was recorded there and the same speaker's next one stands against dialogues
made at that place: word salads of the prompt's words and of the words with the highest lifts, fluent frames with the
same words put in, and two constant messages. `train` is held out by article: words, lifts and other contexts are those
of the other articles, and the constant pair is the best of its messages. `--search N` climbs from a salad at N places
by changing a word at a time, with gold as its guide. The share of messages that hold an 8-gram of train is said too.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from random import Random
from types import ModuleType
from typing import Any

import numpy as np

from rewardbench import find
from rewardbench.seeds import stream
from rewardbench.types import Floats, Message, Prompt, UserError

TASK = "dialogue/knowledge"
FOLDS = 5
SALADS = (
    "The {} was the {} that my {} and her {} had with a {}, and the zork is in the blick of quux.",
    "I saw {} and {} when his {} or their {} got to {} by {}, so plonk can be frob.",
)
FRAMES = (
    "I read that the {} and the {} were in the {} for years.",
    "I think that the {} and the {} were good, but I did not see the {} on tv.",
)
STEPS = 400


def _module(name: str) -> ModuleType:
    """A module of the task."""
    return find.tasks._module(find.task_folder(TASK), name)


def places(split: str, most: int) -> Iterator[tuple[Prompt, tuple[str, str]]]:
    """Prompts of a split with the speaker's own two messages, lifts of train made from other articles."""
    task, world, rng = _module("task"), _module("world"), stream(f"turn_salads/{split}")
    chats = world.chats(split)
    every = [(n, i) for n, chat in enumerate(chats) for i in task.open_places(chat) if i + 3 < len(chat.messages)]
    chosen = rng.sample(every, min(most, len(every)))
    articles = {a: k % FOLDS for k, a in enumerate(sorted({chat.article for chat in chats}))}
    for fold in range(FOLDS if split == "train" else 1):
        known = None
        if split == "train":
            rest = tuple(chat for chat in chats if articles[chat.article] != fold)
            known = world._indexed(rest)
            around = world.around(rest)
            speech = tuple(text for chat in rest for text in chat.messages)
        for n, i in chosen:
            chat = chats[n]
            if known is None or articles[chat.article] == fold:
                prompt = task.prompt_of(chat, i)
                if known is not None:
                    lifts = world.called_for(chat.messages[i - world.CONTEXT : i], known)
                    prompt.truth.update(lifts=lifts, speech=speech, elsewhere=around.elsewhere)
                yield prompt, (chat.messages[i], chat.messages[i + 2])


def dialogue(prompt: Prompt, turns: tuple[str, str]) -> list[Message]:
    """Two messages with the partner's between them."""
    said: list[Message] = [{"role": "assistant", "content": turns[0]}]
    partner = find.task(TASK).reply(prompt, said, Random(1)) or ""
    return [*said, {"role": "user", "content": partner}, {"role": "assistant", "content": turns[1]}]


def made(prompt: Prompt, rng: Random) -> dict[str, tuple[str, str]]:
    """Name -> two messages made of the prompt's words, or of those with the highest lifts."""
    world, lifts = _module("world"), prompt.truth["lifts"]
    said = sorted({w for m in prompt.messages[-3:] for w in world.words(m["content"]) if not world.aside(w)})
    rng.shuffle(said)
    best = sorted(lifts, key=lambda word: -lifts[word])
    told = {}
    for name, some in (("prompt's words", said), ("highest lifts", best)):
        for kind, frames in (("salad", SALADS), ("frame", FRAMES)):
            told[f"{kind} of the {name}"] = _filled(frames, some or ["soon"])
    return told


def _filled(frames: tuple[str, str], some: list[str]) -> tuple[str, str]:
    """Both frames with the words put in, one after the other, from the first again where they run out."""
    count = [frame.count("{}") for frame in frames]
    some = some * (1 + sum(count) // len(some))
    return frames[0].format(*some[: count[0]]), frames[1].format(*some[count[0] : sum(count)])


def constant(found: list[tuple[Prompt, tuple[str, str]]], rng: Random) -> tuple[str, str]:
    """The two of 400 messages of train that are worth most over all these prompts."""
    gold, texts = find.gold(TASK).score, [t for c in _module("world").chats("train") for t in c.messages if len(t) > 50]
    some = [prompt for prompt, _ in rng.sample(found, min(60, len(found)))]
    few = {t: sum(gold(p, t) for p in some[:12]) for t in rng.sample(texts, min(400, len(texts)))}
    best = sorted(few, key=lambda t: -few[t])[:12]
    worth = {t: sum(gold(p, t) for p in some) for t in best}
    first, second, *_ = sorted(best, key=lambda t: -worth[t])
    return first, second


def climbed(prompt: Prompt, rng: Random) -> tuple[str, float]:
    """A message that gold pays, found by changing a word of a salad at a time, and its worth alone."""
    worths, lifts = _module("gold").worths, list(prompt.truth["lifts"])
    speech = _module("world").background(prompt.truth).speech
    common = [word for word, _ in sorted(speech.words.items(), key=lambda row: -row[1])[:150]]
    told = rng.sample(lifts, min(6, len(lifts))) + rng.sample(common, 8)
    best = worths(prompt, " ".join(told) + ".")[0]
    for _ in range(STEPS):
        changed, at = list(told), rng.randrange(len(told))
        changed[at] = rng.choice(lifts if lifts and rng.random() < 0.4 else common)
        other = rng.randrange(len(told))
        if rng.random() < 0.3:
            changed[at], changed[other] = told[other], told[at]
        if (worth := _guide(prompt, changed)) >= _guide(prompt, told):
            told, best = changed, worths(prompt, " ".join(changed) + ".")[0] if worth >= 1 else best
    return " ".join(told) + ".", worths(prompt, " ".join(told) + ".")[0]


def _guide(prompt: Prompt, told: list[str]) -> float:
    """The worth plus the mean gain of order, which shows the way where the worth is 0."""
    text = " ".join(told) + "."
    speech, spoken = _module("world").background(prompt.truth).speech, _module("speech")
    return float(_module("gold").worths(prompt, text)[0] + 0.2 * np.mean(spoken.likelier(speech, text)))


def shared(split: str) -> float:
    """Share of a split's messages that hold eight words in a row of a message of train."""
    world = _module("world")
    known = {g for chat in world.chats("train") for text in chat.messages for g in _eights(world.words(text))}
    held = [any(g in known for g in _eights(world.words(t))) for chat in world.chats(split) for t in chat.messages]
    return float(np.mean(held))


def _eights(told: list[str]) -> Iterator[tuple[str, ...]]:
    """The eights of neighbouring words."""
    return (tuple(told[i : i + 8]) for i in range(len(told) - 7))


def line(name: str, scores: Floats, people: Floats, bar: float) -> str:
    """One row: mean gold, share at the bar, and how often people score above."""
    above = f"{100 * (people > scores).mean():.1f} % [ties {100 * (people == scores).mean():.1f}]"
    return f"  {name}: {scores.mean():.3f}, at the bar {100 * (scores >= bar).mean():.1f} %, people above {above}"


def report(split: str, most: int, search: int) -> None:
    """Print the lines of one split."""
    gold, rng = find.gold(TASK), stream(f"turn_salads/made/{split}")
    found = list(places(split, most))
    pair = constant(list(places("train", 200)), rng)
    scores: dict[str, list[float]] = {}
    first = []
    for prompt, people in found:
        for name, turns in {"people": people, **made(prompt, rng), "constant": pair}.items():
            scores.setdefault(name, []).append(gold.score(prompt, dialogue(prompt, turns)))
        first.append(_module("gold").worths(prompt, people[0])[0])
    told: dict[str, Any] = {name: np.array(some) for name, some in scores.items()}
    print(f"{split}: {len(found)} places; the constant pair is {pair}")
    for name, some in told.items():
        print(line(name, some, told["people"], gold.bar))
    for name, some in (("people's dialogues", told["people"]), ("people's first messages", np.array(first))):
        deciles = np.quantile(some, [0.1, 0.25, 0.5, 0.75, 0.9]).round(3)
        print(f"  {name}: mean {some.mean():.3f}, {100 * np.mean(some == 0):.1f} % at 0; quantiles {deciles}")
    if split != "train":
        print(f"  messages that hold an 8-gram of train: {100 * shared(split):.1f} %")
    climbs = [climbed(prompt, rng) for prompt, _ in found[:search]]
    if climbs:
        worth, theirs = np.mean([w for _, w in climbs]), np.mean(first[:search])
        print(f"  climbed: mean worth of a message {worth:.3f}, of people's there {theirs:.3f}")
        print("    best:", max(climbs, key=lambda row: row[1]))


def main() -> int:
    """Measure the asked splits."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--split", action="append", choices=["train", "dev", "test"], default=[], dest="splits")
    parser.add_argument("--places", type=int, default=300, help="at most so many places a split")
    parser.add_argument("--search", type=int, default=0, help="places to climb at")
    given = parser.parse_args()
    try:
        for split in given.splits:
            report(split, given.places, given.search)
    except UserError as error:
        print(f"turn_salads: {error}", file=sys.stderr)
        return error.code
    return 0


if __name__ == "__main__":
    sys.exit(main())
