"""Does the same spec give the same sweep: run twice, cut short at any write, or in shards?"""

import getpass
import os
import random
import re
import shutil
import socket
from pathlib import Path

import numpy as np
import pytest
from sweeping import Killed, contents, one_line, process, rbench, scores, toy_found

import rewardbench
from rewardbench import disk, tables, trace
from rewardbench.spec import Spec

pytestmark = pytest.mark.usefixtures("toy")


def spec(policy, *more):
    return ("run", "--task", "toy/colours", "--policy", policy, "--budget", "quick", "--json", *more)


@pytest.fixture(scope="module")
def two(toy_policy):
    return spec(toy_policy, "--design", "reference", "--design", "random", "--seeds", "2")


@pytest.fixture(scope="module")
def whole(two, tmp_path_factory):
    """The undisturbed sweep, in this process."""
    with toy_found():
        folder = tmp_path_factory.mktemp("whole") / "sweep"
        return folder, rbench(*two, "--out", folder)


@pytest.fixture(scope="module")
def small(toy_policy, tmp_path_factory):
    """A sweep of three runs: its words, folder and result."""
    with toy_found():
        folder = tmp_path_factory.mktemp("small") / "sweep"
        words = spec(toy_policy, "--design", "reference", "--seeds", "1")
        return words, folder, rbench(*words, "--out", folder)


def runs_of(said, design, seed):
    return next(r["run"] for r in said.json["runs"] if (r["design"], r["seed"]) == (design, seed))


def test_a_fresh_process_records_the_same_bytes(two, whole, tmp_path):
    folder, said = whole
    other = process(*two, "--out", tmp_path / "again", "--workers", "1", "--shard", "1/2")
    assert other.code == said.code == 0, other.err
    again = contents(tmp_path / "again")
    assert len({run for run, _ in again}) == 4
    assert again == {key: data for key, data in contents(folder).items() if key[0] in {run for run, _ in again}}
    assert all(trace.status(run).get("content") for run in (folder / "runs").iterdir())
    nothing_of_this_machine(tmp_path / "again")


def nothing_of_this_machine(folder: Path):
    """No host, no user, no absolute path and no date in any file but `local.toml`."""
    secrets = [socket.gethostname(), str(Path.home()), str(folder), str(Path(__file__).parents[1])]
    user = getpass.getuser()
    for path in folder.rglob("*"):
        if path.is_file() and path.name not in ("local.toml", ".lock") and "sources" not in path.parts:
            data = path.read_bytes()
            for secret in secrets:
                assert len(secret) < 4 or secret.encode() not in data, (path, secret)
            assert not re.search(rb"20\d\d-\d\d-\d\d|\d\d:\d\d:\d\d", data), path
            assert not re.search(rb"(/|\b)" + user.encode() + rb"/", data), path
            if path.name != "timing.jsonl":
                assert not re.search(rb'"(wall|seconds|time)', data), path


def test_runs_of_another_version_are_told(whole, tmp_path):
    folder, _ = whole
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    one = sorted((copy / "runs").iterdir())[0]
    told = trace.status(one)
    [now] = told["versions"]
    assert set(now) == {"rewardbench", "torch", "transformers"}
    assert "are of" not in rbench("resume", copy).err
    told.pop("schema_version")
    trace.set_status(one, told.pop("status"), **{**told, "versions": [{**now, "torch": "1.0"}]})
    said = rbench("resume", copy).err
    assert re.search(r"^1 of \d+ runs are of rewardbench .*, torch 1\.0, transformers .*: what they recorded stays", said, re.M)
    trace.set_status(one, "partial")  # and gone on with here
    assert [v["torch"] for v in trace.status(one)["versions"]] == ["1.0", now["torch"]]
    trace.set_status(one, "done", **{k: v for k, v in told.items() if k != "versions"})
    assert f"torch 1.0, transformers {now['transformers']}, then rewardbench" in rbench("resume", copy).err
    page = tmp_path / "page.html"
    assert rbench("report", copy, "-o", page).code == 0
    assert "torch 1.0, " in page.read_text()


