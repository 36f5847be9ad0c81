"""Where do the passages and their questions come from? A file in SQuAD's layout (version 1.1), split by article."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from rewardbench import data
from rewardbench.seeds import split_of
from rewardbench.types import Prompt, UserError

PLACE = "qa/xquad/xquad.en.json"
LONGEST = 120
"""Words that a passage stays below, so that prompt and completion fit a small model's context and budget."""

ARTICLE = re.compile(r"\b(?:a|an|the)\b")


@dataclass(frozen=True)
class Item:
    """One question about one passage, and the answers that people marked in it."""

    article: str
    passage: str
    question: str
    answers: tuple[str, ...]


def split(article: str) -> str:
    """The split of all of an article's passages, by its title alone.

    >>> split("Super_Bowl_50") == split("super bowl 50")
    True
    """
    return split_of(article.replace("_", " ").lower())


def items(wanted: str) -> tuple[Item, ...]:
    """The questions of a split, in the file's order; raises UserError (code 5) where there are none."""
    found = tuple(item for item in _every(data.text(__file__, PLACE)) if split(item.article) == wanted)
    if not found:
        raise UserError(f"qa/passages: {PLACE} holds no passage under {LONGEST} words of split {wanted!r}", 5)
    return found


def cluster(prompt: Prompt) -> str:
    """The article of a prompt's passage: questions about one are no independent draws."""
    every = _every(data.text(__file__, PLACE))
    return next(item.article for item in every if item.passage == prompt.truth["passage"])


@lru_cache(maxsize=2)
def _every(text: str) -> tuple[Item, ...]:
    """Every question about a short passage; one that is asked twice has the answers of both."""
    try:
        articles = json.loads(text)["data"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f'qa/passages: {PLACE} is not in SQuAD\'s layout: {{"data": [articles]}}', 5) from error
    every: dict[tuple[str, str], Item] = {}
    for item in (item for n, article in enumerate(articles, 1) for item in _of(article, n)):
        known = every.get((item.passage, item.question))
        answers = dict.fromkeys([*(known.answers if known else ()), *item.answers])
        every[item.passage, item.question] = replace(item, answers=tuple(answers))
    return tuple(every.values())


def _of(article: Mapping[str, Any], place: int) -> Iterator[Item]:
    """An article's questions about its short passages; a damaged one is named by its place (code 5)."""
    try:
        title = str(article["title"])
        for paragraph in article["paragraphs"]:
            passage = " ".join(paragraph["context"].split())
            if len(passage.split()) >= LONGEST:
                continue
            for asked in paragraph["qas"]:
                answers = tuple(dict.fromkeys(" ".join(a["text"].split()) for a in asked["answers"]))
                yield Item(title, passage, " ".join(asked["question"].split()), _marked(answers, passage))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        layout = "title, paragraphs: [context, qas: [question, answers: [text]]]"
        where = f"qa/passages: {PLACE}, article {place},"
        raise UserError(f"{where} is not in SQuAD's layout ({layout}): {error}", 5) from error


def _marked(answers: tuple[str, ...], passage: str) -> tuple[str, ...]:
    """The answers, if there are any and each stands in the passage; raises ValueError where not.

    >>> _marked(("Bern",), "The capital is Bern.")
    ('Bern',)
    """
    if not answers or any(not answer or answer not in passage for answer in answers):
        raise ValueError(f"answers {list(answers)} that the passage does not hold")
    return answers


def plain(text: str) -> str:
    """The text with the marks of every script in one form (NFKC) and without characters that nobody sees.

    >>> plain("ｗｈｏ？ x\u200by")
    'who? xy'
    """
    return "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")


def words(text: str) -> list[str]:
    """The words as SQuAD's evaluation compares them: lower case, without articles, punctuation and signs.

    Its script knows ASCII's marks alone; here those of every script count, so that curly quotes and dashes are nothing.

    >>> words("The  Panthers’ 24–10, an upset!"), words("a, the")
    (['panthers', '2410', 'upset'], [])
    """
    kept = "".join(c for c in plain(text).lower() if unicodedata.category(c)[0] not in "PS")
    return ARTICLE.sub(" ", kept).split()
