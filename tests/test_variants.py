"""Do `--ablate` and `--sweep` make the designs that they say, and nothing else?"""

import numpy as np
import pytest
from sweeping import rbench

from rewardbench import find
from rewardbench.design import compose, design_hash, validate
from rewardbench.plan import plan
from rewardbench.spec import Spec
from rewardbench.types import Design, Part, UserError
from rewardbench.variants import ablations, parse_sweep, sweeps

THREE = Design("d", (Part("a", "x.a", 2.0), Part("b", "x.b", params={"n": 3}), Part("c", "x.c", -1.0)))


def test_each_part_is_left_out_once_and_the_rest_pays_as_it_did():
    scores = np.random.default_rng(0).random((2, 4, 3))
    made = ablations(THREE)
    assert [d.name for d in made] == ["d-without-a", "d-without-b", "d-without-c"]
    for m, one in enumerate(made):
        without = np.delete(scores, m, axis=-1)
        alone = compose(Design("x", THREE.parts[m : m + 1]), scores[..., m : m + 1])
        np.testing.assert_allclose(compose(one, without) + alone, compose(THREE, scores))


@pytest.mark.parametrize(
    ("combine", "gates", "left"),
    [
        ("gate", (0.5, None, None), ["sum", "gate", "gate"]), ("gate", (0.5, None), ["sum"]),
        ("lexicographic", (0.5, 0.5, None), ["lexicographic"] * 3), ("lexicographic", (0.5, None), ["sum", "sum"]),
        ("min", (None, None), ["min", "min"]), ("sum", (None,), []),
    ],
)  # fmt: skip
def test_what_is_left_is_a_sound_design(combine, gates, left):
    parts = tuple(Part(f"p{n}", "x.y", gate=g) for n, g in enumerate(gates))
    made = ablations(Design("d", parts, combine))
    assert [d.combine for d in made] == left
    for one in made:
        validate(one)


def test_every_combination_but_the_design_itself():
    made = sweeps(THREE, {"part.a.weight": (1, 2), "normalise": ("none", "group")})
    assert [d.name for d in made] == ["d@a.weight=1,normalise=none", "d@a.weight=1,normalise=group", "d@a.weight=2,normalise=group"]
    assert {design_hash(d) for d in made}.isdisjoint({design_hash(THREE)})
    assert sweeps(THREE, {"part.b.params.n": (4,)})[0].parts[1].params == {"n": 4}
    assert sweeps(THREE, {"part.z.weight": (4,)}) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("part.x.weight", "is not of the form"), ("part.x.weight=", "is not of the form"), ("part.x.wieght=1", "did you mean 'weight'"),
        ("combin=min", "did you mean 'combine'"), ("part.x=1", "nothing that can be varied"), ("part.x.params=1", "nothing that can"),
    ],
)  # fmt: skip
def test_a_key_that_says_nothing_is_one_line(text, words):
    with pytest.raises(UserError, match=words):
        parse_sweep([text])


def test_a_value_that_is_none_is_one_line():
    with pytest.raises(UserError, match="is not a number"):
        sweeps(THREE, parse_sweep(["part.a.weight=much"]))
    with pytest.raises(UserError, match="did you mean 'product'"):
        sweeps(THREE, parse_sweep(["combine=produkt"]))


def names(**asked):
    runs, _ = plan(Spec(tasks=("qa/lookup",), seeds=(1,), **asked), find.policy("tiny"))
    return [r.design.name for r in runs]


def test_a_plan_holds_the_design_itself_its_variants_and_the_arms():
    found = names(designs=("reference",), ablate=True, sweep={"part.alone.weight": (0, 0.5)})
    assert found[0] == "reference"
    assert {"reference-without-alone", "reference@alone.weight=0", "untrained", "constant"} <= set(found)
    assert not any(n.startswith(("constant-", "constant@")) for n in found)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--sweep", "part.alon.weight=0"], "no design of qa/lookup that is run has 'part.alon.weight'"),
        (["--sweep", "part.alone.weight=1,1"], "all values of 'part.alone.weight' are what design 'reference' of qa/lookup has already"),
        (["--sweep", "combine=sum"], "all values of 'combine' are what design 'reference' of qa/lookup has already"),
        (["--sweep", "part.alone.weight=1", "--sweep", "part.none.weight=1"], "no design of qa/lookup that is run has"),
        (["--sweep", "part.alone.params.powr=2"], "did you mean 'power'"),
        (["--sweep", "part.alone.weight=0", "--sweep", "part.alone.weight=1"], "given twice"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line(flags, words):
    said = rbench("plan", "--task", "qa/lookup", "--design", "reference", *flags)
    assert (said.code, words in said.err) == (2, True), said.err


def test_a_spec_file_says_the_same(tmp_path):
    (tmp_path / "s.toml").write_text(
        'tasks = ["qa/lookup"]\ndesigns = ["reference"]\nseeds = 1\nablate = true\nsweep = { "part.alone.weight" = [0, 0.5] }\n'
    )
    by_file = rbench("plan", tmp_path / "s.toml", "--json").json
    flags = ("--ablate", "--sweep", "part.alone.weight=0,0.5")
    by_flags = rbench("plan", "--task", "qa/lookup", "--design", "reference", "--seeds", "1", *flags, "--json").json
    assert by_file["sweep"] == by_flags["sweep"]
    (tmp_path / "s.toml").write_text('tasks = ["qa/lookup"]\nablate = "yes"\n')
    assert "not true or false" in rbench("plan", tmp_path / "s.toml").err


def test_a_shipped_parts_parameter_of_another_type_is_one_line_before_anything_runs(tmp_path):
    (tmp_path / "d.toml").write_text('[[part]]\nuse = "length.words"\nparams = { low = "a" }\n')
    said = rbench("plan", "--task", "writing/story", "--design", tmp_path / "d.toml")
    assert said.code == 2
    assert "low = 'a' is not a whole number" in said.err


def test_a_plan_knows_which_columns_a_task_has(tmp_path):
    (tmp_path / "d.toml").write_text('[[part]]\nuse = "keywords.coverage"\n')
    said = rbench("plan", "--task", "qa/lookup", "--design", tmp_path / "d.toml")
    assert (said.code, "needs the column 'keywords'" in said.err) == (2, True)