def test_designs_share_prompts_and_noise_of_a_seed_and_seeds_share_nothing(whole):
    folder, said = whole
    start = {
        (design, seed): trace.read_evaluation(folder / "runs" / runs_of(said, design, seed) / "evals/000000.parquet")
        for design in ("reference", "random", "untrained")
        for seed in (1, 2)
    }
    for seed in (1, 2):
        for column in ("prompt", "text", "gold"):
            assert (start["reference", seed][column] == start["random", seed][column]).all()
            assert (start["reference", seed][column] == start["untrained", seed][column]).all()
    one, two = start["reference", 1], start["reference", 2]
    assert not set(one["prompt"]) & set(two["prompt"])
    assert (one["text"] != two["text"]).mean() > 0.9


def test_random_pays_for_the_stream_and_never_for_the_text(whole):
    folder, said = whole
    table = trace.read_evaluation(folder / "runs" / runs_of(said, "random", 1) / "evals/000000.parquet")
    paid = {}
    for text, reward in zip(table["text"], table["reward"], strict=True):
        paid.setdefault(text, []).append(reward)
    twice = [rewards for rewards in paid.values() if len(rewards) > 1]
    assert twice
    assert all(len(set(rewards)) == len(rewards) for rewards in twice)
    assert 0.4 < np.mean(table["reward"]) < 0.6


