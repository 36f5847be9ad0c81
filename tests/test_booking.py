"""Is everything that happened booked: every want, every null's reason, anchors, and sweeps that do not belong together?"""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import click
import numpy as np
import pytest
from made_up import swept
from sweeping import PARTS, one_line, rbench, task_of

from rewardbench import find, results, scoring, stats, tables, trace
from rewardbench.advantage import centred, left_out_one
from rewardbench.calling import Bound, When, score
from rewardbench.commands import anchors as anchors_command
from rewardbench.metrics import hacked
from rewardbench.spec import Spec
from rewardbench.types import Batch, Design, Part, Prompt, UserError

pytestmark = pytest.mark.usefixtures("toy")
ALGORITHMS = '''
from dataclasses import dataclass
from rewardbench.algorithms.grpo import Grpo
from rewardbench.types import Want


@dataclass(frozen=True)
class Thrice(Grpo):
    """Asks three times, learns from the last."""

    def ask(self, state, draw):
        for _ in range(3):
            batch = yield Want(draw.take(draw.P), draw.K)
        return batch


@dataclass(frozen=True)
class Shy(Grpo):
    """Asks, and learns nothing."""

    def ask(self, state, draw):
        yield Want(draw.take(draw.P), draw.K)
        return None


@dataclass(frozen=True)
class Empty(Grpo):
    """Asks, and finds no prompt worth learning from."""

    def ask(self, state, draw):
        batch = yield Want(draw.take(draw.P), draw.K)
        return batch.cut(prompts=slice(0, 0))


@dataclass(frozen=True)
class Peeks(Grpo):
    """Looks for the truth wherever an algorithm is given prompts."""

    def ask(self, state, draw):
        prompts = draw.take(draw.P)
        batch = yield Want(prompts, draw.K)
        assert all(p.truth is None for p in [*prompts, *batch.prompts])
        return batch

    def advantages(self, batch, state):
        assert all(p.truth is None for p in batch.prompts)
        return super().advantages(batch, state)

    def loss(self, now, batch, advantages, state):
        assert all(p.truth is None for p in batch.prompts)
        return super().loss(now, batch, advantages, state)

    def end(self, batch, state):
        assert all(p.truth is None for p in batch.prompts)
        return state

    def pick(self, batch):
        assert all(p.truth is None for p in batch.prompts)
        return super().pick(batch)
'''


@pytest.fixture(scope="module")
def algorithms(tmp_path_factory):
    path = tmp_path_factory.mktemp("algorithms") / "mine.py"
    path.write_text(ALGORITHMS)
    return path


def words(policy, *more):
    return ("run", "--task", "toy/colours", "--policy", policy, "--budget", "quick", "--json", "--seeds", "1", *more)


def taught(policy, out, algorithm, design="reference"):
    """The one trained run of an algorithm: its row, and its folder."""
    said = rbench(*words(policy, "--design", design, "--algorithm", algorithm, "--shard", "1/3", "--out", out))
    assert said.code == 0, said.err
    [row] = said.json["runs"]
    return row, out / "runs" / row["run"]


def test_every_want_is_charged_and_counted(toy_policy, algorithms, tmp_path):
    plain, _ = taught(toy_policy, tmp_path / "a", "grpo")
    row, folder = taught(toy_policy, tmp_path / "b", f"{algorithms}:Thrice")
    steps = trace.rows(folder)
    assert [s["completions"] for s in steps] == [48] * 4
    assert row["tokens"] == steps[-1]["charged"] == round(sum(s["completions"] * s["length"] for s in steps))
    # three times the sampling, once the learning: 2 N a token against 6 N
    assert 1.2 * plain["flops"] < row["flops"] < 2 * plain["flops"]


@pytest.mark.parametrize("name", ["Shy", "Empty"])
def test_a_step_that_learns_nothing_is_a_row_all_the_same(name, toy_policy, algorithms, tmp_path):
    row, folder = taught(toy_policy, tmp_path, f"{algorithms}:{name}")
    steps = trace.rows(folder)
    assert [s["step"] for s in steps] == [0, 1, 2, 3]
    assert all("loss" not in s and s["taught_tokens"] == 0 for s in steps)
    assert row["tokens"] == steps[-1]["charged"] > 0
    assert row["flops"] > 0
    assert row["training_cpu_seconds"] > 0
    assert row["gold"]["start"] == row["gold"]["end"]


