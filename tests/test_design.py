"""What does a design pay? Every operator by hand, the hash by a known answer, and properties of all of them."""

import hashlib
import importlib
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sweeping import one_line, rbench

from rewardbench import find, trace
from rewardbench.design import canonical, compose, design_hash, no_history, observe, parse, shares, validate, values
from rewardbench.plan import plan, portable
from rewardbench.spec import Spec
from rewardbench.types import Design, Part, RewardError, UserError

NAN = np.nan


def design(*parts, **more):
    return Design("d", tuple(Part(f"p{n}", "x.y", **p) for n, p in enumerate(parts)), **more)


def paid(made, *rows, running=None):
    """Reward of completions of one prompt, each given as the scores of its parts."""
    return compose(made, np.array([rows], dtype=float), running)[0].tolist()


def test_sum_weighs_scales_then_clips():
    made = design({"weight": 2.0, "scale": 10.0, "clip": (0.0, 5.0)}, {"weight": -1.0})
    assert paid(made, [0.3, 1.0], [0.9, 1.0], [-1.0, 0.0]) == [2 * 3 - 1, 2 * 5 - 1, 0.0]


def test_an_abstaining_part_leaves_its_weight_to_the_others():
    made = design({"weight": 1.0}, {"weight": 3.0})
    assert paid(made, [0.5, NAN], [NAN, 0.5]) == [2.0, 2.0]
    assert np.isnan(paid(made, [NAN, NAN])[0])


def test_product_is_a_weighted_one_and_abstaining_is_neither_0_nor_1():
    made = design({}, {"weight": 2.0}, combine="product")
    assert paid(made, [0.5, 0.5], [0.0, 1.0]) == [0.125, 0.0]
    assert paid(made, [0.5, NAN])[0] == pytest.approx(0.5**3)
    assert paid(made, [NAN, 0.5])[0] == pytest.approx(0.5**3)
    with pytest.raises(RewardError, match="negative"):
        paid(made, [-0.1, 1.0])


def test_min_takes_the_least_of_those_present():
    made = design({}, {"weight": 2.0}, combine="min")
    assert paid(made, [0.5, 0.1], [0.5, 0.9], [0.5, NAN]) == [0.2, 0.5, 0.5]
    assert np.isnan(paid(made, [NAN, NAN])[0])


def test_gate_pays_nothing_below_its_bar():
    made = design({"gate": 0.5}, {"weight": 2.0}, combine="gate")
    assert paid(made, [0.5, 0.7], [0.49, 0.7], [NAN, 0.7]) == [1.4, 0.0, 1.4]
    assert np.isnan(paid(made, [1.0, NAN])[0])


def test_lexicographic_counts_the_next_part_only_where_the_one_before_is_reached():
    made = design({"gate": 0.5, "weight": 2.0}, {"gate": 1.0}, {}, combine="lexicographic")
    assert paid(made, [0.4, 1.0, 1.0], [0.5, 0.9, 1.0], [0.9, 1.0, 0.25]) == [0.8, 1.9, 2.25]
    assert paid(made, [NAN, 1.0, 0.5], [0.4, NAN, 0.5], [0.5, NAN, 0.5]) == [2.5, 0.8, 2.5], "silence is no loss"
    assert np.isnan(paid(made, [NAN, NAN, NAN])[0])


@given(arrays(float, (1, 8, 3), elements=st.floats(0, 1)))
def test_no_later_part_makes_up_for_an_earlier_one_that_is_missed(scores):
    made = design({"gate": 0.5}, {"gate": 0.5}, {}, combine="lexicographic")
    reward = compose(made, scores)[0]
    for a in range(8):
        for b in range(8):
            if scores[0, a, 0] >= 0.5 > scores[0, b, 0]:
                assert reward[a] > reward[b]


def test_an_ensemble_pays_agreement():
    made = design({}, {}, combine="ensemble", penalty=1.0)
    assert paid(made, [0.5, 0.5], [1.0, 0.0], [0.8, NAN]) == [0.5, 0.0, 0.8]
    weighed = design({"weight": 3.0}, {"weight": 1.0}, combine="ensemble", penalty=2.0)
    spread = (0.75 * 0.25**2 + 0.25 * 0.75**2) ** 0.5
    assert paid(weighed, [1.0, 0.0])[0] == pytest.approx(0.75 - 2 * spread)
    assert np.isnan(paid(made, [NAN, NAN])[0])


