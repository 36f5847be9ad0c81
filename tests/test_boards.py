"""Is a board what its rows say? Seeds, drawn designs, rows, numbers, ranks, soundness, the same bytes again."""

import gc
import json
import os
import shlex
import shutil
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tomli_w
from boarding import SCALE, TASK, define, made
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from sweeping import ROOT, one_line, process, rbench

from rewardbench import find, results, stats, trace
from rewardbench.boards import (
    build,
    cross,
    definition,
    entries,
    evidence,
    freezing,
    generate,
    handing,
    kept,
    numbers,
    packing,
    rows,
    running,
    standing,
    verify,
)  # fmt: skip
from rewardbench.design import design_hash, parse
from rewardbench.measures.diversity import hypervolume
from rewardbench.metrics.diversity import frontier
from rewardbench.pages import truth_words
from rewardbench.pages.truth_told import MISSING
from rewardbench.types import Anchor, Bank, UserError

CPU = ROOT / "leaderboards" / "cpu"


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    return made(tmp_path_factory.mktemp("board"))


@pytest.fixture
def mine(board, tmp_path) -> Path:
    """A copy of the small board that a test may spoil."""
    return Path(shutil.copytree(board[0], tmp_path / "small"))


# --- what is fixed -------------------------------------------------------------------------------


def test_seeds_are_equal_for_every_entry_and_others_in_another_version():
    cpu = definition.read("cpu")
    first = cpu.seed_list(10)
    assert len(set(first)) == 10
    assert cpu.seed_list(5) == first[:5]
    assert not set(first) & set(replace(cpu, version=2).seed_list(10))
    assert not set(first) & set(definition.challenge_seeds(cpu, "reference", "abc", 10))
    again = definition.challenge_seeds(cpu, "reference", "abd", 10)
    assert not set(again) & set(definition.challenge_seeds(cpu, "reference", "abc", 10))


def test_whatever_a_board_fixes_changes_its_digest(tmp_path):
    small = definition.read(define(tmp_path / "small"))
    others = [
        replace(small, version=2), replace(small, tasks=("writing/story",)), replace(small, budget="3"),
        replace(small, policy="x"), replace(small, algorithm="rloo"), replace(small, baseline="exploit"),
        replace(small, seeds=3), replace(small, hashes={"policy": "x"}), replace(small, scale={}),
        replace(small, weights={"quality": 1.0, "stability": 0.0, "efficiency": 0.0, "diversity": 0.0}),
    ]  # fmt: skip
    assert len({small.digest, *(o.digest for o in others)}) == len(others) + 1
    assert replace(small, folder=Path("elsewhere")).digest == small.digest


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"sedes": 5}, ("unknown key", "seeds")),
        ({"seeds": 1}, ("seeds = 1",)),
        ({"version": 0}, ("version",)),
        ({"tasks": "qa"}, ("tasks",)),
        ({"weights": {"quality": 2.0}}, ("weights",)),
        ({"weights": {"quality": float("nan"), "stability": 0.2, "efficiency": 0.2, "diversity": 0.2}}, ("weights",)),
        ({"weights": {"quality": 0, "stability": 0, "efficiency": 0, "diversity": 1}}, ("weights", "qa/lookup")),
        ({"scale": {TASK: {**SCALE, "low": "0.2"}}}, ("scale", TASK, "numbers")),
        ({"scale": {TASK: {**SCALE, "low": 0.9}}}, ("scale", TASK, "below")),
        ({"baseline": 1}, ("baseline",)),
        ({"baseline": "refrence"}, ("baseline", "did you mean 'reference'?")),
        ({"tasks": [TASK, "qa/lokup"]}, ("did you mean 'qa/lookup'?",)),
    ],
)
def test_a_definition_that_is_none_is_one_line(more, words, tmp_path):
    told = tomllib.loads((CPU / "board.toml").read_text()) | more
    (tmp_path / "board.toml").write_text(tomli_w.dumps(told))
    with pytest.raises(UserError) as error:
        definition.read(tmp_path)
    assert all(w in str(error.value) for w in words), error.value
    assert error.value.code == 2


def test_a_definition_that_is_no_toml_is_one_line(tmp_path):
    (tmp_path / "board.toml").write_text("= 1")
    with pytest.raises(UserError, match="TOML"):
        definition.read(tmp_path)


def test_an_unknown_board_is_answered_with_what_there_is():
    said = rbench("board", "build", "cqu")
    assert said.code == 2
    one_line(said, "unknown board 'cqu'", "cpu")
    said = rbench("board", "build", "none/such")
    assert said.code == 5
    one_line(said, "no board 'none/such': there is no such folder", "cpu")


def test_the_drawn_designs_are_those_that_the_generator_draws():
    cpu = definition.read(CPU)
    for task in cpu.tasks:
        drawn = generate.designs(task, "cpu/1", cpu.generated)
        there = {p.stem: p.read_text() for p in (CPU / "designs" / task).glob("*.toml")}
        assert there == drawn, task
        assert len({design_hash(parse(t, "x")) for t in drawn.values()}) == cpu.generated


def test_the_gpu_board_has_the_same_designs_on_the_cpu_boards_tasks_and_draws_its_own_elsewhere():
    cpu, gpu = definition.read(CPU), definition.read(ROOT / "leaderboards" / "gpu")
    assert set(cpu.tasks) < set(gpu.tasks)
    assert {t.partition("/")[0] for t in set(gpu.tasks) - set(cpu.tasks)} == {"qa", "writing", "dialogue"}
    for task in gpu.tasks:
        drawn = generate.designs(task, "cpu/1" if task in cpu.tasks else "gpu/1", gpu.generated)
        there = {p.stem: p.read_text() for p in (gpu.folder / "designs" / task).glob("*.toml")}
        assert there == drawn, task


def test_the_board_of_a_real_model_on_a_processor_has_the_cpu_boards_first_designs():
    board = definition.read(ROOT / "leaderboards" / "smollm2-quick")
    assert board.policy == definition.read(ROOT / "leaderboards" / "gpu").policy
    for task in board.tasks:
        drawn = generate.designs(task, "cpu/1", board.generated)
        assert {p.stem: p.read_text() for p in (board.folder / "designs" / task).glob("*.toml")} == drawn


def test_a_board_of_which_nothing_was_run_shows_no_number():
    told = json.loads((ROOT / "leaderboards" / "gpu" / "board.json").read_text())
    assert (told["entries"], told["tasks"]) == ([], [])
    assert not any(told["truth"][part] for part in ("audit", "retest", "second_gold", "sensitivity", "challenge"))
    assert {answer.kind for answer in truth_words.all_of(told)} == {MISSING}


def test_drawn_designs_differ_in_size_operator_and_weight():
    texts = [t for task in definition.read(CPU).tasks for t in generate.designs(task, "another/1", 40).values()]
    found = [parse(t, "x") for t in texts]
    assert {len(d.parts) for d in found} == {1, 2, 3, 4, 5}
    assert {d.combine for d in found} == set(generate.OPERATORS)
    assert {d.normalise for d in found} == set(generate.NORMALISE)
    weights = np.array([abs(p.weight) for d in found for p in d.parts])
    assert 0.1 <= weights.min() < 0.2
    assert 5 < weights.max() <= 10
    assert abs(np.median(np.log10(weights))) < 0.25  # log-uniform between .1 and 10: the median is 1
    assert any(p.clip for d in found for p in d.parts)
    assert any(p.weight < 0 for d in found for p in d.parts)


def test_a_shard_holds_whole_entries():
    cpu = definition.read(CPU)
    there = running.shards(cpu)
    assert len({s.name for s in there}) == len(there)
    for task in cpu.tasks:
        names = [d for s in there if s.task == task for d in s.designs]
        assert len(names) == len(set(names)) == len(find.arms()) + len(find.task_designs(task)) + cpu.generated