@pytest.mark.parametrize("design", ["reference", "oracle"])
def test_an_algorithm_never_sees_the_truth(design, toy_policy, algorithms, tmp_path):
    row, _ = taught(toy_policy, tmp_path, f"{algorithms}:Peeks", design)
    assert row["status"] == "done"


def test_a_reward_that_waits_is_charged_the_time_it_took(toy_policy, tmp_path):
    file = tmp_path / "waits.py"
    file.write_text("import time\ndef waits(completions):\n    time.sleep(.1)\n    return [float(len(c)) for c in completions]\n")
    row, _ = taught(toy_policy, tmp_path / "s", "grpo", f"{file}:waits")
    assert row["reward_seconds"] >= 0.4


def nulls(value, path=()):
    """Paths of every null in plain values."""
    if value is None:
        yield path
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield from nulls(inner, (*path, key))


def test_every_null_has_a_reason_beside_it(toy_policy, tmp_path):
    broken = tmp_path / "broken.py"
    broken.write_text("def raises(completions):\n    raise KeyError\n")
    for design in ("reference", f"{broken}:raises"):
        said = rbench(*words(toy_policy, "--design", design, "--out", tmp_path / Path(design).name.replace(":", "_")))
        for row in said.json["runs"]:
            lacking = [p for p in nulls(row) if p[0] not in row["reasons"]]
            assert lacking == [], (row["design"], lacking)


def test_sweeps_that_differ_in_more_than_design_and_seed_are_not_compared(toy_policy, tmp_path):
    for name, algorithm in (("a", "grpo"), ("b", "best_of_n")):
        said = rbench(*words(toy_policy, "--design", "reference", "--algorithm", algorithm, "--out", tmp_path / name))
        assert said.code == 0
    more = list(words(toy_policy, "--design", "reference", "--out", tmp_path / "c"))
    more[more.index("1")] = "2,"
    assert rbench(*more).code == 0
    said = rbench("compare", tmp_path / "a", tmp_path / "b")
    assert said.code == 2
    one_line(said, "toy/colours", "algorithm", "'grpo'", "'best_of_n'")
    both = rbench("compare", tmp_path / "a", tmp_path / "c", "--json")
    assert both.code == 0, both.err
    assert {c["n"] for c in both.json["comparisons"]} == {2}


def test_an_unfinished_sweep_is_not_continued_by_another_engine(toy_policy, tmp_path, monkeypatch):
    said = rbench(*words(toy_policy, "--design", "reference", "--out", tmp_path))
    trace.set_status(tmp_path / "runs" / said.json["runs"][0]["run"], "partial")
    monkeypatch.setattr("rewardbench.sweep.ENGINE", 99)
    said = rbench("resume", tmp_path)
    assert said.code == 5
    one_line(said, "engine 99")


@pytest.fixture
def own_tasks(tmp_path, monkeypatch):
    """The toy task in a folder of its own, where anchors may be written."""
    shutil.copytree(PARTS.parents[2], tmp_path / "tasks")
    monkeypatch.setenv("REWARDBENCH_TASKS", str(tmp_path / "tasks"))
    return tmp_path / "tasks"


def test_anchors_are_made_and_scores_hang_on_them(toy_policy, own_tasks, tmp_path):
    asked = ("--task", "toy/colours", "--policy", toy_policy, "--budget", "default")
    said = rbench("anchors", *asked, "--seeds", "101,102", "--out", tmp_path / "anchors")
    assert said.code == 0, said.err
    [row] = json.loads((own_tasks / "toy/colours/anchors.json").read_text())["anchors"]
    assert row["low"] < row["high"]
    assert row["seeds"] == [101, 102]
    said = rbench("run", *asked, "--design", "oracle", "--seeds", "2", "--json", "--out", tmp_path / "run")
    rows = {(r["design"], r["seed"]): r for r in said.json["runs"]}
    for seed in (1, 2):
        taught_, start = rows["oracle", seed], rows["untrained", seed]
        near = (taught_["gold"]["end"] - row["low"]) / (row["high"] - row["low"])
        assert taught_["quality"] == pytest.approx(near)
        assert taught_["quality"] > start["quality"]
        assert 0 <= taught_["efficiency"] <= 1
        assert start["stability"] == 1
        assert taught_["diversity"] is not None
        assert "no_learning" in start["flags"]


