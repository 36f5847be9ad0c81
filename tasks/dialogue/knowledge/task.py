"""Can the policy carry on a conversation of two people as a partner who knows something of its topic?

Recorded conversations that you supply, read when the first prompt is drawn. After the policy's message the partner
takes up a word of it and asks for more; then the policy speaks once more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import count
from random import Random

from rewardbench.seeds import stream
from rewardbench.types import Message, Prompt, Task, UserError

from .world import CLOSING, CONTEXT, LONGEST, TURNS, Chat, called_for, chats, content, index, longest, words

ASK = "Let us chat. Keep to one or two short sentences, and tell me something new each time."
MORE = (
    'You mentioned "{}". What else can you tell me about that?',
    'I did not know that. What do you mean by "{}"?',
    'Tell me more about "{}", please. Why does it matter?',
)
BACK = 'I do not follow. We were talking about "{}". What do you know about that?'
LOST = "I do not follow. What do you mean?"
KEYWORDS = 8
AHEAD = 3
"""Recorded messages from which the keywords are taken: what the two people went on to say."""


def prompts(split: str, seed: int | str) -> Iterator[Prompt]:
    """The split's places to go on from, in an order of the seed's own, again and again, shuffled anew each time."""
    found = chats(split)
    places = [(number, place) for number, chat in enumerate(found) for place in open_places(chat)]
    if not places:
        raise UserError(f"dialogue/knowledge: the files hold no conversation of split {split!r} that is long enough", 5)
    for epoch in count():
        stream(f"dialogue/knowledge/{split}/{seed}/{epoch}").shuffle(places)
        for number, place in places:
            yield prompt_of(found[number], place, number if split == "train" else -1)


def open_places(chat: Chat) -> list[int]:
    """The messages that a policy may be asked for: enough before them, the goodbyes left out, no long context."""
    last = len(chat.messages) - CLOSING
    return [i for i in range(CONTEXT, last) if sum(map(len, map(words, chat.messages[i - CONTEXT : i]))) <= LONGEST]


def prompt_of(chat: Chat, place: int, own: int = -1) -> Prompt:
    """The messages before `place` as a chat that the policy goes on with; `own` is the conversation's number in train.

    Rewards see what the two people went on to say; gold sees which words the context calls for by other conversations.
    """
    said, ahead = chat.messages[place - CONTEXT : place], chat.messages[place : place + AHEAD]
    first, *others = said
    told = [f"{ASK}\n{first}", *others]
    messages: tuple[Message, ...] = tuple(
        {"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(told)
    )
    known = index()
    new = dict.fromkeys(w for text in ahead for w in content(text) if w not in {s for t in said for s in content(t)})
    rare = sorted(new, key=lambda word: -known.rarity.get(word, 0.0) if word in known.holders else 0.0)
    columns = {"references": [chat.messages[place]], "keywords": rare[:KEYWORDS]}
    name = hashlib.sha256("\n".join(told).encode()).hexdigest()[:12]
    return Prompt(name, messages=messages, columns=columns, truth={"lifts": called_for(said, known, own)})


def reply(prompt: Prompt, messages: Sequence[Message], rng: Random) -> str | None:
    """The partner takes up the longest new word and asks for more, or goes back to what was talked about.

    It does not know what gold knows: a reward that reads the partner's words must not read the truth in them.
    """
    said = [m["content"].removeprefix(ASK) for m in prompt.messages]
    if word := longest(messages[-1]["content"], {word for text in said for word in content(text)}):
        return rng.choice(MORE).format(word)
    topic = next((word for text in reversed(said) if (word := longest(text))), "")
    return BACK.format(topic) if topic else LOST


task = Task(prompts=prompts, max_tokens=112, version=1, turns=TURNS, reply=reply)