# --- rows ----------------------------------------------------------------------------------------


def test_rows_give_the_numbers_that_the_run_folders_give(board):
    folder, sweeps = board
    found = definition.read(folder)
    for sweep in sorted(sweeps.iterdir()):
        loaded = results.load_sweep(sweep)
        start = results.load_sweep(sweeps / f"{entries.slug(TASK)}-controls")
        bases = [r for r in start if not r.spec.design.trains]
        for one in packing.finished(found, [sweep])[0]:
            kept = rows.load(folder / "entries" / packing.kind_of(found, one)[1] / entries.slug(TASK))
            whole = [r for r in loaded if r.spec.design.name == one.design]
            a = {r.run.spec.seed: r for r in numbers.score(found, kept, bases)}
            b = {r.run.spec.seed: r for r in numbers.score(found, whole, bases)}
            assert a.keys() == b.keys()
            for seed in a:
                assert a[seed].values == b[seed].values
                assert a[seed].flags == b[seed].flags
                assert a[seed].run.spec == b[seed].run.spec


def test_a_thin_entry_keeps_the_words_of_a_whole_one_and_its_numbers(board, tmp_path):
    folder, sweeps = board
    found = definition.read(folder)
    one = next(f for f in packing.finished(found, [sweeps / "qa-lookup-handmade"])[0] if f.design == "contains")
    rows.pack(one.runs, tmp_path / "whole", thin=False)
    rows.thin(tmp_path / "whole", tmp_path / "thin")
    kept = folder / "entries" / "contains" / entries.slug(TASK)
    for name in entries.FILES:
        assert (tmp_path / "thin" / name).read_bytes() == (kept / name).read_bytes(), name
    whole, few = (rows.read(tmp_path / n / "texts.parquet") for n in ("whole", "thin"))
    assert len(whole["text"]) == len(rows.read(kept / "scores.parquet")["gold"]) > len(few["text"]) > 0
    a, b = (rows.load(tmp_path / n) for n in ("whole", "thin"))
    assert [r.texts for r in a] == [r.texts for r in b]


def test_rows_hold_no_words_no_clock_and_no_path(board):
    folder, _ = board
    for path in folder.rglob("scores.parquet"):
        table = rows.read(path)
        assert not {"text", "prompt_text", "messages"} & table.keys()
        assert set(np.unique(table["split"])) == {"dev", "test"}
    for path in folder.rglob("*.json"):
        text = path.read_text()
        assert "seconds" not in text
        assert str(Path.home()) not in text
        assert "/tmp" not in text


def test_untrained_and_every_other_design_start_from_the_same_completions(board):
    folder, _ = board
    starts = {}
    for entry in entries.all_of(folder):
        table = rows.read(entry.folder / entries.slug(TASK) / "scores.parquet")
        first = (table["split"] == "dev") & (table["step"] == 0) & (table["seed"] == table["seed"].min())
        starts[entry.name] = (table["gold"][first].tolist(), table["tokens"][first].tolist())
    assert len({str(v) for v in starts.values()}) == 1


# --- numbers -------------------------------------------------------------------------------------


def test_every_number_of_an_entry_is_computed_again_to_the_last_digit_without_torch(board):
    code = (
        "import sys; from rewardbench.boards import definition, entries, numbers, packing; from pathlib import Path;"
        f"board = definition.read(Path({str(board[0])!r}));"
        "import json;"
        "all = entries.all_of(board.folder);"
        "bad = [e.name for e in all for t in e.tasks if trace_(numbers.of_task(board, e.runs(t), "
        "packing.base_of(board, e.folder, t, e.runs(t)))) != e.about['tasks'][t]];"
        "assert len(all) > 10 and not bad, bad; assert 'torch' not in sys.modules"
    ).replace("trace_(", "__import__('rewardbench.trace').disk.finite(")
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_overall_is_the_weighted_mean_of_the_axes_that_are_asked(board):
    found = definition.read(board[0])
    entry = next(e for e in entries.all_of(found.folder) if e.name == "contains")
    told = entry.about["tasks"][TASK]["runs"]
    for run in told:
        q, s, e = (run[a] for a in ("quality", "stability", "efficiency"))
        reached = min(max(q, 0), 1)
        wanted = (0.4 * reached + 0.2 * s * reached + 0.2 * e) / 0.8
        assert run["overall"] == pytest.approx(wanted)
        assert run["diversity"] is None
        assert run["reasons"]["diversity"]


def test_a_board_without_a_scale_has_gold_and_says_why_it_has_no_more(mine):
    path = mine / "board.toml"
    text = path.read_text()
    path.write_text(text[: text.index("[scale")] + text[text.index("[hashes") :])
    found = definition.read(mine)
    told = numbers.of_task(found, *(entries.read(mine / "entries" / "untrained").runs(TASK),) * 2)
    assert told["means"]["gold"]["n"] == 3
    assert told["means"]["quality"] is None
    assert "scale" in told["runs"][0]["reasons"]["quality"]


# --- the board -----------------------------------------------------------------------------------


def test_the_same_folder_gives_the_same_bytes_wherever_it_lies(board, mine):
    assert rbench("board", "build", board[0]).code == 0
    said = process("board", "build", mine)
    assert said.code == 0, said.err
    assert (mine / "board.json").read_bytes() == (board[0] / "board.json").read_bytes()


def test_arms_are_shown_and_never_ranked(board):
    told = build.build(definition.read(board[0]))
    rows_ = {r["entry"]: r for r in told["tasks"][0]["rows"]}
    assert {n for n, r in rows_.items() if r["kind"] == "control"} == set(find.arms())
    assert all(rows_[a]["ranks"] is None and rows_[a]["verdicts"] is None for a in find.arms())
    ranked = [r for r in rows_.values() if r["ranks"]]
    assert {r["entry"] for r in ranked} == {"reference", "brevity", "contains", "exploit", "form"}  # drawn ones are apart
    assert rows_["qa-lookup-g01"]["ranks"] is None
    assert rows_["qa-lookup-g01"]["verdicts"]["quality"]["verdict"] in ("better", "worse", "equivalent", "unresolved")
    for row in ranked:
        low, high = row["ranks"]["quality"]
        assert 1 <= low <= high <= len(ranked)
        assert row["entry"] == "reference" or row["verdicts"]["quality"]["verdict"] in ("better", "worse", "equivalent", "unresolved")
    assert list(told["tasks"][0]["rows"])[-1]["kind"] == "control"


def test_a_board_says_what_it_lacks(mine):
    assert build.build(definition.read(mine))["provisional"] == []
    shutil.rmtree(mine / "entries" / "qa-lookup-g02")
    shutil.rmtree(mine / "entries" / "form")
    told = build.build(definition.read(mine))
    assert told["provisional"] == [f"{TASK}: 1 of 2 drawn designs", f"{TASK}: without form"]


def test_a_board_without_untrained_is_one_line(mine):
    shutil.rmtree(mine / "entries" / "untrained")
    said = rbench("board", "build", mine)
    assert said.code == 5
    one_line(said, "untrained", TASK)


def test_a_damaged_entry_is_one_line(mine):
    path = mine / "entries" / "form" / "qa-lookup" / "scores.parquet"
    path.write_bytes(path.read_bytes()[:100])
    said = rbench("board", "build", mine)
    assert said.code == 5
    one_line(said, "scores.parquet")


