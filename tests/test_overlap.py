"""Are the overlaps with references those of sacrebleu and rouge_score, on any text, with cached references too?"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from rewardbench.measures import overlap as measures
from rewardbench.rewards import overlap as parts

near = pytest.approx
sacrebleu = pytest.importorskip("sacrebleu.metrics")
rouge_scorer = pytest.importorskip("rouge_score.rouge_scorer")
WORDS = ["the", "wolf", "ran", "away", "a", "key", "The", ".", ",", "hid", "wolf's", "\n"]
prose = some.lists(some.sampled_from(WORDS), max_size=25).map(" ".join)
ascii_text = some.one_of(prose, some.text(some.characters(max_codepoint=127), max_size=60))
any_text = some.one_of(prose, some.text(max_size=60), some.text("狼跑了。the ran ", max_size=20))
TOLD = ["The wolf hid a key in the cave.", "She ran away from the wolf."]


class Ours:
    """The tokens of ours as a tokenizer of `rouge_score`."""

    tokenize = staticmethod(measures.rouge_tokens)


def rouge(kind, text, references, tokenizer=None):
    scorer = rouge_scorer.RougeScorer([kind], use_stemmer=False, tokenizer=tokenizer)
    return scorer.score_multi(references, text)[kind].fmeasure


@settings(max_examples=150, deadline=None)
@given(text=ascii_text, references=some.lists(ascii_text, min_size=1, max_size=3))
def test_rouge_equals_the_library(text, references):
    assert measures.rouge_n(text, references, 1) == near(rouge("rouge1", text, references))
    assert measures.rouge_n(text, references, 2) == near(rouge("rouge2", text, references))
    assert measures.rouge_l(text, references) == near(rouge("rougeL", text, references))


@settings(max_examples=150, deadline=None)
@given(text=any_text, references=some.lists(any_text, min_size=1, max_size=3))
def test_rouge_equals_the_library_with_our_words_on_any_text(text, references):
    assert measures.rouge_n(text, references, 2) == near(rouge("rouge2", text, references, Ours))
    assert measures.rouge_l(text, references) == near(rouge("rougeL", text, references, Ours))


@settings(max_examples=100, deadline=None)
@given(text=any_text, references=some.lists(any_text, min_size=1, max_size=3))
def test_sacrebleu_says_the_same(text, references):
    """Whatever was cached before; its own score of nothing compared with nothing is not asked."""
    if not text.strip() or not any(r.strip() for r in references):
        assert parts.bleu([text], [references]) == parts.chrf([text], [references]) == parts.ter([text], [references]) == [0.0]
        return
    cut, known = measures.spaced(text), [measures.spaced(r) for r in references]
    bleu = sacrebleu.BLEU(effective_order=True).sentence_score(cut, known).score
    chrf = sacrebleu.CHRF().sentence_score(cut, known).score
    ter = sacrebleu.TER().sentence_score(cut, known).score
    assert parts.bleu([text], [references]) == [near(bleu / 100)]
    assert parts.chrf([text], [references]) == [near(chrf / 100)]
    assert parts.ter([text], [references]) == [near(1 - min(1, ter / 100))]


def test_ter_counts_edits_and_shifts():
    assert measures.ter("the dog bit the man", ["the dog bit the man"]) == 0
    assert measures.ter("bit the man the dog", ["the dog bit the man"]) == near(1 / 5)  # one shift
    assert measures.ter("the dog bit", ["the dog bit the man"]) == near(2 / 5)


def test_a_copy_pays_in_full_and_a_shuffle_does_not():
    for part in (parts.bleu, parts.chrf, parts.ter, parts.rouge, parts.rouge1, parts.rouge2):
        assert part(TOLD, [TOLD] * 2) == [near(1)] * 2, part
        assert part(["", "  "], [TOLD] * 2) == [0, 0], part
    shuffled = ["cave the in key a hid wolf The"]
    assert parts.rouge1(shuffled, [TOLD[:1]]) == [near(1)]
    assert parts.rouge2(shuffled, [TOLD[:1]]) == [0]


def test_no_script_scores_nothing():
    for text in ("狼跑了", "волк убежал", "الذئب هرب", "หมาป่า", "café"):
        assert parts.rouge([text], [[text]]) == parts.rouge1([text], [[text]]) == [near(1)]