def test_frozen_anchors_are_shown_before_they_are_replaced_and_nothing_is_without_a_word(
    toy_policy, own_tasks, tmp_path, monkeypatch
):
    """Every score hangs on them: on a terminal a yes; another budget's row is another. Where nobody can be asked, those
    that ship want --replace."""
    file = own_tasks / "toy/colours/anchors.json"
    asked = ("anchors", "--task", "toy/colours", "--policy", toy_policy, "--budget")
    assert rbench(*asked, "default", "--seeds", "101,102", "--out", tmp_path / "a").code == 0
    before = file.read_text()
    with monkeypatch.context() as terminal:
        terminal.setattr(anchors_command.sys, "stdin", SimpleNamespace(isatty=lambda: True, readline=lambda: "n\n"))
        terminal.setattr(anchors_command.click, "confirm", refused)
        assert rbench(*asked, "default", "--seeds", "103,104", "--out", tmp_path / "b").code != 0
    with monkeypatch.context() as shipped:
        shipped.setattr(find, "own_tasks", lambda names: {})
        said = rbench(*asked, "default", "--seeds", "103,104", "--out", tmp_path / "b")
    assert said.code == 2
    one_line(said, "there are frozen anchors for this policy and budget (toy/colours low ", "say --replace")
    assert (file.read_text(), (tmp_path / "b").exists()) == (before, False)
    assert "frozen" not in rbench(*asked, "1", "--seeds", "101,102", "--out", tmp_path / "c").err
    said = rbench(*asked, "default", "--seeds", "103,104", "--out", tmp_path / "b")
    assert said.code == 0
    assert "toy/colours has frozen anchors for this policy and budget (low " in said.err
    assert "grpo, seeds 101,102): they will be replaced" in said.err
    assert said.out.startswith("toy/colours: low ")
    assert " (was low " in said.out
    assert [r["seeds"] for r in json.loads(file.read_text())["anchors"]] == [[101, 102], [103, 104]]


def test_seeds_of_anchors_that_sweeps_are_run_on_are_warned_of(toy_policy, own_tasks, tmp_path):
    asked = ("--task", "toy/colours", "--policy", toy_policy, "--budget", "1")
    assert "--seeds 10: sweeps are run on 1 to 10" in rbench("anchors", *asked, "--seeds", "101,10", "--out", tmp_path / "a").err
    assert "--seeds" not in rbench("anchors", *asked, "--seeds", "101,11", "--out", tmp_path / "b").err


def refused(*asked, **how):
    raise click.Abort


def test_the_anchors_own_error_is_in_the_interval_of_q(toy_policy, own_tasks, tmp_path):
    asked = ("--task", "toy/colours", "--policy", toy_policy, "--budget", "default")
    assert rbench("anchors", *asked, "--seeds", "101,102", "--out", tmp_path / "anchors").code == 0
    [row] = json.loads((own_tasks / "toy/colours/anchors.json").read_text())["anchors"]
    said = rbench("run", *asked, "--design", "reference", "--seeds", "2", "--json", "--out", tmp_path / "run")
    scored = results.score(results.load_sweep(tmp_path / "run"))
    group = [r for r in scored if r.design == "reference"]
    gold = np.mean([r.values["gold"] for r in group])
    rng = np.random.default_rng(0)
    low, high = (row[n] + rng.normal(size=20000) * row[f"{n}_se"] for n in ("low", "high"))
    drawn = (gold - low) / (high - low)
    middle = np.quantile(drawn, [0.1587, 0.8413])  # one standard error either side; the tails of a ratio are its own
    whole, _ = stats.satterthwaite(*zip(*tables.anchor_errors(group), strict=True))
    assert whole == pytest.approx((middle[1] - middle[0]) / 2, rel=0.1)
    assert [df for _, df in tables.anchor_errors(group)] == [1, 1]
    shown = next(r for r in tables.summary(scored) if r["design"] == "reference")["quality"]
    alone = stats.mean_interval([r.values["quality"] for r in group])
    assert shown[2] - shown[1] >= alone.high - alone.low  # of two runs Student's t alone is as wide as that
    margins = {c["metric"]: c["margin"] for c in said.json["comparisons"]}
    assert margins["gold"] == pytest.approx(stats.MARGIN * (row["high"] - row["low"]))
    assert margins["quality"] == stats.MARGIN
    edited = replace(group[0].run.spec, task_digest="0" * 64)  # the task's code or data is another now
    assert "are of other code or data" in str(results.anchor_of(edited))
    for c in said.json["comparisons"]:
        assert c["p"] <= c["p_adjusted"] <= 1