def test_what_is_not_finished_is_left_out_and_named(board, tmp_path):
    folder = define(tmp_path / "fresh")
    sweep = Path(shutil.copytree(board[1] / "qa-lookup-controls", tmp_path / "controls"))
    victim = next(r for r in results.load_sweep(sweep) if r.spec.design.name == "echo")
    trace.set_status(victim.folder, "partial")
    said = rbench("board", "add", folder, sweep)
    assert said.code == 0
    assert "echo" not in said.out
    assert "1 of its 3 seeds are not finished" in said.err


def entry_files(folder, name):
    return {p.relative_to(folder): p.read_bytes() for p in (folder / "entries" / name).rglob("*") if p.is_file()}


@pytest.mark.parametrize(("name", "shard", "seeds"), [("untrained", "controls", 3), ("contains", "handmade", 2)])
def test_an_entry_is_not_rewritten_by_other_runs_without_a_word(name, shard, seeds, board, mine, tmp_path):
    sweep = Path(shutil.copytree(board[1] / f"qa-lookup-{shard}", tmp_path / "again"))
    before = entry_files(mine, name)
    said = rbench("board", "add", mine, sweep)
    assert (said.code, said.err) == (0, "")  # the same runs may be added again
    assert entry_files(mine, name) == before
    victim = next(r for r in results.load_sweep(sweep) if r.spec.design.name == name)
    steps = victim.folder / "steps.jsonl"
    if steps.is_file():  # `untrained` has none
        steps.write_text(steps.read_text() + steps.read_text().splitlines(keepends=True)[-1])
    trace.set_status(victim.folder, "done", content="0" * 64)
    said = rbench("board", "add", mine, sweep)
    assert said.code == 3
    (line,) = said.err.splitlines()
    assert line.startswith(f"not written: {name}: its runs of {TASK} are others (runs.json")
    assert f"1 of {seeds} seeds, the first is {victim.spec.seed}); --replace {name} writes it anew" in line
    assert ("steps.parquet" in line) == (name == "contains")
    assert entry_files(mine, name) == before
    others = [n for n in said.out.split(": ")[1].strip().split(", ") if n != name]
    assert others  # whoever else is in these runs is written
    said = rbench("board", "add", mine, sweep, "--replace", name)
    assert said.code == 0
    assert ("relative to untrained" in said.err) == (name == "untrained")
    assert entry_files(mine, name) != before


def test_replacing_what_is_not_among_the_runs_is_one_line(board, mine):
    said = rbench("board", "add", mine, board[1] / "qa-lookup-controls", "--replace", "untraind")
    assert said.code == 2
    one_line(said, "did you mean 'untrained'?")


def test_an_entry_that_was_handed_in_is_not_taken_for_a_shipped_one(board, mine):
    path = mine / "entries" / "form" / "entry.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"kind": "submitted"}))
    before = entry_files(mine, "form")
    said = rbench("board", "add", mine, board[1] / "qa-lookup-handmade", "--replace", "form")
    assert said.code == 3
    assert "not written: form: an entry of that name was handed in" in said.err
    assert entry_files(mine, "form") == before


def test_another_task_of_an_entry_is_added_without_asking(tmp_path):
    more = {"tasks": [TASK, "writing/story"], "scale": {TASK: SCALE, "writing/story": SCALE}}
    folder = define(tmp_path / "two", 0, **more)
    for task in more["tasks"]:
        out = tmp_path / entries.slug(task)
        said = rbench("run", "--board", folder, "--task", task, "--design", "untrained", "--seeds", "3", "--out", out, "--display", "none")
        assert said.code == 0, said.err
        said = rbench("board", "add", folder, out)
        assert (said.code, said.err) == (0, "")
    assert entries.read(folder / "entries" / "untrained").tasks == (TASK, "writing/story")


def test_runs_of_another_setting_do_not_enter(board, tmp_path):
    folder = define(tmp_path / "fresh", budget="3")
    said = rbench("board", "add", folder, board[1] / "qa-lookup-controls")
    assert said.code == 8
    assert "its budget is '2', the board's '3'" in said.err


# --- soundness -----------------------------------------------------------------------------------


class Fake:
    """An entry with made-up values."""

    def __init__(self, name, values, kind="handmade"):
        self.name, self.kept, self.contestant = name, values, kind != "control"
        spec = [type("S", (), {"seed": i})() for i in range(len(values))]
        self.results = [type("R", (), {"run": type("U", (), {"spec": s, "curve": None})()})() for s in spec]

    def values(self, axis, seeds):
        return [self.kept[s] if axis == "quality" else None for s in seeds]


def _board(**means):
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.02, (len(means), 10))
    return [Fake(n, (m + e).tolist()) for (n, m), e in zip(means.items(), noise)]


SOUND = {"untrained": 0.0, "random": -0.1, "constant": 0.0, "oracle": 1.0, "reference": 0.9, "exploit": -0.2}


@pytest.mark.parametrize(
    ("changed", "failed"),
    [
        ({}, []),
        ({"random": 0.1}, ["random must not be above untrained"]),
        ({"exploit": 0.92}, ["exploit must be below reference"]),
        ({"exploit": 1.1}, ["exploit must be below reference"]),
        ({"oracle": 0.0}, ["oracle must be above untrained"]),
    ],
)
def test_a_board_on_which_nulls_win_or_exploits_do_not_lose_is_broken(changed, failed):
    small = definition.parse('schema_version = 1\nname = "x"\nversion = 1\nsummary = "x"\ntasks = ["qa/lookup"]\npolicy = "tiny"\nalgorithm = "grpo"\nbudget = "2"\nseeds = 5\ncontrol_seeds = 10\nbaseline = "reference"\n')
    told = standing.broken(small, _board(**{**SOUND, **changed}))
    assert told["quality"]["broken"] == failed


def test_a_constant_that_equals_untrained_breaks_nothing():
    there = _board(**SOUND)
    there[2].kept = list(there[0].kept)
    small = definition.read(CPU)
    assert standing.broken(small, there)["quality"]["broken"] == []


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_entering_changes_nobody_elses_score_and_ranks_stay_in_range(seed):
    rng = np.random.default_rng(seed)
    cells = [[row.tolist()] for row in rng.normal(size=(6, 5)) * 0.1 + rng.normal(size=(6, 1))]
    before, after = stats.rank_intervals(cells[:5]), stats.rank_intervals(cells)
    assert (before >= 1).all()
    assert (before <= 5).all()
    assert (after[:5, 0] >= 1).all()
    assert (after[:, 1] <= 6).all()


def test_scale_is_the_boards_and_not_the_tasks(board):
    found = definition.read(board[0])
    spec = rows.load(found.folder / "entries" / "untrained" / "qa-lookup")[0].spec
    anchor = numbers.scale(found, spec)
    assert (anchor.low, anchor.high) == (SCALE["low"], SCALE["high"])
    assert isinstance(numbers.scale(replace(found, scale={}), spec), str)


def test_the_manifest_covers_every_file(board):
    for entry in entries.all_of(board[0]):
        listed = json.loads((entry.folder / "manifest.json").read_text())["files"]
        assert set(listed) == {p.relative_to(entry.folder).as_posix() for p in entries.files(entry.folder)}

# --- who may stand where -------------------------------------------------------------------------


def test_an_entry_under_another_folders_name_is_refused_before_it_takes_a_place(mine):
    shutil.copytree(mine / "entries" / "reference", mine / "entries" / "zzz")
    said = rbench("board", "build", mine)
    assert said.code == 5
    one_line(said, "entries/zzz", "calls itself 'reference'")


def test_evidence_is_of_the_files_and_not_of_what_they_say_of_themselves(mine):
    assert rbench("board", "check", mine).code == 0
    found = definition.read(mine)
    form = entries.read(mine / "entries" / "form")
    assert evidence.of(evidence.read(found), form)["evidence"] == "rescored"
    assert {e["evidence"] for e in build.build(found)["entries"]} == {"rescored"}
    path = form.folder / "qa-lookup" / "runs.json"
    path.write_text(path.read_text() + "\n")  # the manifest stays as it was
    assert evidence.of(evidence.read(found), form) == {"evidence": "reported", "found": [], "accepted": None}


