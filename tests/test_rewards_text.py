"""Are the text parts finite, bounded and pure on any text, and right on texts whose score is known?"""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewardbench.rewards import fluency, keywords, length, overlap, repetition

WORDS = ["wolf", "key", "cave"]
TOLD = ["The wolf hid a key in the cave.", "She ran away."]
text = st.one_of(
    st.text(max_size=80),
    st.lists(st.sampled_from([*WORDS, "The", "the", "ran", ",", ".", "and", "\n"]), max_size=40).map(
        " ".join
    ),
)
Scores = Callable[[list[str]], list[float]]
PARTS: list[Scores] = [
    lambda c: keywords.coverage(c, [WORDS] * len(c)),
    lambda c: keywords.coverage(c, [WORDS] * len(c), most=2),
    lambda c: keywords.mentions(c, [WORDS] * len(c)),
    lambda c: keywords.unlisted(c, [WORDS] * len(c)),
    length.sentences,
    length.words,
    repetition.new_ngrams,
    repetition.new_sentences,
    fluency.sentence_form,
    fluency.readability,
    lambda c: overlap.bleu(c, [TOLD] * len(c)),
    lambda c: overlap.rouge(c, [TOLD] * len(c)),
]


@pytest.mark.parametrize("part", PARTS)
@settings(max_examples=60, deadline=None)
@given(first=text, second=text)
def test_parts_are_finite_bounded_and_pure(part: Scores, first: str, second: str) -> None:
    scores = part([first, second])
    assert len(scores) == 2
    assert all(math.isfinite(s) and 0 <= s <= 1 + 1e-12 for s in scores)
    assert part([second, first, second]) == [scores[1], scores[0], scores[1]]


def test_every_part_declares_that_it_is_pure() -> None:
    for topic in (keywords, length, repetition, fluency, overlap):
        named = [f for n, f in vars(topic).items() if getattr(f, "pure", False) and not n.startswith("_")]
        assert len(named) >= 2


def test_coverage_counts_once_and_mentions_pay_up_to_the_cap() -> None:
    stuffed = ["wolf " * 20]
    assert keywords.coverage(stuffed, [WORDS]) == [pytest.approx(1 / 3)]
    assert keywords.coverage(stuffed, [WORDS], most=3) == [0.0]
    assert keywords.mentions(stuffed, [WORDS], cap=12) == [1.0]
    assert keywords.coverage(["wolfish keys"], [WORDS]) == [pytest.approx(1 / 3)]


@pytest.mark.parametrize(
    ("said", "paid"),
    [("A wolf, key and cave.", 0.0), ("wolf key", 0.0), ("The wolf and the key. A cave.", 1.0), ("", 1.0)],
)
def test_lists_are_seen(said: str, paid: float) -> None:
    assert keywords.unlisted([said], [WORDS]) == [paid]


def test_exact_copy_of_a_reference_pays_in_full() -> None:
    assert overlap.bleu(TOLD[:1], [TOLD]) == [pytest.approx(1)]
    assert overlap.rouge(TOLD[:1], [TOLD]) == [1.0]
