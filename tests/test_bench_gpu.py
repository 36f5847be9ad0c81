"""Does the GPU benchmark run whole, in small, on any machine, and go on where it stopped? Its figures here mean nothing;
that they are there, and taken for what they are, does.
"""

import ast
import importlib
import json
import re
import signal
import subprocess
import sys
import time
from types import ModuleType

import gpu
import gpu_cases
import gpu_policy
import gpu_profile
import gpu_stages
import gpu_table
import pytest

from rewardbench.policies import card

STAGES = ("floors", "step", "decode", "learn", "sweep", "overhead", "eager")
ENVIRONMENT = ("TORCHINDUCTOR_CACHE_DIR", "PYTORCH_CUDA_ALLOC_CONF", "TOKENIZERS_PARALLELISM", "PYTHONPATH")


@pytest.fixture
def bench(tmp_path, monkeypatch, capsys):
    """A call of the benchmark: the rows that lie there afterwards, and its table."""
    out = tmp_path / "gpu.jsonl"
    for name in ENVIRONMENT:
        monkeypatch.setenv(name, str(tmp_path))

    def call(*words, only=()):
        asked = [w for s in only for w in ("--only", s)]
        monkeypatch.setattr(sys, "argv", ["gpu.py", "--out", str(out), *words, *asked])
        gpu.main()
        return [json.loads(line) for line in out.read_text().splitlines()], capsys.readouterr().out

    return call


@pytest.fixture
def small(monkeypatch):
    """The stages `floors` and `learn` made of given functions, and no policy to load; how often each was called."""
    called = []
    monkeypatch.setattr(gpu_policy, "prepared", lambda *_: None)

    def of(name, measure):
        def counted():
            called.append(name)
            return measure()

        return gpu_stages.Case(name, 0 if name != "long" else 1e6, counted)

    def stages(**each):
        for stage, cases in each.items():
            monkeypatch.setitem(gpu_stages.STAGES, stage, lambda _, c=cases: [of(n, m) for n, m in c.items()])
        return called

    return stages


def fine():
    """What a case gives."""
    return {"ours": 1e9, "runs": 1, "seconds": 1.0, "micro": 8, "warm_up": 1.0, "compiled": False, "first_peak": 0}


def broken():
    """What a card that is too small does."""
    raise RuntimeError("CUDA out of memory\nand more")


def test_every_stage_gives_figures_and_a_second_call_has_nothing_left(bench):
    rows, _ = bench("--smoke", only=STAGES[:1])
    assert {r["stage"] for r in rows} == set(STAGES[:1])
    more, table = bench("--smoke", only=STAGES)
    assert more[: len(rows)] == rows
    found = [r for r in more if "ours" in r]
    assert {r["stage"] for r in found} == {r["stage"] for r in more if r.get("end")} == set(STAGES)
    assert not [r for r in more if "failed" in r]
    for row in found:
        assert row["ours"] > 0, row
        assert row["key"]["machine"].startswith(("cpu", "gpu"))
        assert row["versions"]["torch"]
        assert row["argv"][0] == "--smoke"  # and not where its rows go
        assert "replay_failed" not in row
    learnt = {r["runs"]: r for r in found if r["stage"] == "learn"}
    assert learnt[2]["flop"] == pytest.approx(2 * learnt[1]["flop"], rel=0.1)
    assert 0 < learnt[1]["attention_useful"] < learnt[1]["attention_executed"]
    for words in ("stacking factor", "of the copy floor", "of the matrix floor useful", "sweep 1 x quick", "Smoke"):
        assert words in table
    assert bench("--smoke", only=STAGES)[0] == more


def test_what_breaks_stops_nothing_and_is_tried_once_more(bench, small):
    called = small(floors={"a": broken, "floor copy": fine}, learn={"c": fine})
    rows, table = bench(only=("floors", "learn"))
    assert called == ["a", "floor copy", "c"]
    assert [r["failed"] for r in rows if "failed" in r] == ["RuntimeError: CUDA out of memory"]
    assert [r["stage"] for r in rows if r.get("end")] == ["learn"]
    assert "| a | failed | RuntimeError: CUDA out of memory (1 of 2 tries) |" in table
    rows, _ = bench(only=("floors", "learn"))
    assert called[3:] == ["a"]
    assert [r["stage"] for r in rows if r.get("end")] == ["learn", "floors"]
    assert bench(only=("floors", "learn"))[0] == rows


def test_a_row_is_written_before_the_next_case_begins(bench, small, tmp_path):
    def cut():
        lines = [json.loads(x) for x in (tmp_path / "gpu.jsonl").read_text().splitlines()]
        assert [(r["name"], "ours" in r) for r in lines][-2:] == [("floor copy", True), ("cut", False)]
        raise KeyboardInterrupt

    small(floors={"floor copy": fine, "cut": cut})
    rows, table = bench(only=("floors",))
    assert [r["name"] for r in rows if "ours" in r] == ["floor copy"]
    assert "1 GB/s" in table
    assert "| cut | failed | cut short (1 of 2 tries) |" in table