def test_a_schedule_moves_a_weight_in_straight_lines():
    made = design({"schedule": ((0.25, 0.0), (0.75, 2.0))}, {"weight": 4.0})
    at = [compose(made, np.array([[[1.0, 0.0]]]), fraction=f)[0, 0] for f in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert at == [0.0, 0.0, 1.0, 2.0, 2.0]
    assert compose(made, np.array([[[1.0, 1.0]]]))[0, 0] == 6.0, "without a fraction: its end"


@pytest.mark.parametrize("combine", ["sum", "product", "min", "ensemble"])
def test_a_part_that_has_faded_out_is_as_if_there_were_none(combine):
    more = {"penalty": 0.5} if combine == "ensemble" else {}
    faded = design({"schedule": ((0.0, 1.0), (0.5, 0.0))}, {"weight": 2.0}, {}, combine=combine, **more)
    left = design({"weight": 2.0}, {}, combine=combine, **more)
    rows = np.array([[[0.3, 0.5, 0.7], [0.9, NAN, 0.2], [0.4, NAN, NAN]]])
    np.testing.assert_allclose(compose(faded, rows), compose(left, rows[..., 1:]))
    assert np.isfinite(compose(faded, rows, fraction=0.2)).all()


def test_a_gate_needs_no_weight():
    made = design({"gate": 0.5, "weight": 0.0}, {"weight": 2.0}, combine="gate")
    assert paid(made, [0.5, 0.7], [0.4, 0.7]) == [1.4, 0.0]


def test_shares_of_a_sum_add_up_whatever_abstains_not():
    rng = np.random.default_rng(0)
    made = design({"weight": 2.0}, {"weight": -1.0}, {"weight": 0.0})
    scores = rng.random((5, 8, 3))
    found = shares(made, scores)
    assert found.sum() == pytest.approx(1)
    assert found[2] == 0
    reward = compose(made, scores)
    own = 2 * scores[..., 0]
    gap, dev = own - own.mean(1, keepdims=True), reward - reward.mean(1, keepdims=True)
    assert found[0] == pytest.approx((gap * dev).sum() / (dev**2).sum())


def test_shares_where_nothing_is_told_apart_are_not_known():
    made = design({}, {})
    assert np.isnan(shares(made, np.ones((2, 4, 2)))).all()
    assert np.isnan(shares(made, np.full((2, 4, 2), NAN))).all()


@pytest.mark.parametrize("combine", ["product", "min", "gate", "lexicographic", "ensemble"])
def test_a_part_that_says_the_same_of_all_siblings_explains_nothing(combine):
    scores = np.random.default_rng(1).random((4, 8, 2))
    scores[..., 0] = 0.7
    gate = {"gate": 0.5} if combine in ("gate", "lexicographic") else {}
    found = shares(design(gate, {}, combine=combine, **({"penalty": 0.5} if combine == "ensemble" else {})), scores)
    assert found[0] == pytest.approx(0, abs=1e-9)
    assert found[1] == pytest.approx(1) or combine == "min"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('combine = "lexicographic"\n[[part]]\nuse = "null.echo"\n[[part]]\nuse = "null.length"', "for every part but the last"),
        ('combine = "lexicografic"\n[[part]]\nuse = "null.echo"', "did you mean 'lexicographic'"),
        ('penalty = 1\n[[part]]\nuse = "null.echo"', "not 'ensemble'"),
        ('combine = "ensemble"\npenalty = -1\n[[part]]\nuse = "null.echo"', "0 or above"),
        ('credit = "start"\n[[part]]\nuse = "null.echo"', "known: 'end'"),
        ('combine = "product"\n[[part]]\nuse = "null.echo"\nschedule = [[0, 1], [1, -1]]', "a weight below 0"),
        ('[[part]]\nuse = "null.echo"\nschedule = [[0.5, 1], [0.2, 0]]', "rising fractions"),
        ('[[part]]\nuse = "null.echo"\nschedule = [[0, 1], [2, 0]]', "rising fractions"),
        ('[[part]]\nuse = "null.echo"\nlevel = "sentense"', "did you mean 'sentence'"),
        ('combine = "min"\n[[part]]\nuse = "null.echo"\nlevel = "word"', "set credit = 'end'"),
        ('[[part]]\nuse = "null.echo"\nlevel = "word"\nclip = [0, 1]', "a level and a clip"),
    ],
)
def test_what_the_new_keys_cannot_say_is_one_line(text, words):
    with pytest.raises(UserError, match=words):
        parse(text, "d")


def test_fields_of_later_versions_are_hashed_only_where_they_are_set():
    plain = parse('[[part]]\nuse = "null.echo"', "d")
    assert not {"penalty", "credit"} & values(plain).keys()
    faded = parse('[[part]]\nuse = "null.echo"\nschedule = [[0, 1], [1, 0]]', "d")
    assert design_hash(faded) != design_hash(plain)
    assert values(faded)["parts"][0]["schedule"] == [[0.0, 1.0], [1.0, 0.0]]