def test_anchors_of_all_tasks_are_of_those_that_can_be_done(toy_policy, own_tasks, tmp_path, monkeypatch):
    """Without --task, what has no data, or no words in the policy, is left out and said; the rest is made."""
    words = "from dataclasses import replace\nwhole = task.prompts\n"
    strange = f"{words}task = replace(task, prompts=lambda *a: (replace(p, text='Ugh! Zyx?') for p in whole(*a)))"
    gone = "from rewardbench.types import UserError\ndef none(*a):\n    raise UserError('no file', 5)\n"
    task_of(own_tasks, "strange", task=strange)
    task_of(own_tasks, "gone", task=f"{gone}from dataclasses import replace\ntask = replace(task, prompts=none)")
    folders = find.task_folders()
    monkeypatch.setattr(find, "task_folders", lambda: {n: p for n, p in folders.items() if n.startswith("toy/")})
    said = rbench("anchors", "--policy", toy_policy, "--budget", "1", "--seeds", "101,102", "--out", tmp_path / "anchors")
    assert said.code == 0, said.err
    left_out = [line for line in said.err.splitlines() if "is left out" in line]
    assert left_out[0] == "toy/gone is left out: no file"
    assert left_out[1].startswith(f"toy/strange is left out: policy '{toy_policy.name}' lacks ")
    assert [line.partition(":")[0] for line in said.out.splitlines()] == ["toy/colours"]


def test_seeds_of_anchors_are_named_and_never_counted(toy_policy, own_tasks, tmp_path):
    """101 is not 1 to 101; and nothing is trained that is in no anchor."""
    asked = ("--task", "toy/colours", "--policy", toy_policy, "--budget", "1")
    said = rbench("anchors", *asked, "--seeds", "101", "--out", tmp_path / "one")
    assert said.code == 2
    one_line(said, "anchors need at least 2 seeds of 'untrained'")
    loaded = results.load_sweep(tmp_path / "one")
    assert {(r.spec.design.name, r.spec.seed) for r in loaded} == {("untrained", 101), ("oracle", 101)}


def test_a_crash_makes_no_anchor_and_is_not_dropped_from_means(toy_policy, own_tasks, tmp_path):
    asked = ("--task", "toy/colours", "--policy", toy_policy, "--budget", "default")
    out = tmp_path / "anchors"
    assert rbench("anchors", *asked, "--seeds", "101,102", "--out", out).code == 0
    loaded = results.load_sweep(out)
    oracle = [r for r in loaded if r.spec.design.name == "oracle"]
    trace.set_status(oracle[0].folder, "failed", reason="test", code=1)
    said = rbench("anchors", *asked, "--seeds", "101,102", "--out", out, "--replace")
    assert said.code == 8
    one_line(said, "oracle seed 101")
    scored = results.score(results.load_sweep(out))
    crashed = next(r for r in scored if r.failed)
    assert (crashed.counted("gold"), crashed.counted("quality")) == (0.0, 0.0)


def test_what_a_failed_run_counts_is_said_and_no_reason_is_given_for_what_is_known(tmp_path):
    spec = Spec("writing/story", ("reference", "coverage"), seeds=3, budget="quick")
    folder = swept(tmp_path / "s", spec)
    for run in results.load_sweep(folder):
        if run.spec.design.name == "coverage":
            trace.set_status(run.folder, "failed", reason="part 'coverage' raised KeyError: 'mood'", code=6)
            shutil.rmtree(run.folder / "evals")
    scored = [r for r in results.score(results.load_sweep(folder)) if r.failed]
    assert [[r.counted(n) for n in ("gold", "quality", "stability", "efficiency")] for r in scored] == [[0.0] * 4] * 3
    assert {name for r in scored for name in r.reasons} == {"diversity"}
    assert [r.flags for r in scored] == [["failed"]] * 3, "it never began to learn"
    said = rbench("resume", folder)
    assert said.code == 6
    assert "gold, Q and S of a failed run count 0, E from its last evaluation on: a crash leaves no policy" in said.err
    assert "failed before its first evaluation" not in said.err
    assert "without a gain" not in said.err


# --- rewards ---------------------------------------------------------------------------------------