def test_a_rejected_entry_is_shown_and_not_ranked(mine):
    path = mine / "entries" / "form" / "entry.json"
    told = json.loads(path.read_text())
    told["tasks"][TASK]["means"]["gold"]["mean"] += 0.01
    path.write_text(json.dumps(told))
    entries.write_manifest(path.parent)
    said = rbench("board", "check", mine)
    assert said.code == 3
    assert "form: reported (V05)" in said.out
    [row] = [r for r in build.build(definition.read(mine))["tasks"][0]["rows"] if r["entry"] == "form"]
    assert (row["broken"], row["ranks"]) == (True, None)


def judged(monkeypatch, level="reproduced", codes=(), severity="flag"):
    """Verification that says this of every entry, and keeps what it was asked."""
    from rewardbench.boards.finding import Finding
    from rewardbench.boards.verify import Verdict

    asked = []

    def verify(path, board, wanted, challenge):
        asked.append((path.name, wanted, challenge))
        return Verdict(path.name, board, wanted, level, tuple(Finding(c, "said", severity=severity) for c in codes))

    monkeypatch.setattr(evidence, "verify", verify)
    return asked


def test_the_level_and_the_seeds_that_are_asked_for_reach_verification(mine, monkeypatch):
    asked = judged(monkeypatch)
    said = rbench("board", "check", mine, "--level", "reproduced", "--entry", "form", "--entry", "echo", "--challenge-seeds", "2")
    assert said.code == 0, said.err
    assert asked == [("echo", "reproduced", 2), ("form", "reproduced", 2)]
    assert set(evidence.read(definition.read(mine))) == {"echo", "form"}
    assert "form: reproduced" in said.out


@pytest.mark.parametrize(("words", "line"), [(("--level", "reproducd"), "did you mean 'reproduced'?"), (("--entry", "fork"), "did you mean 'form'?")])
def test_a_level_or_entry_that_there_is_not_is_one_line(words, line, mine):
    said = rbench("board", "check", mine, *words)
    assert said.code == 2
    one_line(said, line)
    assert not (mine / "evidence.json").exists()


def test_a_lower_check_takes_back_neither_the_word_nor_what_was_found_above_it(mine, monkeypatch):
    found = definition.read(mine)

    def after(level, *told, **more):
        judged(monkeypatch, *told, **more)
        list(evidence.check(found, level, only=["form"]))
        row = evidence.of(evidence.read(found), entries.read(mine / "entries" / "form"))
        return row["evidence"], row["found"]

    assert after("reproduced", "reproduced", ["V37"]) == ("reproduced", ["V37"])
    assert after("rescored", "rescored") == ("reproduced", [])  # what a lower check found is asked anew
    assert after("reproduced", "rescored") == ("reproduced", [])  # not asked, as of code of its own: nothing was denied
    assert after("reproduced", "rescored", ["V41"]) == ("rescored", ["V41"])  # denied
    assert after("rescored", "rescored", ["V37"]) == ("rescored", ["V37", "V41"])  # and that is not forgotten
    assert after("reproduced", "reproduced") == ("reproduced", [])
    assert after("rescored", "reported", ["V05"], severity="reject") == ("reported", ["V05"])


def test_what_was_checked_before_a_kill_stays_known(mine):
    found = definition.read(mine)
    checking = evidence.check(found, "consistent")
    names = [next(checking)[0], next(checking)[0]]
    checking.close()
    assert list(evidence.read(found)) == names[:1]


def test_a_design_that_is_called_as_an_arm_is_no_arm(board):
    found = definition.read(board[0])
    runs = packing.finished(found, [board[1] / "qa-lookup-controls"])[0]
    [arm] = [f for f in runs if f.design == "random"]
    assert packing.kind_of(found, arm) == ("control", "random")
    assert packing.kind_of(found, replace(arm, design_hash="0" * 64)) == ("submitted", "random")


def test_drawn_designs_change_nobodys_rank(mine):
    before = {r["entry"]: r["ranks"] for r in build.build(definition.read(mine))["tasks"][0]["rows"] if r["ranks"]}
    shutil.rmtree(mine / "entries" / "qa-lookup-g01")
    after = {r["entry"]: r["ranks"] for r in build.build(definition.read(mine))["tasks"][0]["rows"] if r["ranks"]}
    assert before == after
    assert not [n for n in before if n.startswith("qa-lookup-g")]


def test_harm_is_adjusted_for_everybody_who_is_asked():
    base = Fake("untrained", [0.0] * 5, "control")
    low = Fake("low", [-0.02, -0.05, -0.03, -0.06, -0.01])
    assert stats.paired_difference(low.kept, base.kept).p < 0.05
    others = [Fake(f"x{i}", np.random.default_rng(i).normal(0, 0.05, 5).tolist()) for i in range(20)]
    assert build._harmful([low], base) == {"low"}
    assert "low" not in build._harmful([low, *others], base)


def test_a_drawn_product_pays_nothing_below_zero():
    below = {"repetition.penalty", "length.soft_overlong", "length.cosine_scaled"}
    drawn = [parse(t, "x") for n in range(6) for t in generate.designs(TASK, f"products/{n}", 40).values()]
    products = [d for d in drawn if d.combine == "product"]
    assert len(products) > 10
    assert not [p.use for d in products for p in d.parts if p.use in below and not (p.clip and p.clip[0] >= 0)]
    assert {p.use for d in drawn for p in d.parts} & below  # elsewhere they are drawn


def test_what_a_bundle_is_called_runs_nothing_when_it_is_pasted(board):
    form = entries.read(board[0] / "entries" / "form")
    about = json.loads(json.dumps(form.about))
    about["board"]["name"] = "cpu; touch x `y` $(z)"
    for step in handing.request(entries.Entry(form.folder, about), Path("a b.zip"), "0" * 64).steps:
        if step.startswith(("git", "rbench")):
            words = shlex.split(step)
            assert not {"touch", "x", ";"} & set(words), step


# --- a board of algorithms -----------------------------------------------------------------------


def test_a_board_may_rank_algorithms_that_one_reward_teaches(tmp_path):
    more = {"algorithms": ["grpo", "raft", "best_of_n"], "name": "taught", "control_seeds": 2}
    folder = define(tmp_path / "taught", 0, **more)
    sweeps = tmp_path / "sweeps"
    assert rbench("board", "run", folder, "--out", sweeps, "--workers", 1).code == 0
    said = rbench("board", "add", folder, *sorted(sweeps.iterdir()))
    assert (said.code, said.err) == (0, "")
    told = build.build(definition.read(folder))
    rows_ = {r["entry"]: r for r in told["tasks"][0]["rows"]}
    assert set(rows_) == {"untrained", "oracle", "grpo", "raft", "best_of_n"}
    assert told["provisional"] == []
    assert told["board"]["baseline"] == "grpo"
    assert set(told["tasks"][0]["rows"][0]["verdicts"]) == set(results.AXES)
    assert {r["design"] for n, r in rows_.items() if r["kind"] != "control"} == {"reference"}
    words = rows.read(folder / "entries" / "best_of_n" / "qa-lookup" / "texts.parquet")
    grids = 2 + len(set(words["temperature"][words["split"] == "test"].tolist()))  # the last evaluations, and each temperature
    assert grids == 2 + 5
    assert len(words["text"]) == 2 * 2 * grids * 32  # two a prompt, of two seeds
    for name in rows_:  # best-of-n has few rows, and no training step
        verdict = verify.verify(folder / "entries" / name, definition.read(folder))
        assert (verdict.level, [f for f in verdict.findings if f.severity == "reject"]) == ("rescored", []), verify.lines(verdict)
    change = {"one left out": lambda c: np.arange(len(c["k"])) != 5, "one prompt's": lambda c: c["prompt"] != c["prompt"][0]}
    path = folder / "entries" / "best_of_n" / "qa-lookup" / "scores.parquet"
    whole = rows.read(path)
    for what, kept_rows in change.items():
        rows._write(path, rows.where(whole, kept_rows(whole)), loose=("kl",))
        entries.write_manifest(folder / "entries" / "best_of_n")
        assert "V06" in {f.code for f in verify.verify(folder / "entries" / "best_of_n", definition.read(folder)).findings}, what


