"""How is a completion scored that nobody sampled? Texts, or dialogues, as the Batch that a scorer reads.

Every word stands for one token: spans, masks and counts are those of a tokenizer that parts text at spaces.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from rewardbench.types import Batch, Message, Prompt, UserError

Completion = str | Sequence[Message]
"""A text, or everything after the prompt of a dialogue."""


def batch(prompts: Sequence[Prompt], completions: Sequence[Sequence[Completion]]) -> Batch:
    """The Batch of K completions for each of P prompts (`completions` [P][K]); T is the longest one's words + 1.

    The policy's turns are what an assistant says; token ids are hashes of the words, log-probabilities 0.
    Raises UserError where the prompts have different numbers of completions, or none.

    >>> made = batch([Prompt("a", text="Hi")], [["Good day.", "Hello"]])
    >>> made.ids.shape, made.text[0], made.spans[0][0][:2]
    ((1, 2, 3), ('Good day.', 'Hello'), ((0, 4), (5, 9)))
    """
    counts = {len(row) for row in completions}
    if len(completions) != len(prompts) or len(counts) != 1 or counts == {0}:
        raise UserError("every prompt needs the same number of completions, at least one")
    messages = [[_messages(one) for one in row] for row in completions]
    text = [["\n".join(m["content"] for m in one if m["role"] == "assistant") for one in row] for row in messages]
    spans = [[_spans(one) for one in row] for row in text]
    T = max(len(one) for row in spans for one in row)
    shape = (len(prompts), counts.pop(), T)
    ids, mine, turn = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=bool), np.zeros(shape, dtype=np.int64)
    for p, k in np.ndindex(*shape[:2]):
        places = spans[p][k]
        mine[p, k, : len(places)] = True
        ids[p, k, : len(places)] = [_token(text[p][k][a:b]) for a, b in places]
        turn[p, k, : len(places)] = [text[p][k].count("\n", 0, a) for a, _ in places]
    return Batch(
        prompts=tuple(prompts),
        context=tuple(tuple(_token(word) for word in p.plain().split()) for p in prompts),
        ids=ids,
        logp=np.zeros(shape),
        mine=mine,
        turn=turn,
        ended=np.ones(shape[:2], dtype=bool),
        text=tuple(map(tuple, text)),
        messages=tuple(tuple(map(tuple, row)) for row in messages),
        spans=tuple(map(tuple, spans)),
        limit=T,
    )


def _messages(completion: Completion) -> list[Message]:
    """A completion as messages."""
    return [{"role": "assistant", "content": completion}] if isinstance(completion, str) else list(completion)


def _spans(text: str) -> tuple[tuple[int, int], ...]:
    """Where each word stands, and the end of the text, which has a token of its own."""
    found, at = [], 0
    for word in text.split():
        start = text.index(word, at)
        at = start + len(word)
        found.append((start, at))
    return (*found, (len(text), len(text)))


def _token(word: str) -> int:
    """A number for a word, the same everywhere; 0 is the end."""
    return zlib.crc32(word.encode("utf-8", "surrogatepass")) % 49_151 + 1 if word else 0