def batch_of(texts, **more):
    """One prompt with some completions of three tokens each."""
    n = len(texts)
    three = np.ones((1, n, 3), dtype=bool)
    messages = tuple(({"role": "assistant", "content": t},) for t in texts)
    spans = (tuple(((0, 1), (1, 2), (2, len(t))) for t in texts),)
    return Batch((Prompt("a", text="x"),), ((1,),), three * 1, three * 0.0, three, three * 0, three[..., 0], (tuple(texts),),
                 (messages,), spans, **more)  # fmt: skip


def test_a_completion_that_abstains_teaches_nothing_where_others_have_credit():
    def segments(completions):
        return [None if c == "none" else [(0, 1, float(c[0])), (1, 2, 1.0)] for c in completions]

    made = scoring.Contestant(Design("d", (Part("s", "x.py:s"),)), (Bound("s", segments),))
    paid = scoring.pay(made, batch_of(["1xx", "3xx", "2xx", "none"]), When("s", 0, 0.0), scoring.start(made), 9.0).batch
    assert np.isnan(paid.reward[0, 3])
    assert paid.credit is not None
    for gains in (centred(paid), left_out_one(paid)):
        assert (gains[0, 3] == 0).all()
        np.testing.assert_allclose(gains[0, :3].sum(0), 0, atol=1e-12)
        assert gains[0, 1, 0] > 0 > gains[0, 0, 0]


def test_a_design_that_is_normalised_in_groups_can_be_seen_to_be_hacked():
    """Composed after normalisation its mean is 0 by construction; evaluations watch it raw."""
    rising = scoring.Contestant(
        Design("d", (Part("n", "x.py:n"),), normalise="group"), (Bound("n", lambda completions: [float(c) for c in completions]),)
    )
    rewards = [
        scoring.pay(scoring.raw(rising), batch_of([str(i), str(i + 1)]), When("s", 0, 0.0), scoring.start(rising), 9.0).batch.reward
        for i in (0, 1, 5)
    ]
    assert [float(r.mean()) for r in rewards] == [0.5, 1.5, 5.5]
    change, error = hacked.change(np.array([[[0.5], [0.4]], [[1.5], [1.6]], [[5.5], [5.4]]]))
    assert change > 2 * error


def test_a_generator_goes_on_where_it_stopped_and_is_the_completions_own():
    drawn = []

    def draws(completions, rng):
        drawn.append([(g.random(), g.random()) for g in rng])
        assert len(rng[:1]) == 1
        return [0.0 for _ in completions]

    for _ in range(2):
        score(Bound("draws", draws), batch_of(["a", "a"]), When("s", 0, 0.0), 9.0)
    assert drawn[0] == drawn[1]
    assert len({x for pair in drawn[0] for x in pair}) == 4


def test_a_spec_takes_what_people_write():
    one = Spec(tasks="toy/colours", designs=["reference", Path("mine.toml")], seeds=3, budget=5)
    assert (one.tasks, one.designs, one.seeds, one.budget) == (("toy/colours",), ("reference", "mine.toml"), (1, 2, 3), "5")
    assert Spec(seeds="2,7").seeds == Spec(seeds=[2, 7]).seeds == (2, 7)
    with pytest.raises(UserError, match=r"file\.py:name"):
        Spec(designs=(len,))


def test_a_part_whose_column_the_task_lacks_is_refused_before_anything_runs(toy_policy, tmp_path):
    design = tmp_path / "wrong.toml"
    design.write_text('[[part]]\nuse = "answers.contains"\n')
    said = rbench(*words(toy_policy, "--design", design, "--out", tmp_path / "s"))
    assert said.code == 2
    one_line(said, "'contains'", "'answer'", "toy/colours", "hint")
    assert not (tmp_path / "s").exists()


def test_an_exception_names_the_line_of_the_users_file(toy_policy, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("def helper(text):\n    return 1 / 0\n\n\ndef broken(completions):\n    return [helper(c) for c in completions]\n")
    said = rbench(*words(toy_policy, "--design", f"{file}:broken", "--out", tmp_path / "s"))
    assert said.code == 6
    assert "raised ZeroDivisionError: division by zero (mine.py, line 2)" in said.err


def test_comparing_nothing_says_so(toy_policy, tmp_path):
    assert rbench(*words(toy_policy, "--design", "reference", "--out", tmp_path / "a")).code == 0
    two = list(words(toy_policy, "--design", "reference", "--out", tmp_path / "b"))
    two[two.index("1")] = "2"
    assert rbench(*two).code == 0
    said = rbench("compare", tmp_path / "b", "--metric", "quality")
    assert said.code == 0
    assert "nothing to compare on quality" in said.err