def test_a_board_of_algorithms_needs_its_own_among_them(tmp_path):
    told = tomllib.loads((CPU / "board.toml").read_text())
    for algorithms, word in ((["rloo"], "algorithm"), (["grpo", "grop"], "grpo")):
        (tmp_path / "board.toml").write_text(tomli_w.dumps(told | {"algorithms": algorithms}))
        with pytest.raises(UserError, match=word):
            definition.read(tmp_path)


def test_a_run_on_another_seed_is_the_run_that_is_planned_for_it():
    """What a spec keeps of its own plain values must not outlive its seed: ids, hashes and TOML are those of a new one."""
    from dataclasses import replace

    run = definition.fixed(definition.read("cpu"), TASK)
    run.as_dict()
    other, planned = run.on(run.seed + 1), replace(run, seed=run.seed + 1)
    assert (other, other.id, other.as_dict()) == (planned, planned.id, planned.as_dict())
    assert other.id != run.id == replace(other, seed=run.seed).id


def test_a_build_leaves_the_garbage_collector_on(mine):
    assert rbench("board", "build", mine).code == 0
    assert gc.isenabled()
    (mine / "board.toml").write_text("name = 3")
    assert rbench("board", "build", mine).code != 0
    assert gc.isenabled()


# --- what ships ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [p.parent.name for p in sorted(ROOT.glob("leaderboards/*/board.json"))])
def test_what_a_shipped_board_shows_is_what_its_rows_say(name):
    from rewardbench.boards import writing

    found = definition.read(ROOT / "leaderboards" / name)
    for file, data in writing.forms(build.build(found)).items():
        assert (found.folder / file).read_bytes() == data, f"{file}: run `rbench board build leaderboards/{name}`"
    for file, data in writing.forms(json.loads((found.folder / "board.json").read_text())).items():
        assert (found.folder / file).read_bytes() == data, f"{file} is not of board.json alone"


OLDER = """
import os, sys
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
os.environ["NPY_DISABLE_CPU_FEATURES"] = " ".join(f for f in __cpu_dispatch__ if __cpu_features__[f])
os.execv(sys.executable, [sys.executable, "-m", "rewardbench", "board", "build", sys.argv[1]])
"""


