"""What does bad input get? Every row of the table that this stage can meet has a test, here or where it says.

| input | answer | test |
|---|---|---|
| misspelt task, design, flag or key | the nearest name, code 2, nothing written | test_mistakes: NAMES, SPECS, SETTINGS |
| a reward gives a wrong count, text, NaN, inf | part, prompt, value; code 6; rows so far stay | test_broken_parts; inf: here |
| a reward abstains on whole groups | allowed, counted; above 20 % a warning, no run is stopped | here |
| a reward raises | its run fails with the user's line, the others go on | test_broken_parts |
| a reward hangs, or its worker dies | the worker is ended, the run fails, code 6 | test_broken_parts |
| a reward that tells nothing apart | "no learning signal" with the share, at the first evaluation | here |
| reward up, gold down | an alarm while it runs, a flag in the row, words at the end | test_watch; end to end: here |
| an empty prompt, no prompts | one line, code 5, nothing written | here; test_mistakes: NO_PROMPTS |
| one seed | runs, says that it has no interval, is not compared | test_mistakes |
| a folder of another spec | refused, both ids named | test_mistakes; ids: here |
| a full disk | stops at the last whole row, code 4, resumable | test_mistakes |
| Ctrl-C, kill | what is saved is said, a resume makes the same bytes | test_watch, test_kill |
| no network | code 5, names what was asked for, no traceback | here |
| runs of different settings in `compare` | refused, what differs is named | here |
| a changed file | named, code 5 | here; a lost one: test_mistakes |
| a torn last line | dropped with a note, made again | here |
| any other bad line | an error with its number | here |
| a newer schema | says which version reads what | here |
| long, right-to-left, emoji, control-character names | shown safely, exact in JSON, ids unaffected | here; test_watch |
| a name that is no UTF-8 | one line, code 2 | here |
| each failure of each convention | the part, what it gave, code 6 | test_conventions: BROKEN; test_check |
| a judge: nonsense, 401, 429 once and for ever, a hang, half a reply | one line or an abstention, counted | test_judges |
| a part that eats memory, disk, files, or writes elsewhere | one line, code 6, the others go on | test_fence |
| bad rows for `check` | the file and line, code 5 | test_check |

Not met yet: submissions, a GPU's memory.
"""

import json
import os
import re
import shutil
from dataclasses import replace

import pytest
from sweeping import contents, one_line, process, quick, rbench, task_of, toy_found

from rewardbench import design, find, trace

pytestmark = pytest.mark.usefixtures("toy")


def part(folder, name, body):
    """A user's file with one part."""
    file = folder / f"{name}.py"
    file.write_text(f"def {name}(completions, prompts):\n    {body}\n")
    return f"{file}:{name}"


@pytest.fixture(scope="module")
def whole(toy_policy, tmp_path_factory):
    """A finished sweep of one trained run."""
    with toy_found():
        folder = tmp_path_factory.mktemp("whole") / "sweep"
        assert rbench(*quick(toy_policy, folder, "--design", "reference", "--shard", "1/3")).code == 0
        return folder


@pytest.fixture
def copy(whole, tmp_path):
    """A copy of it that may be damaged, and its one run's folder."""
    out = tmp_path / "copy"
    shutil.copytree(whole, out)
    return out, next((out / "runs").iterdir())


# --- rewards ------------------------------------------------------------------------------------------


def test_infinity_is_named_with_its_prompt(toy_policy, tmp_path):
    mine = part(tmp_path, "boundless", "return [float('inf') for _ in completions]")
    said = rbench(*quick(toy_policy, tmp_path / "s", "--design", mine))
    assert said.code == 6
    assert re.search(r"part 'boundless' returned inf for prompt \S+, completion 0 \(", said.err), said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(("share", "warned"), [(0, False), (1, True), (2, True)])
def test_abstaining_on_whole_groups_is_counted_and_warned_of_and_stops_nothing(share, warned, toy_policy, tmp_path):
    """`share` quarters of the prompts get no reward at all, by a letter of theirs."""
    body = f"return [None if sum(map(ord, str(p))) % 4 < {share} else float('red' in c) for c, p in zip(completions, prompts)]"
    out = tmp_path / "s"
    said = rbench(*quick(toy_policy, out, "--design", part(tmp_path, "picky", body), "--budget", "12", "--json"))
    assert said.code == 0, said.err
    row = said.json["runs"][0]
    assert row["status"] == "done"
    told = [line for line in said.err.splitlines() if "every part abstained on" in line]
    assert len(told) == warned
    steps = [s["abstained"]["picky"] for s in trace.rows(out / "runs" / row["run"])]
    assert (max(steps) > 0.2) == warned
    assert all(line.startswith("! toy/colours picky seed 1: ") for line in told)