@pytest.mark.parametrize("other", ["smoke", "machine", "policy", "code"])
def test_what_was_measured_of_another_thing_does_not_count(bench, small, monkeypatch, other):
    called = small(learn={"c": fine})
    words = ["--smoke"] if other == "smoke" else ["--policy", "tiny"] if other == "policy" else []
    with monkeypatch.context() as patch:
        if other in ("machine", "code"):
            patch.setattr(gpu, other, lambda: "another")
        rows, table = bench(*words, only=("learn",))
    assert ("Smoke" in table) == (other == "smoke")
    more, table = bench("--policy", "random", only=("learn",))
    assert called == ["c", "c"]
    assert "Smoke" not in table
    assert len(more) == 2 * len(rows)


def test_smoke_has_a_file_of_its_own(monkeypatch):
    names = []
    for words in ([], ["--smoke"]):
        monkeypatch.setattr(sys, "argv", ["gpu.py", *words])
        names.append(gpu.asked().out.name)
    assert names == ["gpu.jsonl", "gpu-smoke.jsonl"]


def test_no_case_is_begun_that_may_not_end_in_time(bench, small, capsys):
    called = small(learn={"long": fine, "short": fine})
    rows, table = bench("--minutes", "60", only=("learn",))
    assert called == ["short"]
    assert not [r for r in rows if r.get("end")]
    assert table