def test_group_standardises_each_part_among_siblings():
    made = design({}, {"weight": 0.5}, normalise="group")
    scores = np.array([[1.0, 100.0], [3.0, 100.0], [2.0, NAN]])
    rewards = paid(made, *scores)
    first = (scores[:, 0] - 2.0) / (1.0 + 1e-4)
    assert rewards[:2] == pytest.approx(first[:2])
    assert rewards[2] == pytest.approx(first[2] * 1.5)


def test_group_makes_parts_of_any_scale_count_alike():
    """What GDPO is for: without it the larger part decides alone."""
    made = design({}, {}, normalise="group")
    plain = paid(made, [1.0, 0.0], [0.0, 1.0], [1.0, 1.0])
    scaled = paid(made, [1000.0, 0.0], [0.0, 1.0], [1000.0, 1.0])
    assert plain == pytest.approx(scaled, abs=1e-3)


def test_running_uses_all_that_was_seen():
    made = design({}, {}, normalise="running")
    seen = np.random.default_rng(0).normal(3.0, 2.0, (4, 5, 2))
    seen[0, 0, 1] = NAN
    running = no_history(made)
    for row in seen:
        running = observe(running, row[None])
    flat = seen.reshape(-1, 2)
    assert running.mean == pytest.approx(np.nanmean(flat, axis=0))
    assert np.sqrt(running.square / (running.count - 1)) == pytest.approx(np.nanstd(flat, axis=0, ddof=1))
    z = (np.array([5.0, 1.0]) - np.nanmean(flat, axis=0)) / np.nanstd(flat, axis=0, ddof=1)
    assert paid(made, [5.0, 1.0], running=running)[0] == pytest.approx(z.sum())


KNOWN = """
combine = "gate"
[[part]]
use = "answers.exact"
weight = 2
gate = 0.5
[[part]]
use = "length.terse"
name = "short"
scale = 0.1
clip = [0, 1]
params = { target = 12 }
"""


def test_the_hash_is_that_of_every_machine_and_every_version():
    """A known answer: should it change, every entry on every board would get a new id."""
    assert design_hash(parse(KNOWN, "mine")) == "bfbe891b420ef38f98cf7aee0ed77ceec98cb57cbc4eae4bdde6e92da3b0676e"
    assert canonical({"b": [1, 2.0], "a": None}) == hashlib.sha256(b'{"a":null,"b":[1,2]}').hexdigest()


def test_the_hash_is_of_what_is_paid_and_not_of_how_it_is_written():
    first = design_hash(parse(KNOWN, "mine"))
    assert design_hash(parse(KNOWN, "yours")) == first
    assert design_hash(parse(KNOWN.replace("weight = 2\n", "weight = 2.0  # twice\n"), "mine")) == first
    assert design_hash(parse('summary = "a word"\n' + KNOWN, "mine")) == first
    for old, new in (("weight = 2", "weight = 3"), ("0.5", "0.6"), ("12", "13"), ("[0, 1]", "[0, 2]"), ("0.1", "0.2")):
        assert design_hash(parse(KNOWN.replace(old, new), "mine")) != first