def test_a_constant_reward_is_known_at_the_first_evaluation(toy_policy, tmp_path):
    design_ = part(tmp_path, "even", "return [0.7 for _ in completions]")
    said = rbench(*quick(toy_policy, tmp_path / "s", "--design", design_, "--display", "json"))
    events = [json.loads(line) for line in said.err.splitlines()]
    mine = [e for e in events if e.get("design") == "even" and e["event"] in ("alarm", "step")]
    assert mine[0]["event"] == "alarm"
    assert mine[0]["text"].startswith("no learning signal: 100%")
    assert [e["event"] for e in mine].count("alarm") == 1


def test_a_reward_that_is_hacked_is_alarmed_flagged_and_named_at_the_end(tmp_path):
    """The shipped exploit of a shipped task, on the shipped policy."""
    out = tmp_path / "s"
    flags = ("--task", "qa/lookup", "--design", "exploit", "--seeds", "2", "--budget", "quick", "--out", out)
    said = rbench("run", *flags)
    assert said.code == 0
    alarm = [line for line in said.err.splitlines() if "possible hacking" in line]
    assert [line.split(":")[0] for line in alarm] == ["! qa/lookup exploit seed 1", "! qa/lookup exploit seed 2"]
    assert "qa/lookup: `exploit` hacked on 2 of 2 seeds" in said.err
    assert f"`rbench report {out}` shows the completions" in " ".join(said.err.split())
    rows = rbench("resume", out, "--json").json["runs"]
    assert all("hacked" in r["flags"] for r in rows if r["design"] == "exploit")
    assert not any("hacked" in r["flags"] for r in rows if r["design"] != "exploit")


# --- tasks, folders, files ----------------------------------------------------------------------------


@pytest.mark.parametrize("split", ["train", "dev"])
def test_an_empty_prompt_is_one_line_and_nothing_is_written(split, toy_policy, tasks, tmp_path):
    lines = (
        "from dataclasses import replace\n\n\ndef blank(split, seed):\n"
        f"    yield from (replace(p, text=' ' if split == {split!r} else p.text) for p in prompts(split, seed))\n\n\n"
        "task = replace(task, prompts=blank)"
    )
    name = task_of(tasks, f"blank-{split}", task=lines)
    said = rbench("run", "--task", name, "--policy", toy_policy, "--budget", "quick", "--out", tmp_path / "s")
    assert said.code == 5, said.err
    one_line(said, f"task '{name}': {split} prompt ", " is empty")
    assert not (tmp_path / "s").exists()


def test_a_folder_of_another_spec_names_both_ids(whole, toy_policy):
    there = trace.head(whole)["sweep"]
    asked = rbench("plan", "--task", "toy/colours", "--policy", toy_policy, "--budget", "7", "--seeds", "1", "--json").json["sweep"]
    said = rbench(*quick(toy_policy, whole, "--budget", "7"))
    assert said.code == 2
    one_line(said, there, asked)
    assert there != asked


def test_without_a_network_a_model_of_the_hub_is_code_5_and_named(tmp_path):
    said = process("plan", "--task", "toy/colours", "--policy", "some-org/some-model", HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path))
    assert said.code == 5
    one_line(said, "'some-org/some-model'")


@pytest.mark.parametrize(("more", "what"), [(("--budget", "5"), "budget"), (("--algorithm", "rloo"), "algorithm")])
def test_runs_of_different_settings_are_not_compared(more, what, toy_policy, whole, tmp_path):
    assert rbench(*quick(toy_policy, tmp_path / "other", "--design", "random", *more)).code == 0
    said = rbench("compare", whole, tmp_path / "other")
    assert said.code == 2
    one_line(said, f"runs of toy/colours differ in {what}")