@pytest.mark.parametrize("name", [p.parent.name for p in sorted(ROOT.glob("leaderboards/*/board.json"))])
def test_an_older_processor_builds_the_same_board(tmp_path, name):
    """One on which NumPy has none of its newer instructions, and sums of products are those of 2008."""
    shutil.copytree(ROOT / "leaderboards" / name, tmp_path / name)
    shown = {p.name: p.read_bytes() for p in (tmp_path / name).iterdir() if p.suffix in {".json", ".html", ".csv", ".md"}}
    env = {**os.environ, "OPENBLAS_CORETYPE": "Nehalem"}
    done = subprocess.run([sys.executable, "-c", OLDER, tmp_path / name], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {n: (tmp_path / name / n).read_bytes() == data for n, data in shown.items()} == dict.fromkeys(shown, True)


def test_what_counts_in_a_shipped_board_follows_from_its_runs_by_hand():
    told = json.loads((CPU / "board.json").read_text())
    weights, scale = told["board"]["weights"], told["board"]["scale"]
    seen = set()
    for task in told["tasks"]:
        unit = scale[task["task"]].get("diversity")
        for row in task["rows"]:
            q, s, e, d = (np.array([r[a] for r in row["runs"]], dtype=float) for a in results.AXES)
            q, e = q.clip(0, 1), e.clip(0, 1)
            wanted = {"quality": q, "stability": s * q, "efficiency": e} | ({"diversity": (d / unit).clip(0, 1)} if unit else {})
            assert row["counted"] == pytest.approx({a: v.mean() for a, v in wanted.items()}), row["entry"]
            mix = sum(weights[a] * v.mean() for a, v in wanted.items()) / sum(weights[a] for a in wanted)
            assert row["means"]["overall"]["mean"] == pytest.approx(mix), row["entry"]
            seen.add(unit is None)
    assert seen == {True, False}


@pytest.mark.parametrize("name", ["rouge", "reference"])
def test_a_shipped_entry_of_a_task_that_asks_for_variety_is_consistent(name):
    """D is relative to the board's `untrained` runs: counted from an entry's own it would be 0."""
    verdict = verify.verify(CPU / "entries" / name, definition.read("cpu"), "consistent")
    assert (verdict.level, [f for f in verdict.findings if f.severity == "reject"]) == ("consistent", []), verify.lines(verdict)


def test_a_shipped_board_is_as_it_was_frozen():
    assert freezing.changed(definition.read(CPU)) == []
    assert definition.read(CPU).audit


# --- numbers and standing, by hand ---------------------------------------------------------------


class Full(Fake):
    """An entry with made-up values of every axis, each [seeds]."""

    def __init__(self, name, kind="handmade", curves=(), **axes):
        super().__init__(name, axes.get("quality", []), kind)
        self.axes, self.entry = axes, type("E", (), {"kind": kind})()
        self.ranked = kind in ("handmade", "submitted")
        for result, curve in zip(self.results, curves):
            result.run.curve = curve

    def values(self, axis, seeds):
        return [self.axes[axis][s] for s in seeds] if axis in self.axes else [None] * len(seeds)


def flat(*means):
    """Values of two seeds about Q, S and E."""
    return {a: [m - 0.01, m + 0.01] for a, m in zip(results.AXES, means)}


def test_axes_as_overall_counts_them_by_hand():
    cpu = definition.read(CPU)
    story = {"quality": 0.5, "stability": 0.8, "efficiency": -0.1, "diversity": 2 * cpu.scale["writing/story"]["diversity"]}
    told = numbers.counted(cpu, SimpleNamespace(task="writing/story", values=story))
    assert told == pytest.approx({"quality": 0.5, "stability": 0.4, "efficiency": 0, "diversity": 1})
    assert numbers.overall(cpu, told) == pytest.approx(0.4 * 0.5 + 0.2 * 0.4 + 0.2)
    assert numbers.overall(cpu, {"quality": 0.5, "stability": 0.4, "efficiency": 0}) == pytest.approx(0.28 / 0.8)
    half = story | {"diversity": cpu.scale["writing/story"]["diversity"] / 2}
    assert numbers.counted(cpu, SimpleNamespace(task="writing/story", values=half))["diversity"] == pytest.approx(0.5)
    harm = numbers.counted(cpu, SimpleNamespace(task="qa/lookup", values=story | {"quality": -0.5}))
    assert harm == {"quality": 0, "stability": 0, "efficiency": 0}
    unknown = numbers.counted(cpu, SimpleNamespace(task="writing/story", values=story | {"diversity": None}))
    assert unknown is None is numbers.overall(cpu, unknown)


def test_gold_on_test_prompts_is_that_at_temperature_one():
    gold = np.stack([np.full((2, 3), g) for g in (0.9, 0.6, 0.1)])
    bank = Bank(np.array([0.5, 1.0, 1.5]), gold, gold.astype(str), 0.5)
    assert numbers._at_one(SimpleNamespace(run=SimpleNamespace(bank=bank), failed=False)) == pytest.approx(0.6)
    assert numbers._at_one(SimpleNamespace(run=SimpleNamespace(bank=None), failed=True)) == 0
    assert numbers._at_one(SimpleNamespace(run=SimpleNamespace(bank=None), failed=False)) is None


def test_the_interval_of_quality_knows_that_its_scale_was_measured():
    """Equal seeds at Q = .5: the ends' errors alone, hypot(.5 low, .5 high) / (high - low) = .05, each of five runs: at
    7.42 degrees of freedom Student's quantile is 2.338.
    """
    board = replace(definition.read("cpu"), scale={"t": {"low": 0.2, "high": 0.7, "low_se": 0.03, "high_se": 0.04}})
    run = SimpleNamespace(spec=SimpleNamespace(task="t"))
    group = [SimpleNamespace(run=run, values={"quality": 0.5}, counted=lambda name: 0.5 if name != "gold" else None)] * 2
    found = numbers.means(group, board)
    assert (found["quality"]["low"], found["quality"]["high"]) == pytest.approx((0.3831, 0.6169), abs=1e-4)
    assert (found["stability"]["low"], found["stability"]["high"], found["gold"]) == (0.5, 0.5, None)


def test_the_front_is_of_designs_that_learnt_and_that_nobody_beats_throughout():
    cpu = definition.read(CPU)
    there = [Full("a", **flat(0.9, 0.2, 0.5)), Full("b", **flat(0.5, 0.9, 0.5)), Full("c", **flat(0.4, 0.8, 0.5)), Full("d", **flat(-0.1, 1, 1)), Full("e", quality=[1, 1])]
    assert standing.front(cpu, "qa/lookup", there, (0, 1)) == {"a", "b"}
    assert standing.front(cpu, "qa/lookup", [there[-1]], (0, 1)) == set()


def test_weights_are_drawn_on_the_axes_as_they_are_counted():
    cpu = definition.read(CPU)
    raw, kept = flat(0.9, 0.9, 0.9), flat(0.1, 0.1, 0.1)
    one = Full("one", **raw, **{f"counted_{a}": v for a, v in kept.items()})
    two = Full("two", **kept, **{f"counted_{a}": v for a, v in raw.items()})
    told = standing.sensitivity(cpu, "qa/lookup", [one, two], (0, 1))
    assert [(r["entry"], r["best"], r["worst"], r["first"]) for r in told["rows"]] == [("one", 2, 2, 0), ("two", 1, 1, 1)]


def test_what_a_board_resolves_is_told_of_those_it_ranks():
    rng = np.random.default_rng(3)
    there = [Full(n, **{a: rng.normal(0, 0.1, 5).tolist() for a in results.AXES}) for n in "abcd"]
    told = standing.resolution(there, range(5), {"a", "b"})
    assert [told[a]["pairs"] for a in results.AXES] == [6, 1, 1, 1]
    assert standing.resolution(there, range(5), {"a"})["stability"] is None
    there[3].axes["quality"][2] = None
    assert standing.resolution(there, range(5), set())["quality"]["pairs"] == 3


def test_where_the_variance_comes_from_is_pooled_over_finished_designs():
    """Two seeds, two prompts, two samples: variances 46, 7 / 2 and 2 / 4 of a seed's mean; and noise of samples alone."""
    nested = np.array([[[0, 2], [4, 6]], [[10, 12], [14, 16]]], dtype=float)
    alike = np.array([[[0, 2], [0, 2]], [[0, 2], [0, 2]]], dtype=float)

    def one(gold, failed=False):
        curves = [SimpleNamespace(gold=np.stack([0 * g, g]), failed=failed) for g in gold]
        return Full("x", curves=curves, quality=[0.0, 0.0])

    told = standing.components([one(nested), one(100 * nested, failed=True)], (0, 1))
    assert told == pytest.approx({"seed": 0.92, "prompt": 0.07, "sample": 0.01, "designs": 1})
    both = standing.components([one(nested), one(alike)], (0, 1))
    assert both == pytest.approx({"seed": 46 / 50.5, "prompt": 3.5 / 50.5, "sample": 1 / 50.5, "designs": 2})
    assert standing.components([], (0, 1)) is None


def test_each_axis_is_asked_what_it_can_tell():
    names = {a: [(c[0], c[2]) for c in standing._asked(definition.read(CPU), a)] for a in results.AXES}
    assert names["quality"] == [("random", "not be above"), ("constant", "not be above"), ("exploit", "be below"), ("oracle", "be above")]
    assert names["stability"] == [("exploit", "be below")]  # who stands still is stable
    assert names["efficiency"] == names["diversity"] == [("exploit", "be below"), ("oracle", "be above")]


def test_what_must_be_shown_is_adjusted_and_what_must_not_is_caught_at_once():
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 1, 10)
    close = stats.paired_difference(0.72 * np.std(noise) + noise - noise.mean(), [0] * 10)
    assert 0.025 < close.p / 2 < 0.05
    there = [Fake("untrained", [0.0] * 10), Fake("reference", [5.0] * 10), *(Fake(n, v) for n, v in (("random", (0.72 * np.std(noise) + noise - noise.mean()).tolist()), ("oracle", (0.72 * np.std(noise) + noise - noise.mean()).tolist()), ("exploit", [5.0 + v for v in rng.normal(0, 1, 10)])))]
    told = standing.broken(definition.read(CPU), there)["quality"]
    p = {c["a"]: (c["p"], c["p_adjusted"]) for c in told["conditions"]}
    assert p["random"][0] == p["random"][1] == pytest.approx(close.p / 2)
    assert p["oracle"][1] == pytest.approx(close.p)
    assert [w.split()[0] for w in told["broken"]] == ["random", "exploit", "oracle"]


def test_arms_and_contestants_are_two_families_of_harm():
    values = [-0.02, -0.05, -0.03, -0.06, -0.01]
    told = build._harmful([Fake("low", values), Fake("high", [-v for v in values])], Fake("untrained", [0.0] * 5))
    assert told == {"low"}


def test_who_did_not_learn_is_ranked_in_quality_alone_and_harm_is_asked_of_two_families(board, monkeypatch):
    asked = []
    monkeypatch.setattr(build, "_harmful", lambda family, base: asked.append({s.contestant for s in family}) or set())
    rows_ = build.build(definition.read(board[0]))["tasks"][0]["rows"]
    assert asked == [{True}, {False}]
    start = {r["seed"]: r["quality"] for r in next(r for r in rows_ if r["entry"] == "untrained")["runs"]}
    for row in rows_:
        gain = np.array([r["quality"] - start[r["seed"]] for r in row["runs"]])
        half = scipy_stats.t.ppf(0.975, len(gain) - 1) * gain.std(ddof=1) / len(gain) ** 0.5
        assert row["learns"] is bool(gain.mean() > half), row["entry"]
        if not row["learns"]:
            assert not row["front"]
            assert not row["ranks"] or {a for a, places in row["ranks"].items() if places} == {"quality"}
    assert not all(r["learns"] for r in rows_)  # after two steps


def test_a_board_that_other_seeds_rank_otherwise_says_so():
    told = {"retest": {"a": {"reliable": False, "icc_2_k": {"r": 0.512, "low": 0.1, "high": 0.8}}, "b": {"reliable": True, "icc_2_k": {"r": 0.9}}, "c": None}}
    assert build._unreliable(told) == ["a: ICC(2,k) 0.51 of Q is below 0.8"]