@pytest.mark.parametrize("number", [*range(4), *(pytest.param(n, marks=pytest.mark.slow) for n in range(4, 20))])
def test_a_run_cut_short_at_any_write_goes_on_to_the_same_rows(number, small, tmp_path, monkeypatch):
    words, folder, said = small
    rng = random.Random(f"cut/{number}")
    at, how = rng.randrange(2, 62), rng.choice(["before", "torn", "after"])
    done = [0]
    write, append = disk.write_whole, trace.append

    def cut_whole(path, data):
        done[0] += 1
        if done[0] == at and how == "torn":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_name(path.name + ".tmp").write_bytes(data[: len(data) // 2])
        if done[0] == at and how != "after":
            raise Killed
        write(path, data)
        if done[0] == at:
            raise Killed

    def cut_append(folder, name, row):
        done[0] += 1
        if done[0] == at and how == "torn":
            with (folder / name).open("ab") as file:
                file.write(disk.dumps(row).encode()[:9])
        if done[0] == at and how != "after":
            raise Killed
        append(folder, name, row)
        if done[0] == at:
            raise Killed

    out = tmp_path / "cut"
    with monkeypatch.context() as patch:
        patch.setattr(disk, "write_whole", cut_whole)
        patch.setattr(trace, "append", cut_append)
        with pytest.raises(Killed):
            rbench(*words, "--out", out)
    if (out / "sweep.toml").is_file() and number % 2:
        after = rbench("resume", out, "--json")
    else:
        after = rbench(*words, "--out", out)
    assert after.code == 0, after.err
    assert contents(out) == contents(folder)
    assert scores(after) == scores(said)
    assert not list(out.rglob("*.tmp"))


def test_workers_have_an_environment_of_their_own_and_the_callers_is_left_alone(toy_policy, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    body = "return [float(os.environ['OMP_NUM_THREADS']) for _ in completions]"
    (tmp_path / "mine.py").write_text(f"import os\n\n\ndef threads(completions):\n    {body}\n")
    before = dict(os.environ)
    asked = Spec(tasks="toy/colours", designs=f"{tmp_path}/mine.py:threads", policy=str(toy_policy), seeds=1, budget="1")
    _, found = rewardbench.run(asked, tmp_path / "s", workers=1)
    assert dict(os.environ) == before
    [row] = [tables.as_row(r) for r in found if r.design == "threads"]
    assert row["reward"] == {"start": 1.0, "end": 1.0}


def test_resuming_a_finished_sweep_does_nothing(whole):
    folder, said = whole
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in folder.rglob("*") if p.is_file()}
    again = rbench("resume", folder, "--json")
    assert again.code == 0
    assert again.json == said.json
    after = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in folder.rglob("*") if p.is_file()}
    assert {p for p in before if before[p] != after.get(p)} <= {folder / ".lock"}
    assert before.keys() == after.keys()


def test_shards_put_together_are_the_undisturbed_sweep(small, tmp_path):
    words, folder, said = small
    for n in (1, 2, 3):
        assert rbench(*words, "--out", tmp_path / f"s{n}", "--shard", f"{n}/3").code == 0
    shards = [tmp_path / f"s{n}" for n in (3, 1, 2)]
    merged = rbench("merge", *shards, "--out", tmp_path / "whole", "--json")
    assert merged.code == 0, merged.err
    assert contents(tmp_path / "whole") == contents(folder)
    assert scores(merged) == scores(said)
    assert (tmp_path / "whole" / "sweep.toml").read_bytes() == (folder / "sweep.toml").read_bytes()
    assert rbench("resume", tmp_path / "whole", "--json").json == merged.json
    told = rbench("merge", *shards, "--out", tmp_path / "told").err.replace(str(tmp_path / "told"), "DIR")
    assert told == "".join(rbench("resume", tmp_path / "whole").err.replace(str(tmp_path / "whole"), "DIR").partition("toy/colours, ")[1:])
    assert "is better than" in told or "cannot be told apart" in told or "nothing to compare" in told
    assert told.endswith("recorded in DIR\n")
    some = rbench("merge", *shards[:2], "--out", tmp_path / "some", "--json")
    assert some.code == 8
    assert "1 of 3 runs are in none of these shards" in some.err
    one_line(rbench("merge", *shards, "--out", shards[0]), "is one of the shards")
    assert all((s / "runs").is_dir() for s in shards)


def test_a_shard_of_more_than_there_are_runs_is_empty_and_done(toy_policy, tmp_path):
    """A script that counts to four does not know how many runs there are."""
    words = spec(toy_policy, "--design", "reference", "--seeds", "1")
    shards = [tmp_path / str(n) for n in (4, 1, 2, 3)]
    for n, folder in zip((4, 1, 2, 3), shards, strict=True):
        assert rbench(*words, "--out", folder, "--shard", f"{n}/4", "--json").code == 0
    assert rbench("resume", shards[0], "--json").json["runs"] == []
    (shards[0] / "local.toml").unlink()  # as when it came from another machine
    assert rbench("resume", shards[0], "--json").json["runs"] == []
    one_line(rbench("report", shards[0]), "holds no run, so there is nothing to report")
    merged = rbench("merge", *shards, "--out", tmp_path / "whole", "--json")
    assert (merged.code, len(merged.json["runs"])) == (0, 3)


def test_shards_of_different_sweeps_are_not_put_together(toy_policy, whole, tmp_path):
    other = tmp_path / "other"
    rbench(*spec(toy_policy, "--design", "constant", "--seeds", "1"), "--out", other, "--shard", "1/2")
    said = rbench("merge", whole[0], other, "--out", tmp_path / "both")
    assert said.code == 2
    one_line(said, "different sweeps")


def test_frames_hold_what_the_json_says(whole):
    from rewardbench import frames

    folder, said = whole
    found = frames(folder)
    assert set(found) == {"runs", "steps", "curves", "completions"}
    runs = found["runs"].set_index("run")
    for row in said.json["runs"]:
        assert runs.loc[row["run"], "gold.end"] == pytest.approx(row["gold"]["end"])
    trained = found["steps"].groupby("run").size()
    assert set(trained) == {4}
    assert len(trained) == 6
    curves = found["curves"]
    assert len(curves) == 6 * 5 + 2
    assert len(found["completions"]) == (6 * 5 + 2) * 16 * 8


@pytest.mark.parametrize("name", ["best_of_n", "raft", "rloo", "reinforce", "dr_grpo"])
def test_every_algorithm_runs(name, toy_policy, tmp_path):
    flags = spec(toy_policy, "--design", "reference", "--seeds", "1", "--algorithm", name, "--shard", "1/3")
    said = rbench(*flags, "--out", tmp_path)
    assert said.code == 0, said.err
    first = said.json["runs"][0]
    assert (first["algorithm"], first["design"]) == (name, "reference")
    assert (first["tokens"] == 0) == (name == "best_of_n")
    table = trace.read_evaluation(tmp_path / "runs" / first["run"] / "evals" / "000004.parquet")
    assert table["picked"].mean() == (0.25 if name == "best_of_n" else 1.0)
    weights = (tmp_path / "runs" / first["run"] / "weights.safetensors").read_bytes()
    start = (toy_policy / "model.safetensors").stat().st_size
    assert len(weights) > 0.9 * start