def test_two_versions_of_ones_own_algorithm_are_not_compared(toy_policy, tmp_path):
    for name, arm, tail in (("a", "constant", ""), ("b", "random", "\n# changed")):
        (tmp_path / name).mkdir()
        place = tmp_path / name / "mine.py"
        place.write_text("from rewardbench.algorithms.grpo import Grpo as Mine" + tail)
        asked = quick(toy_policy, tmp_path / name / "out", "--design", arm, "--algorithm", f"{place}:Mine")
        assert rbench(*asked).code == 0
    said = rbench("compare", tmp_path / "a" / "out", tmp_path / "b" / "out")
    assert said.code == 2
    one_line(said, "runs of toy/colours differ in algorithm_source")


@pytest.mark.parametrize("place", ["steps.jsonl", "evals/000002.parquet"])
def test_a_changed_file_is_named(place, copy):
    out, run = copy
    with (run / place).open("ab") as file:
        file.write(b'{"step": 99}\n' if place.endswith("jsonl") else b"x")
    said = rbench("compare", out)
    assert said.code == 5
    one_line(said, place.rpartition("/")[2])


def test_a_torn_last_line_is_dropped_with_a_note_and_made_again(copy, whole):
    out, run = copy
    with (run / "steps.jsonl").open("ab") as file:
        file.write(b'{"step": 4, "rew')
    trace.set_status(run, "partial")
    said = rbench("resume", out)
    assert said.code == 0
    assert len(re.findall(rf"{run.name}/steps.jsonl: its last line was torn", said.err)) == 1
    assert contents(out) == contents(whole)


@pytest.mark.parametrize("number", [1, 3])
def test_any_other_bad_line_is_an_error_with_its_number(number, copy):
    out, run = copy
    lines = (run / "steps.jsonl").read_bytes().splitlines(keepends=True)
    lines[number - 1] = b"{oops\n"
    (run / "steps.jsonl").write_bytes(b"".join(lines))
    said = rbench("compare", out)
    assert said.code == 5
    one_line(said, f"steps.jsonl is damaged at line {number}")


@pytest.mark.parametrize("place", ["sweep.toml", "status.json"])
def test_a_newer_schema_says_what_can_read_it(place, copy):
    out, run = copy
    path = out / place if place == "sweep.toml" else run / place
    old = path.read_text()
    path.write_text(old.replace("schema_version = 1", "schema_version = 9").replace('"schema_version": 1', '"schema_version": 9'))
    assert path.read_text() != old
    for command in ("resume", "compare"):
        said = rbench(command, out)
        assert said.code == 5
        one_line(said, f"{place} has schema version 9", "reads up to 1", "a later version can read it")


# --- names --------------------------------------------------------------------------------------------

NAMES = {
    "control": "a\x1b[2J\x07b",
    "new line": "new\nline",
    "right-to-left override": "\u202egnp.exe",
    "right-to-left": "שלום",
    "emoji": "😀👨\u200d👩\u200d👧",
    "long": "x" * 200,
    "markup": "[red]bold[blink]",
}


@pytest.mark.parametrize("kind", NAMES)
def test_a_name_is_shown_safely_exact_in_json_and_in_no_ids_way(kind, toy_policy, tmp_path):
    name = NAMES[kind]
    file = tmp_path / f"{name}.toml"
    file.write_text('[[part]]\nuse = "null.random"\n')
    out = tmp_path / "s"
    plain = rbench(*quick(toy_policy, out, "--design", file, "--shard", "1/3"))
    assert plain.code == 0, plain.err
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]", plain.err)
    assert name[:10].replace("\x1b", "\\x1b").replace("\u202e", "\\u202e").split("\n")[0].split("\x07")[0].split("\u200d")[0] in plain.err
    assert all(len(line) < 260 for line in plain.err.splitlines())
    said = rbench("resume", out, "--json")
    assert json.loads(said.out)["runs"][0]["design"] == name
    row = said.json["runs"][0]
    assert re.fullmatch(r"[0-9a-f]{16}", row["run"])
    made = find.design(str(file), "toy/colours")
    assert row["design_hash"] == design.design_hash(replace(made, name="plain"))


def test_a_name_that_is_no_utf8_is_one_line(toy_policy, tmp_path):
    file = os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.toml")
    with open(file, "w") as written:
        written.write('[[part]]\nuse = "null.random"\n')
    said = rbench(*quick(toy_policy, tmp_path / "s", "--design", file))
    assert said.code == 2
    one_line(said, "is not UTF-8; rename the file")
    assert not (tmp_path / "s").exists()