def test_across_tasks_stand_those_who_have_every_one():
    board = SimpleNamespace(tasks=("t", "u"), seeds=2, seed_list=range)
    t = [Full("a", quality=[0.5, 0.7]), Full("b", quality=[0.1, 0.1]), Full("c", quality=[0.9, 0.9])]
    u = [Full("a", quality=[0.1, 0.3]), Full("b", quality=[0.1, None])]
    rows_ = {r["entry"]: r for r in build._across(board, {"t": t, "u": u}, {})["rows"]}
    assert set(rows_) == {"a", "b"}
    assert rows_["a"]["means"]["quality"]["mean"] == pytest.approx(0.4)
    assert rows_["b"]["means"] == {}


def test_across_tasks_rank_on_all_but_quality_who_learnt_on_each():
    board = SimpleNamespace(tasks=("t", "u"), seeds=3, seed_list=range)
    high, low, still = [0.9, 0.91, 0.92], [0.2, 0.21, 0.22], [1.0, 1.0, 1.0]
    scored = [Full("a", quality=high, stability=high), Full("b", quality=low, stability=low), Full("c", quality=low, stability=still)]
    told = build._across(board, {"t": scored, "u": scored}, {"t": {"a", "b", "c"}, "u": {"a", "b"}})
    ranks = {r["entry"]: r["ranks"] for r in told["rows"]}
    assert ranks["a"] == {"quality": [1, 1], "stability": [1, 1]}
    assert ranks["b"]["stability"] == [2, 2]
    assert set(ranks["c"]) == {"quality"}  # most stable of all: it stood still on one of them


def test_an_algorithm_that_trains_nothing_is_ranked_in_quality_alone():
    """Best-of-n selects: it is as stable as what stands still, and its D would be of a fourth of the completions."""
    views = json.loads((CPU.parent / "algorithms" / "board.json").read_text())["tasks"]
    for view in views:
        told = {r["entry"]: r for r in view["rows"]}
        row, other = told["best_of_n"], told["grpo"]
        assert (row["learns"], row["front"]) == (False, False)
        assert {axis for axis, places in row["ranks"].items() if places} == {"quality"}
        assert row["means"]["diversity"] is None
        if not view["one_answer"]:
            assert row["means"]["overall"] is None
            assert row["reasons"]["diversity"] == row["reasons"]["overall"] == "4 completions a prompt are shown: the board's D is of 16"
            assert other["means"]["diversity"]["mean"] > 0
            assert other["ranks"]["diversity"]


@pytest.mark.parametrize("name", ["cpu", "algorithms"])
def test_the_margin_of_diversity_is_a_share_of_what_the_untrained_policy_spans(name):
    for view in json.loads((CPU.parent / name / "board.json").read_text())["tasks"]:
        if not view["one_answer"]:
            untrained = rows.load(CPU.parent / name / "entries" / "untrained" / view["task"].replace("/", "-"))
            spans = [hypervolume(frontier(run.bank)) for run in untrained]
            told = [v["margin"] for r in view["rows"] if r["verdicts"] and (v := r["verdicts"]["diversity"])]
            assert len(told) > 2
            assert told == pytest.approx([0.03 * float(np.mean(spans))] * len(told))


# --- kept words ----------------------------------------------------------------------------------


def scored_of(board, name):
    runs = rows.load(board / "entries" / name / "qa-lookup")
    return SimpleNamespace(name=name, entry=SimpleNamespace(kind="handmade" if name != "untrained" else "control"), results=[SimpleNamespace(run=r) for r in runs])


@pytest.mark.parametrize(
    ("change", "says"),
    [(lambda c: {n: v[:0] for n, v in c.items()}, "keeps no words"), (lambda c: c | {"prompt": np.full(len(c["k"]), "x", dtype=object)}, "words of prompt 'x'")],
)  # fmt: skip
def test_words_that_belong_to_nothing_are_one_line(change, says, mine):
    path = mine / "entries" / "contains" / "qa-lookup" / "texts.parquet"
    rows._write(path, change(rows.read(path)))
    said = rbench("board", "build", mine)
    assert said.code == 5
    one_line(said, says, "contains")


def test_kept_words_have_the_gold_and_the_reward_of_their_own_rows(board):
    found, gold = scored_of(board[0], "contains"), find.gold(TASK)
    words = kept.kept(TASK, found)
    assert words.gold.shape == (2 * 32, 4)  # two of each prompt, at two evaluations of two seeds
    assert words.gold.tolist() == [[gold.score(p, said) for said in row] for p, row in zip(words.prompts, words.said)]
    assert len({p.id for p in words.prompts}) > 32
    table, texts = (rows.read(board[0] / "entries" / "contains" / "qa-lookup" / f"{n}.parquet") for n in ("scores", "texts"))
    own = {key for key in rows.keys(texts) if key[1] == "dev"}
    paid = [r for key, r in zip(rows.keys(table), table["reward"].tolist()) if key in own]
    assert np.sort(cross._paid(TASK, found, words).ravel()) == pytest.approx(np.sort(paid), abs=1e-6)
    design = replace(found.results[0].run.spec.design, normalise="group")
    judge = SimpleNamespace(results=[SimpleNamespace(run=SimpleNamespace(spec=SimpleNamespace(design=design)))])
    assert (cross._paid(TASK, judge, words) == cross._paid(TASK, found, words)).all()  # nothing normalised


def test_a_run_that_broke_off_leaves_as_many_words_of_each_prompt(board, tmp_path):
    place = Path(shutil.copytree(board[0] / "entries" / "contains" / "qa-lookup", tmp_path / "x"))
    texts = rows.read(place / "texts.parquet")
    first = (texts["seed"] == texts["seed"][0]) & (texts["step"] == 2)
    rows._write(place / "texts.parquet", {n: v[~first] for n, v in texts.items()})
    broke = SimpleNamespace(results=[SimpleNamespace(run=r) for r in rows.load(place)])
    assert kept.kept(TASK, broke).gold.shape == (2 * 32, 2)


def test_a_matrix_of_rewards_is_in_deviations_of_the_untrained_policy(board):
    told = cross.matrix(TASK, [scored_of(board[0], n) for n in ("untrained", "contains", "brevity")])
    assert told["columns"] == ["contains", "brevity", "gold"]
    cells = {r["entry"]: r["cells"] for r in told["rows"]}
    assert all(v == pytest.approx(0) for v in cells["untrained"].values())
    base, mine = (kept.kept(TASK, scored_of(board[0], n)).gold for n in ("untrained", "contains"))
    assert cells["contains"]["gold"] == pytest.approx((mine.mean() - base.mean()) / base.std())
    assert cells["brevity"]["contains"] != cells["brevity"]["brevity"]
    assert cross._standard(np.array([[1.0, 3.0]]), np.array([[0.0, 2.0]])) == 1
    assert cross._standard(np.array([[1.0, 3.0]]), np.array([[2.0, 2.0]])) is None


# --- freezing ------------------------------------------------------------------------------------


def test_entries_name_their_board_as_it_was_until_they_are_added_again(small, small_swept, tmp_path, monkeypatch):
    """Freezing needs entries, and changes the digest that they name."""
    board = shutil.copytree(small, tmp_path / "small")
    told = (board / "board.toml").read_text()
    (board / "board.toml").write_text(told.replace("control_seeds = 3", "control_seeds = 2"))
    ends = {"low": 0.1, "high": 0.8, "low_se": 0.01, "high_se": 0.01}
    monkeypatch.setattr(freezing, "scale", lambda board: dict.fromkeys(board.tasks, ends))
    add = ("board", "add", board, small_swept)
    assert rbench(*add).code == 0
    said = rbench("board", "freeze", board)
    assert said.code == 0
    assert f"`rbench board add {board}` their runs once more" in said.err
    verify = ("verify", board / "entries" / "untrained", "--board", board)
    assert "V17" in rbench(*verify).out + rbench(*verify).err
    assert rbench(*add).code == 0
    assert rbench(*verify).code == 0


