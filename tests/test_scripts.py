"""Are words and sentences found in scripts that write no spaces, and is all other text read as it always was?"""

import re
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as some

from rewardbench.measures import diversity, overlap, scripts
from rewardbench.measures.ngrams import repeated_share, sentences, tokens
from rewardbench.rewards import fluency, length, null, repetition

near = pytest.approx
STORY = "从前有一只狼。它把钥匙藏在山洞里！后来呢？它忘了钥匙在哪里。"
spaced_scripts = some.text(some.characters(codec="utf-8", exclude_categories=["Lo", "Lm", "Po", "Cs", "Cn"]), max_size=60)
"""Latin, Greek, Cyrillic letters, figures, emoji, spaces: all but letters without case and places not given out."""
latin = some.one_of(
    spaced_scripts,
    some.text("abcXYZ éßñ' ’-_.!?,0123\n\t", max_size=80),
    some.lists(some.sampled_from(["The", "wolf's", "ran.", "«Oui!»", "50%", "naïve"]), max_size=20).map(" ".join),
)


def tokens_before(text):
    """As the words of every text were cut when spaces alone parted them."""
    return re.findall(r"[^\W_]+(?:['’][^\W_]+)*", text.lower())


def sentences_before(text):
    pieces = (piece.strip() for piece in re.split(r"(?<=[.!?])\s+", text))
    return [piece for piece in pieces if piece]


@given(latin)
def test_text_with_spaces_is_read_as_before(text):
    assert tokens(text) == tokens_before(text)
    assert sentences(text) == sentences_before(text)
    assert scripts.words(text) == text.split()
    assert scripts.spaced(text) == text


@given(some.text(max_size=60))
def test_nothing_is_lost_of_any_text(text):
    assert "".join(scripts.words(text)) == "".join(text.split())
    assert "".join(chain(*map(str.split, sentences(text)))) == "".join(text.split())
    assert set("".join(tokens(text))) <= set(text.lower())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("狼跑了，OK? 3个", ["狼", "跑", "了", "ok", "3", "个"]),
        ("私はビールを飲む。", list("私はビールを飲む")),
        ("ｶﾞｷﾞ人々", ["ｶ", "ﾞ", "ｷ", "ﾞ", "人", "々"]),
        ("ฉันชื่อ ๑๒", ["ฉั", "น", "ชื่", "อ", "๑๒"]),
        ("ສະບາຍດີ", ["ສ", "ະ", "ບ", "າ", "ຍ", "ດີ"]),
        ("ខ្ញុំ", ["ខ្", "ញុំ"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("Привет, волк", ["привет", "волк"]),
        ("مرحبا بك", ["مرحبا", "بك"]),
        ("\U00020bb7野家", ["\U00020bb7", "野", "家"]),
    ],
)
def test_a_character_is_a_word_where_no_spaces_are_written(text, words):
    assert tokens(text) == words


def test_sentences_end_without_a_space():
    assert sentences(STORY) == ["从前有一只狼。", "它把钥匙藏在山洞里！", "后来呢？", "它忘了钥匙在哪里。"]
    assert sentences("彼は「行く。」と言った。終わり") == ["彼は「行く。」", "と言った。", "終わり"]
    assert sentences("वह भागा। फिर रुका।") == ["वह भागा।", "फिर रुका।"]
    assert sentences("他说。 She left. ok") == ["他说。", "She left.", "ok"]
    assert sentences("真的？！走") == ["真的？！", "走"]


def test_the_zh_tokenizer_of_sacrebleu_agrees_on_chinese():
    cut = pytest.importorskip("sacrebleu.tokenizers.tokenizer_zh").TokenizerZh()
    for text in (STORY, "他有3个苹果，她有12个。", "「走吧」，狼说。"):
        assert scripts.words(text) == cut(text).split()


def test_chinese_has_measures_of_its_own():
    other = "从前有一只熊。它把蜂蜜藏在山洞里！后来呢？它忘了蜂蜜在哪里。"
    assert diversity.distinct_n(["狼跑狼跑"], 1) == diversity.distinct_n(["a b a b"], 1) == 0.5
    assert diversity.expectation_adjusted_distinct(["狼跑狼跑"], 1, 20) == near(0.5391, abs=1e-4)
    assert repeated_share("狼跑狼跑狼跑", 2) == near(repeated_share("a b a b a b", 2))
    sacrebleu = pytest.importorskip("sacrebleu")
    zh = [sacrebleu.sentence_bleu(a, [b], tokenize="zh", use_effective_order=True).score for a, b in ((STORY, other), (other, STORY))]
    assert diversity.self_bleu([STORY, other]) == near(sum(zh) / 2)
    assert overlap.bleu(STORY, [other]) == near(zh[0] / 100)
    assert 0.5 < overlap.rouge_l(STORY, [other]) < 1
    assert overlap.token_f1("狼跑了", "狼") == near(0.5)


def test_parts_read_chinese():
    assert length.sentences([STORY], low=4, high=4) == [1.0]
    assert length.words([STORY], low=20, high=30) == [1.0]
    assert null.length(["狼跑了"], target=6) == [0.5]
    assert null.echo(["狼跑了"], ["狼走了"]) == [near(2 / 3)]
    assert repetition.new_sentences([STORY + "它忘了钥匙在哪里。"]) == [near(0.8)]
    assert fluency.sentence_form([STORY]) == [0.0]