@pytest.fixture
def ignored():
    """As in the background of a shell: nobody can interrupt."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ignored")
def test_the_minutes_end_a_case_and_the_table_is_printed(bench, small, monkeypatch):
    monkeypatch.setattr(gpu_cases, "clean", lambda: None)  # takes seconds where a process holds much

    def slow():
        for _ in range(2000):
            time.sleep(0.05)
        return fine()

    small(floors={"floor copy": fine, "slow": slow, "never": fine})
    minutes = (time.perf_counter() - gpu.BEGUN + gpu.SPARE + 8) / 60
    rows, table = bench("--minutes", str(minutes), only=("floors",))
    assert [(r["name"], "ours" in r) for r in rows][-2:] == [("floor copy", True), ("slow", False)]
    assert "1 GB/s" in table


def test_a_line_that_was_cut_off_costs_that_line(bench, small, tmp_path):
    small(floors={"floor copy": fine}, learn={"c": fine})
    bench(only=("floors",))
    with (tmp_path / "gpu.jsonl").open("a") as file:
        file.write('{"stage": "lea')
    with pytest.raises(json.JSONDecodeError):
        bench(only=("learn",))
    rows = gpu.read(tmp_path / "gpu.jsonl")
    assert [r["name"] for r in rows if "ours" in r] == ["floor copy", "c"]


def test_the_table_holds_ours_against_the_best_of_trl():
    key = {"size": {"P": 8, "K": 8, "T": 128}, "smoke": False, "policy": "x", "digest": "y", "machine": "gpu: Z"}
    same = {"key": key, "code": "c", "versions": {}, "date": "d", "argv": []}
    parts = {"sample": 0.1, "reward": 0.0, "learn": 0.1, "micro": 8, "warm_up": 1.0}
    rows = [
        {"stage": "step", "name": "step 32", "runs": 32, "ours": 2.0, **parts},
        {"stage": "step", "name": "step 1", "runs": 1, "ours": 0.5, **parts},
        {"stage": "trl", "name": "a", "runs": 1, "ours": 4.0, "decoder": "slow", "trl": "1", "said": 128},
        {"stage": "trl", "name": "b", "runs": 1, "ours": 3.0, "decoder": "quick", "trl": "1", "said": 128},
    ]
    told = {a: (b, c) for a, b, c in gpu_table.derived([r | same for r in rows])}
    assert told["engine factor"] == ("6.00", "one run, one step: TRL 1 (quick) 3.000 s, ours 0.500")
    assert told["stacking factor"][0] == "8.00"
    assert told["run-steps a second"] == ("16.0", "32 runs stacked, 48.0 times TRL on one run")


def test_the_policy_spells_all_of_its_words_and_does_not_end(tmp_path):
    from rewardbench.policies.load import load
    from rewardbench.policies.settings import open_folder

    made = gpu_policy.prepared("random", tmp_path, gpu_policy.SMOKE, smoke=True)
    policy = load(open_folder("bench", made.folder))
    V = policy.model.config.vocab_size
    assert len(policy.tokenizer) == V
    said = policy.tokenizer.decode(list(range(400, 500)))
    assert policy.tokenizer(said, add_special_tokens=False)["input_ids"] == list(range(400, 500))
    assert policy.eos == policy.model.config.eos_token_id == policy.model.generation_config.eos_token_id == V - 1
    assert policy.settings.max_tokens("qa/lookup", 99) == gpu_policy.SMOKE.T_sweep
    assert 57 <= gpu_policy.longest(made) <= 64  # as with the tokenizer of SmolLM2


@pytest.mark.parametrize(("R", "micro"), [(1, 32), (4, 32), (16, 16), (32, 8)])
def test_as_many_completions_are_learnt_from_at_once_as_in_a_pack(tmp_path, monkeypatch, R, micro):
    made = gpu_policy.prepared("random", tmp_path, gpu_policy.SMOKE, smoke=True)
    monkeypatch.setattr(card, "gpu", lambda: card.Gpu("a card", 79 * card.GIB))
    assert gpu_policy.opened(gpu_policy.Bench(made.folder, gpu_policy.Size()), R).settings.micro == micro


def test_the_environment_is_set_before_torch_is_there():
    asked = "import gpu, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], cwd=gpu.ROOT / "benchmarks").returncode == 0


def test_names_of_stages_are_those_there_are():
    assert tuple(gpu_stages.STAGES) == gpu.NAMES
    assert gpu_cases.reason(ValueError()) == "ValueError: "


def test_a_profile_tells_times_and_lists_what_took_them(tmp_path, monkeypatch, capsys):
    for name in ENVIRONMENT:
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["gpu_profile.py", "--smoke", "--runs", "2", "--out", str(tmp_path), "sampling", "learning"])
    gpu_profile.main()
    said = capsys.readouterr()
    assert [word for word in ("sampling s=", "replay_ms=", "learning s=", "flop=") if word not in said.out] == []
    assert "Traceback" not in said.err
    for part in ("sampling", "learning"):
        assert "aten::" in (tmp_path / f"{part}.txt").read_text()


def test_a_part_that_breaks_leaves_the_others(tmp_path, monkeypatch, capsys):
    for name in ENVIRONMENT:
        monkeypatch.setenv(name, str(tmp_path))
    called = []
    monkeypatch.setitem(gpu_profile.PARTS, "kernel", lambda told: 1 / 0)
    monkeypatch.setitem(gpu_profile.PARTS, "sampling", lambda told: called.append(told))
    monkeypatch.setattr(gpu_policy, "prepared", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["gpu_profile.py", "--smoke", "--out", str(tmp_path), "kernel", "sampling"])
    gpu_profile.main()
    assert len(called) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err


NEVER_HERE = [gpu.ROOT / "tests" / "test_gpu.py", *sorted((gpu.ROOT / "benchmarks").glob("gpu*.py"))]


@pytest.mark.parametrize("path", NEVER_HERE, ids=lambda path: path.name)
def test_what_runs_on_a_card_alone_names_what_there_is(path):
    """Nothing here runs these lines: a name that was changed elsewhere would be met on the card."""
    tree, modules = ast.parse(path.read_text()), {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rewardbench"):
            owner = importlib.import_module(node.module)
            for name in node.names:
                whole = f"{node.module}.{name.name}"
                there = getattr(owner, name.name) if hasattr(owner, name.name) else importlib.import_module(whole)
                if isinstance(there, ModuleType):
                    modules[name.asname or name.name] = there
    own = {arg.arg for node in ast.walk(tree) if isinstance(node, ast.arguments) for arg in node.args}
    asked = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)]
    for node in asked:
        if node.value.id in modules and node.value.id not in own:
            assert hasattr(modules[node.value.id], node.attr), f"line {node.lineno}: {node.value.id}.{node.attr}"


def test_a_part_that_is_cut_short_says_what_it_has(tmp_path):
    """The script's own limit interrupts, as a user does, and what was measured is printed."""
    script = (gpu.ROOT / "benchmarks" / "on_a_card.sh").read_text()
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "on_a_card.sh").write_text(re.sub(r"rows 420", "rows 3", script))
    (tmp_path / "benchmarks" / "gpu.py").write_text(
        "import sys, time\nprint(sys.argv[1:], flush=True)\n"
        "try:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    print('[a table]')\n"
    )
    words = ["bash", "benchmarks/on_a_card.sh", "out", "sweep"]
    told = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=50).stdout
    assert "'--minutes', '-0.2', '--only', 'sweep']" in told
    assert "sweep left with 124" in told
    assert "[a table]" in told
    assert "no part step2" in subprocess.run([*words[:-1], "step2"], cwd=tmp_path, capture_output=True, text=True).stdout


@pytest.mark.slow
def test_the_hosts_share_is_told_without_a_card():
    words = [sys.executable, gpu.ROOT / "benchmarks" / "gpu_host.py", "--steps", "2", "--ends"]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    for part in ("sample", "reward", "learn"):
        assert re.search(rf"^{part}: 0\.\d+ CPU s a step$", told, re.M), told
    assert "evaluations: first " in told
    told = subprocess.run([*words, "--card"], capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(r"in turn: [\d.]+ s, of which the card computes ([\d.]+)\nbeside: [\d.]+ s, of which the card computes \1\n", told)