def test_whatever_differs_from_what_was_frozen_is_named():
    cpu = definition.read(CPU)
    task = "writing/story"
    for name in ("policy", "scorer", "engine"):
        assert freezing.changed(replace(cpu, hashes={**cpu.hashes, name: "x"})) == [name]
    for name in ("run", "code"):
        tasks = {**cpu.hashes["tasks"], task: {**cpu.hashes["tasks"][task], name: "x"}}
        assert freezing.changed(replace(cpu, hashes={**cpu.hashes, "tasks": tasks})) == [f"{task}: {name}"]


@pytest.mark.parametrize(("gains", "ends", "words"), [([0.3, 0.31, 0.29], (0.2, 0.9), None), ([0.3, 0.01, 0.6], (0.2, 0.9), "diversity|D on"), ([0.3, 0.31, 0.29], (0.2, 0.21), "lie less"), ([None] * 3, (0.2, 0.9), None)])
def test_a_scale_is_frozen_where_its_ends_are_sure(gains, ends, words, monkeypatch):
    monkeypatch.setattr(freezing, "_arm", lambda board, arm, task: [SimpleNamespace(spec=None)] * 3)
    monkeypatch.setattr(freezing.results, "anchor_of", lambda spec: Anchor(*ends, 0.01, 0.01))
    monkeypatch.setattr(freezing.results, "score", lambda runs: [SimpleNamespace(values={"diversity": g}) for g in [*gains, 9.0, 9.0, 9.0]])
    board = SimpleNamespace(name="x", tasks=("t",))
    if words:
        with pytest.raises(UserError, match=words):
            freezing.scale(board)
        return
    wanted = {"low": 0.2, "high": 0.9, "low_se": 0.01, "high_se": 0.01}
    assert freezing.scale(board)["t"] == (wanted if gains[0] is None else wanted | {"diversity": 0.3, "diversity_se": pytest.approx(0.01 / 3**0.5, abs=1e-6)})


# --- rows and evidence, by hand ------------------------------------------------------------------


def words_of(*blocks):
    """Completions' numbers of prompts that follow each other: (prompt, k) of each."""
    flat_ = [(p, k) for p, ks in blocks for k in ks]
    size = len(flat_)
    return {"seed": np.full(size, 1), "split": np.full(size, "dev", dtype=object), "step": np.full(size, 2), "temperature": np.ones(size), "prompt": np.array([p for p, _ in flat_], dtype=object), "k": np.array([k for _, k in flat_])}


def test_which_words_are_kept_by_hand():
    def chosen(ks, *blocks):
        return np.flatnonzero(rows._chosen(words_of(*blocks), frozenset(ks))).tolist()

    assert chosen({1, 2}, ("a", range(4)), ("b", range(4))) == [1, 2, 5, 6]
    assert chosen({1, 2}, ("a", range(4)), ("a", range(4))) == [1, 2, 5, 6]  # a prompt that was drawn twice
    assert chosen({1, 6}, ("a", [3]), ("b", [0, 4, 7])) == [0, 1, 2]  # few are counted: the first two of each
    assert chosen({0, 1}, ("a", [2, 5, 7])) == [0, 1]  # places, whatever numbers the algorithm kept


def test_rows_of_a_mask_together_and_apart():
    table = {"a": np.arange(5)}
    for mask in ([0, 1, 1, 0, 0], [1, 0, 0, 1, 0], [0] * 5, [1] * 5):
        assert rows.where(table, np.array(mask, dtype=bool))["a"].tolist() == [i for i, m in enumerate(mask) if m]


def test_shares_that_a_flag_compares_with_a_limit_are_not_rounded(board):
    table = rows.read(board[0] / "entries" / "contains" / "qa-lookup" / "steps.parquet")
    assert table["dead"].dtype == np.float64
    assert table["length"].dtype == np.float32


def test_an_entry_keeps_its_word_until_it_is_rejected_or_gone(mine, monkeypatch):
    found = definition.read(mine)

    def told(level, accepted=True):
        monkeypatch.setattr(evidence, "verify", lambda *words: SimpleNamespace(level=level, accepted=accepted, findings=()))
        list(evidence.check(found, "rescored"))
        return {r["level"] for r in evidence.read(found).values()}

    assert [told("rescored"), told("consistent"), told("reported", False)] == [{"rescored"}, {"rescored"}, {"reported"}]
    shutil.rmtree(mine / "entries" / "form")
    next(checking := evidence.check(found, "rescored"))
    next(checking)
    assert "form" not in evidence.read(found)
    assert "contains" in evidence.read(found)


def test_every_entry_keeps_the_same_completions(board):
    def names(entry):
        t = rows.read(board[0] / "entries" / entry / "qa-lookup" / "texts.parquet")
        return {key for key in zip(*(t[n].tolist() for n in ("seed", "prompt", "k"))) if key[0] in seeds}

    seeds = definition.read(board[0]).seed_list(2)
    assert names("untrained") == names("contains") == names("exploit")


def test_a_manifest_leaves_out_itself_alone(tmp_path):
    for name in ("manifest.json", "sources/x/manifest.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    assert [p.relative_to(tmp_path).as_posix() for p in entries.files(tmp_path)] == ["sources/x/manifest.json"]


def test_the_list_says_which_boards_have_no_entries_yet(tmp_path, monkeypatch):
    from rewardbench.find import catalogue

    for name in ("filled", "wheel", "empty", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "board.toml").write_text('summary = "Short"')
    (tmp_path / "filled/entries/mine").mkdir(parents=True)
    (tmp_path / "filled/entries/mine/entry.json").write_text("{}")
    (tmp_path / "wheel/board.json").write_text('{"entries": [{"entry": "mine"}]}')
    (tmp_path / "empty/board.json").write_text('{"entries": []}')
    monkeypatch.setattr(catalogue, "beside", lambda name: tmp_path)
    none = "Short (no entries yet)"
    assert catalogue.listing("boards") == {"empty": none, "filled": "Short", "new": none, "wheel": "Short"}


@pytest.mark.parametrize("board", ["algorithms", "cpu", "smollm2-quick"])
def test_what_was_checked_of_the_shipped_entries_is_recorded_for_their_files(board):
    found = definition.read(board)
    known = evidence.read(found)
    assert {e.name for e in entries.all_of(found.folder) if evidence.of(known, e)["evidence"] == "reported"} == set()


def test_a_shipped_boards_folder_that_is_not_here_is_one_of_a_clone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for words in (("board", "build", "leaderboards/cpu"), ("cite", "leaderboards/cpu/reference"), ("cite", "leaderboards/cpu")):
        said = rbench(*words)
        assert said.code == 5
        one_line(said, "no board 'leaderboards/cpu': there is no such folder here, and there is in a clone of the repository")
    said = rbench("board", "build", "leaderboards/mine")
    assert (said.code, "clone" in said.err) == (5, False)


def test_a_board_whose_entries_are_not_at_hand_says_so(tmp_path):
    """As a wheel has it: built from entries that it does not carry. A board that nobody entered yet is another thing."""
    entered = '{"entries": [{"entry": "a"}]}'
    assert entries.at_hand(tmp_path) == entries.places(tmp_path) == {}
    (tmp_path / "board.json").write_text('{"entries": []}')
    assert entries.at_hand(tmp_path) == {}
    (tmp_path / "board.json").write_text(entered)
    assert entries.places(tmp_path) == {}
    for ask in (entries.at_hand, entries.all_of):
        with pytest.raises(UserError, match="without its entries, which a wheel does not carry") as error:
            ask(tmp_path)
        assert error.value.code == 5
