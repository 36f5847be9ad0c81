"""Does a piece's score reach the piece's own last token, and does the whole stay on the same scale?"""

import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given as always
from hypothesis import strategies as st

from rewardbench import find, given, scoring
from rewardbench.advantage import to_go
from rewardbench.calling import When
from rewardbench.levels import PIECES, pieces, spread
from rewardbench.types import Prompt, UserError

WHEN = When("levels", 0, 0.0)
TEXT = "She ran away. he hid! And then"


def lengths(completions):
    return [float(len(c)) for c in completions]


@always(st.text(max_size=80), st.sampled_from(sorted(PIECES)))
def test_pieces_lie_in_order_within_the_text_and_hold_all_that_is_no_space(text, level):
    places = pieces(text, level)
    assert all(0 <= a < b <= len(text) for a, b in places)
    assert all(b <= c for (_, b), (c, _) in pairwise(places))
    said = "".join("".join(text[a:b].split()) for a, b in places)
    assert said == "".join(text.split())


def test_sentences_of_a_text_without_spaces():
    text = "她跑了。他藏了起来！"
    assert [text[a:b] for a, b in pieces(text, "sentence")] == ["她跑了。", "他藏了起来！"]


def design_of(tmp_path, text, task="writing/story"):
    (tmp_path / "d.toml").write_text(text)
    return find.design(str(tmp_path / "d.toml"), task)


def paid(tmp_path, text, said, task="writing/story"):
    made = find.bind(design_of(tmp_path, text, task), task)
    prompt = Prompt("p", text="Hi", columns={"keywords": ["wolf", "key", "cave"]})
    return scoring.pay(made, given.batch([prompt], [[said, "x"]]), WHEN, scoring.start(made), 9.0).batch


def test_each_sentence_is_paid_on_its_last_token(tmp_path):
    batch = paid(tmp_path, '[[part]]\nuse = "fluency.sentence_form"\nlevel = "sentence"\n', TEXT)
    words = TEXT.split()
    at = [words.index("away."), words.index("hid!"), words.index("then")]
    own = batch.credit[0, 0]
    assert np.flatnonzero(own).tolist() == [t for t in at if own[t]]
    assert own[at].tolist() == pytest.approx([1.0, 1 / 2 - 1, 1 / 3 - 1 / 2]), "one proper sentence of three"
    assert own.sum() == pytest.approx(batch.reward[0, 0])
    ahead = to_go(batch)[0, 0]
    assert ahead[0] == pytest.approx(batch.reward[0, 0])
    assert ahead[at[0] + 1] == pytest.approx(batch.reward[0, 0] - own[at[0]])


def test_paid_at_the_end_the_total_is_the_same(tmp_path):
    parts = '[[part]]\nuse = "fluency.sentence_form"\nlevel = "sentence"\n[[part]]\nuse = "keywords.coverage"\n'
    stands, end = paid(tmp_path, parts, TEXT), paid(tmp_path, 'credit = "end"\n' + parts, TEXT)
    assert stands.credit is not None
    assert end.credit is None
    np.testing.assert_array_equal(stands.reward, end.reward)


def test_what_is_said_of_the_whole_stands_on_the_last_token(tmp_path):
    parts = '[[part]]\nuse = "fluency.sentence_form"\nlevel = "sentence"\n[[part]]\nuse = "length.words"\nweight = 2.0\n'
    batch = paid(tmp_path, parts, TEXT)
    last = np.flatnonzero(batch.mine[0, 0])[-1]
    piece = paid(tmp_path, parts.partition("[[part]]\nuse = \"length")[0], TEXT)
    np.testing.assert_allclose(batch.credit[0, 0, :last], piece.credit[0, 0, :last])
    assert batch.credit[0, 0, last] == pytest.approx(batch.parts[0, 0, 1] * 2 + piece.credit[0, 0, last], abs=1e-9)


def test_a_scheduled_piece_is_paid_by_its_weight_of_the_moment(tmp_path):
    text = '[[part]]\nuse = "fluency.sentence_form"\nlevel = "sentence"\nschedule = [[0, 0.5], [1, 1]]\n'
    batch = paid(tmp_path, text, TEXT)
    assert batch.credit[0, 0].sum() == pytest.approx(batch.reward[0, 0]) == pytest.approx(batch.parts[0, 0, 0] / 2)


def test_where_another_part_abstains_the_pieces_are_paid_its_weight_where_they_stand(tmp_path):
    (tmp_path / "mine.py").write_text("def silent(completions):\n    return [None for _ in completions]\n")
    one = '[[part]]\nuse = "fluency.sentence_form"\nlevel = "sentence"\n'
    batch = paid(tmp_path, one + '[[part]]\nuse = "mine.py:silent"\nweight = 2.0\n', TEXT)
    np.testing.assert_allclose(batch.credit, 3 * paid(tmp_path, one, TEXT).credit, atol=1e-12)


@pytest.mark.parametrize("level", sorted(PIECES))
def test_the_sum_is_the_mean_of_the_pieces_so_far_and_what_comes_later_moves_nothing(level):
    [told] = spread(lengths, level)(completions=[TEXT])
    found = [b - a for a, b in pieces(TEXT, level)]
    for n in range(1, len(found) + 1):
        assert sum(score for _, _, score in told[:n]) == pytest.approx(np.mean(found[:n]))


def test_columns_come_along_and_a_silent_piece_is_left_out():
    def first(completions, answer, step):
        assert step == 3
        return [None if c == "no" else float(c == a) for c, a in zip(completions, answer, strict=True)]

    told = spread(first, "word")(completions=["7 no 8", "no", ""], answer=["7", "7", ""], step=3)
    assert told == [[(0, 1, 1.0), (5, 6, -0.5)], None, 1.0]


def test_what_a_dict_pays_is_paid_for_each_piece(tmp_path):
    (tmp_path / "mine.py").write_text("def verl(solution_str, ground_truth=None):\n    return {'score': len(solution_str), 'n': 1}\n")
    batch = paid(tmp_path, '[[part]]\nuse = "mine.py:verl"\nlevel = "word"\n', "a bcd")
    assert batch.credit[0, 0].tolist()[:2] == [1.0, 1.0], "a mean of 1, then one of 2"


def test_a_long_run_of_spaces_is_cut_at_once():
    begun = time.process_time()
    assert pieces(" " * 20_000 + "a. b", "sentence") == [(20_000, 20_002), (20_003, 20_004)]
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    ("use", "task", "words"),
    [("dialogue.agreed", "dialogue/booking", "reads messages"), ("mine.py:ids", "qa/lookup", "reads token ids")],
)
def test_what_has_no_text_to_cut_has_no_level(tmp_path, use, task, words):
    (tmp_path / "mine.py").write_text("def ids(completion_ids):\n    return [0.0 for _ in completion_ids]\n")
    with pytest.raises(UserError, match=words):
        design_of(tmp_path, f'[[part]]\nuse = "{use}"\nlevel = "turn"\n', task)


def test_a_piece_that_is_paid_nothing_still_stands(tmp_path):
    """Siblings are compared after the same number of pieces: one that moves the mean by nothing is a piece as well."""
    batch = paid(tmp_path, '[[part]]\nuse = "fluency.sentence_form"\nlevel = "sentence"\n', "She ran away. The wolf ran home.")
    at = [2, 6]
    assert batch.credit[0, 0, at].tolist() == [1.0, 0.0]
    assert np.flatnonzero(batch.stands[0, 0]).tolist() == at