WRONG = {
    '[[part]]\nuse = "a.b"\nwieght = 1': "did you mean 'weight'?",
    'combin = "sum"\n[[part]]\nuse = "a.b"': "did you mean 'combine'?",
    'combine = "prodct"\n[[part]]\nuse = "a.b"': "did you mean 'product'?",
    'combine = 3\n[[part]]\nuse = "a.b"': "combine = 3",
    'summary = 3\n[[part]]\nuse = "a.b"': "summary = 3 is not a text",
    'normalise = "groups"\n[[part]]\nuse = "a.b"': "did you mean 'group'?",
    "": "no \\[\\[part\\]\\]",
    "part = [1]": "no \\[\\[part\\]\\]",
    "part = 3": "no \\[\\[part\\]\\]",
    "[[part]]\nweight = 1": "`use` must name",
    '[[part]]\nuse = "a.b"\nsource = "x"': "unknown key 'source'",
    '[[part]]\nuse = "a.b"\nweight = "1"': "weight = '1' is not a number",
    '[[part]]\nuse = "a.b"\nweight = true': "weight = True",
    '[[part]]\nuse = "a.b"\nweight = nan': "weight = nan",
    '[[part]]\nuse = "a.b"\nscale = inf': "scale = inf",
    '[[part]]\nuse = "a.b"\nclip = [1, 0]': "not \\[low, high\\]",
    '[[part]]\nuse = "a.b"\nclip = ["a", "b"]': "not \\[low, high\\]",
    '[[part]]\nuse = "a.b"\nclip = [0, inf]': "not \\[low, high\\]",
    '[[part]]\nuse = "a.b"\nclip = 3': "not \\[low, high\\]",
    '[[part]]\nuse = "a.b"\nparams = 3': "`params` a table",
    '[[part]]\nuse = "a.b"\nname = 3': "`name` must be a text",
    '[[part]]\nuse = "a.b"\nname = ""': "`name` must be a text",
    '[[part]]\nuse = "a.b"\nparams = { at = 2020-01-01 }': "cannot be hashed",
    '[[part]]\nuse = "a.b"\n[[part]]\nuse = "c.b"': "two parts are called 'b'",
    '[[part]]\nuse = "a.b"\ngate = 0.5': "but combine is 'sum'",
    'combine = "gate"\n[[part]]\nuse = "a.b"': "needs a part with",
    'combine = "product"\n[[part]]\nuse = "a.b"\nweight = -1': "weight below 0",
    'combine = "product"\nnormalise = "group"\n[[part]]\nuse = "a.b"': "a product needs scores of 0",
    "[[part": "not valid TOML",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_design_is_refused_with_the_cure(text):
    with pytest.raises(UserError, match=WRONG[text]) as caught:
        parse(text, "mine")
    assert caught.value.code == 2
    assert "'mine'" in str(caught.value)


# --- properties -------------------------------------------------------------------------------------

SCORES = arrays(float, (2, 3, 3), elements=st.one_of(st.floats(0, 1), st.just(NAN)))
WEIGHTS = st.lists(st.floats(0.1, 10), min_size=3, max_size=3)
COMBINE = st.sampled_from(["sum", "product", "min"])


def three(weights, combine="sum", **more):
    made = design(*({"weight": w} for w in weights), combine=combine, **more)
    validate(made)
    return made


@given(SCORES, WEIGHTS, st.floats(0.1, 10))
@settings(deadline=None, max_examples=60)
def test_a_sum_is_linear_in_its_weights(scores, weights, factor):
    one = compose(three(weights), scores)
    many = compose(three([w * factor for w in weights]), scores)
    np.testing.assert_allclose(many, one * factor, rtol=1e-9, atol=1e-12)


@given(SCORES, WEIGHTS, COMBINE)
@settings(deadline=None, max_examples=60)
def test_only_a_row_of_abstentions_is_unpaid(scores, weights, combine):
    reward = compose(three(weights, combine), scores)
    assert (np.isnan(reward) == np.isnan(scores).all(-1)).all()


@given(SCORES, WEIGHTS, COMBINE)
@settings(deadline=None, max_examples=60)
def test_a_part_that_always_abstains_changes_a_min_and_only_rescales_the_others(scores, weights, combine):
    silent = scores.copy()
    silent[..., 2] = NAN
    with_it = compose(three(weights, combine), silent)
    without = compose(design(*({"weight": w} for w in weights[:2]), combine=combine), scores[..., :2])
    share = sum(weights) / sum(weights[:2])
    expected = {"sum": without * share, "min": without, "product": without**share}[combine]
    np.testing.assert_allclose(with_it, expected, rtol=1e-9, atol=1e-12)


@given(SCORES, WEIGHTS, COMBINE, st.permutations([0, 1, 2]))
@settings(deadline=None, max_examples=60)
def test_the_order_of_parts_does_not_matter(scores, weights, combine, order):
    one = compose(three(weights, combine), scores)
    other = compose(three([weights[i] for i in order], combine), scores[..., list(order)])
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


@given(SCORES, WEIGHTS, st.sampled_from(["none", "group"]))
@settings(deadline=None, max_examples=60)
def test_the_order_of_siblings_does_not_matter_and_scores_stay_as_they_are(scores, weights, normalise):
    before = scores.copy()
    made = three(weights, normalise=normalise)
    one, other = compose(made, scores), compose(made, scores[:, ::-1])
    np.testing.assert_allclose(one, other[:, ::-1], rtol=1e-7, atol=1e-9)
    np.testing.assert_array_equal(scores, before)


@pytest.mark.parametrize("task", ["qa/lookup", "writing/story", "dialogue/booking"])
def test_a_sweep_without_design_is_everything_that_a_task_and_the_arms_offer(task):
    runs, _ = plan(Spec(tasks=(task,), seeds=(1,)), find.policy("tiny"))
    assert [r.design.name for r in runs] == [*find.task_designs(task), *find.arms()]


# --- written in Python ---------------------------------------------------------------------------

MADE = '''
from rewardbench import Design, Part

def paid(completions): return [float(len(c)) for c in completions]

pair = (Part("paid", "mine.py:paid", 2, clip=(0, 9)), Part("words", "length.words"))
made = Design("made", pair, normalise="group")
faded = Design("faded", (Part("paid", "mine.py:paid", schedule=((0, 1), (1, 0.5))), Part("words", "length.words")))
text = Design("text", (Part("paid", "mine.py:paid", weight="2"),))
wrong = Design("wrong", (Part("paid", "mine.py:payd"),))
gold = Design("gold", (Part("gold", "oracle"),))
slash = Design("a/b", pair)
bare = Design("bare", ("length.words",))
still = Design("still", pair, trains=False)
formed = Design("formed", (Part("paid", "mine.py:paid", form="mesages"),))
'''
TOML = {
    "made": 'normalise = "group"\n[[part]]\nname = "paid"\nuse = "mine.py:paid"\nweight = 2\nclip = [0, 9]\n[[part]]\nuse = "length.words"',
    "faded": '[[part]]\nuse = "mine.py:paid"\nschedule = [[0, 1], [1, 0.5]]\n[[part]]\nuse = "length.words"',
}


@pytest.fixture
def mine(tmp_path):
    (tmp_path / "mine.py").write_text(MADE)
    for name, text in TOML.items():
        (tmp_path / f"{name}.toml").write_text(text)
    return tmp_path


@pytest.mark.parametrize("name", TOML)
def test_a_design_written_in_python_is_the_one_that_its_toml_says(mine, name, monkeypatch):
    """By `file.py:name`, `module:name` and as the object itself: one content, one hash."""
    monkeypatch.syspath_prepend(mine)
    ways = [f"{mine}/{name}.toml", f"{mine}/mine.py:{name}", f"mine:{name}"]
    found = [find.design(way, "writing/story") for way in ways]
    assert found[0] == found[1] == found[2]
    parts = tuple(replace(p, use=f"{mine}/{p.use}") if ":" in p.use else p for p in vars(importlib.import_module("mine"))[name].parts)
    made = replace(vars(importlib.import_module("mine"))[name], parts=parts)
    runs, sources = plan(Spec(("writing/story",), [made, "reference"], seeds=1, budget=1), find.policy("tiny"))
    assert [r.design.name for r in runs] == [name, "reference", "untrained", "constant"]
    assert runs[0].design_hash == design_hash(portable(found[0]))
    assert list(sources.values()) == [mine / "mine.py"]
    assert Spec(designs=made).designs == (made,)
    del sys.modules["mine"]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("text", "design 'text', part 1: weight = '2' is not a number"), ("wrong", "unknown function or design in mine.py 'payd', did you mean 'paid'?"),
        ("gold", "unknown part 'oracle'"), ("slash", "design 'a/b': its name"), ("bare", "is not a tuple of rewardbench.Part"),
        ("still", "trains = False is the arm"), ("formed", "form = 'mesages', did you mean 'messages'?"),
        ("pair", "unknown function or design in mine.py 'pair', did you mean 'paid'? (there is: bare, faded, "),
    ],
)  # fmt: skip
def test_a_wrong_one_written_in_python_is_one_line(mine, name, told):
    said = rbench("plan", "--task", "writing/story", "--design", f"{mine}/mine.py:{name}")
    assert said.code == 2, said.err
    one_line(said, told)


def test_one_written_in_python_is_checked_shown_run_and_goes_on_without_its_file(mine, toy_policy, tmp_path, toy):
    file, moved, out = mine / "mine.py", tmp_path / "moved.py", tmp_path / "out"
    assert [p["name"] for p in rbench("check", f"{file}:made", "--json").json["parts"]] == ["paid", "words"]
    shown = rbench("show", f"{file}:made", "--task", "toy/colours", "--json").json
    words = ("run", "--task", "toy/colours", "--policy", toy_policy, "--design", f"{file}:made", "--seeds", "1", "--budget", "1", "--json")
    [row] = [r for r in rbench(*words, "--out", out).json["runs"] if r["design"] == "made"]
    assert (row["design_hash"], row["status"]) == (shown["hash"], "done")
    file.rename(moved)
    trace.set_status(out / "runs" / row["run"], "partial")
    again = rbench("resume", out, "--json")
    assert again.code == 0, again.err
    assert [r["reward"] for r in again.json["runs"] if r["design"] == "made"] == [row["reward"]]
