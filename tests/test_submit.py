"""Does a design get from runs to a bundle, and from there into a pull request, whole or not at all?"""

import json
import re
import shlex
import shutil
import time
import tomllib
import zipfile

import pytest
from small_board import OWN, ran
from sweeping import ROOT, one_line, rbench
from test_machine_output import valid

from rewardbench import sweep, trace
from rewardbench.boards import definition, entries, handing, rows, secrets
from rewardbench.policies.settings import file_digest


def pack(folder, place, out, *words):
    return rbench("submit", "pack", folder, "--board", place, "--name", "brief", "--author", "Ann", "-o", out, "--json", *words)


# --- rbench run --board --------------------------------------------------------------------------


def test_a_board_says_what_is_run(small):
    found = definition.read(small)
    said = rbench("plan", "--board", small, "--design", "brevity", "--json").json["runs"]
    assert {r["design"] for r in said} == {"brevity", "untrained"}
    assert {r["seed"] for r in said} == set(found.seed_list(2))
    assert {(r["task"], r["policy"], r["algorithm"], r["steps"]) for r in said if r["design"] == "brevity"} == {
        ("qa/lookup", "tiny", "grpo", 2)
    }
    three = rbench("plan", "--board", small, "--design", "brevity", "--seeds", "3", "--json").json["runs"]
    assert [r["seed"] for r in three if r["design"] == "brevity"] == [found.seed(0), found.seed(1), found.seed(2)]
    assert {r["run"] for r in said} < {r["run"] for r in three}
    every = rbench("plan", "--board", small, "--json").json["runs"]
    assert {"reference", "exploit", "oracle", "random", "constant"} < {r["design"] for r in every}


WRONG = {
    ("--policy", "tiny"): "leave out --policy",
    ("--budget", "quick"): "budget 2, 2 seeds",
    ("--algorithm", "rloo"): "leave out --algorithm",
    ("--seeds", "1,2"): "seeds of its own, which nobody picks",
    ("--seeds", "4"): "give a count from 1 to 3",
    ("--seeds", "0"): "give a count from 1 to 3",
    ("--task", "qa/lokup"): "did you mean 'qa/lookup'?",
    ("--task", "writing/story"): "unknown task of board small",
}


@pytest.mark.parametrize("words", WRONG)
def test_what_the_board_fixes_cannot_be_said_again(words, small, tmp_path):
    said = rbench("run", "--board", small, "--design", "brevity", *words, "--out", tmp_path / "s")
    assert said.code == 2
    one_line(said, WRONG[words])
    assert not (tmp_path / "s").exists()


def test_a_spec_file_gives_designs_and_not_what_the_board_fixes(small, tmp_path):
    (tmp_path / "mine.toml").write_text('tasks = ["qa/lookup"]\ndesigns = ["form"]\n')
    said = rbench("plan", tmp_path / "mine.toml", "--board", small, "--json").json
    assert {r["design"] for r in said["runs"]} == {"form", "untrained"}
    (tmp_path / "mine.toml").write_text('designs = ["form"]\nbudget = "quick"\n')
    said = rbench("plan", tmp_path / "mine.toml", "--board", small)
    assert said.code == 2
    one_line(said, "budget in the spec file")


def test_a_board_that_ranks_algorithms_leaves_them_free_and_takes_no_design(small_swept, tmp_path):
    words = ("plan", "--board", "algorithms", "--task", "qa/lookup", "--design", "reference")
    said = rbench(*words, "--algorithm", "rloo", "--json").json["runs"]
    assert {r["algorithm"] for r in said} == {"rloo"}
    refused(rbench(*words, "--algorithm", "rlo"), 2, "did you mean 'rloo'?")
    refused(rbench(*words, "--budget", "quick"), 2, "leave out --budget")
    refused(pack(small_swept, "algorithms", tmp_path / "b.zip"), 2, "ranks the algorithms that ship")


def test_an_unknown_board_names_what_there_is():
    said = rbench("plan", "--board", "cup", "--design", "reference")
    assert said.code == 2
    one_line(said, "did you mean 'cpu'?")


# --- rbench submit pack --------------------------------------------------------------------------


def test_a_bundle_holds_every_word_the_control_and_numbers_of_its_rows(small, small_swept, tmp_path):
    said = pack(small_swept, small, tmp_path / "b.zip", "--specs-tried", "3", "--summary", "short")
    assert said.code == 0, said.err
    with zipfile.ZipFile(tmp_path / "b.zip") as file:
        assert file.namelist()[-1] == "brief/manifest.json"
        file.extractall(tmp_path / "x")
    entry = entries.read(tmp_path / "x" / "brief")
    assert (entry.kind, entry.about["division"], entry.tasks) == ("submitted", "closed", ("qa/lookup",))
    assert entry.about["authors"] == ["Ann"]
    assert entry.about["disclosure"] == {"specs_tried": 3}
    assert entry.about["board"]["digest"] == definition.read(small).digest
    listed = json.loads((entry.folder / "manifest.json").read_text())
    assert set(listed["files"]) == {p.relative_to(entry.folder).as_posix() for p in entries.files(entry.folder)}
    assert valid(said, "submit-pack")["digest"] == listed["digest"] == entries.write_manifest(entry.folder)
    runs = entry.runs("qa/lookup")
    assert [r.spec.seed for r in runs] == list(definition.read(small).seed_list(2))
    for run in runs:
        words = rows.read(entry.folder / "qa-lookup" / "texts.parquet")
        spec = run.spec
        evaluated = len(spec.points) * spec.eval_prompts * spec.eval_samples
        grid = len(spec.temperatures) * spec.eval_prompts * spec.grid_samples
        assert (words["seed"] == spec.seed).sum() == evaluated + grid
    control = entry.control("qa/lookup")
    assert [(r.spec.design.name, r.spec.seed) for r in control] == [("untrained", r.spec.seed) for r in runs]
    scored = rbench("resume", small_swept, "--json").json["runs"]
    gold = {r["seed"]: r["gold"]["end"] for r in scored if r["design"] == "brevity"}
    assert {r["seed"]: r["gold"]["end"] for r in entry.about["tasks"]["qa/lookup"]["runs"]} == pytest.approx(gold)


def test_the_same_runs_are_the_same_bytes(small, small_swept, tmp_path):
    first, second = pack(small_swept, small, tmp_path / "a.zip"), pack(small_swept, small, tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert first.json["sha256"] == second.json["sha256"]
    assert {i.date_time for i in zipfile.ZipFile(tmp_path / "a.zip").infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.fixture
def copy(small_swept, tmp_path):
    """A copy of the sweep that may be damaged."""
    return shutil.copytree(small_swept, tmp_path / "copy")


def run_of(folder, design, index=0):
    prepared = sweep.open_sweep(folder)
    return prepared.run_folder([r for r in prepared.runs if r.design.name == design][index])


def refused(said, code, *words):
    assert said.code == code, said.err
    return one_line(said, *words)


def test_unfinished_runs_are_named_and_nothing_is_written(small, copy, tmp_path):
    trace.set_status(run_of(copy, "brevity", 1), "partial")
    refused(pack(copy, small, tmp_path / "b.zip"), 8, "1 runs are not over", f"rbench resume {copy}")
    assert not (tmp_path / "b.zip").exists()


def test_runs_that_are_not_there_are_named(small, tmp_path):
    one = ran(small, tmp_path / "one", "--design", "form", "--seeds", "1")
    refused(pack(one, small, tmp_path / "b.zip"), 2, "1 of the board's 2 seeds", f"rbench run --board {small} ")
    prepared = sweep.open_sweep(one)
    kept = [r.id for r in prepared.runs if r.design.name != "untrained"]
    head = (one / "sweep.toml").read_text()
    lost = next(r.id for r in prepared.runs if r.id not in kept)
    assert lost in head
    assert not (tmp_path / "b.zip").exists()


def test_shards_are_put_together(small, small_swept, tmp_path):
    words = ("run", "--board", small, "--design", "brevity", "--display", "none")
    halves = [tmp_path / "1", tmp_path / "2"]
    for n, half in enumerate(halves, 1):
        assert rbench(*words, "--shard", f"{n}/2", "--out", half).code == 0
    refused(pack(halves[0], small, tmp_path / "b.zip"), 2, "seeds are there")
    both = rbench("submit", "pack", *halves, "--board", small, "--name", "brief", "--author", "Ann", "-o", tmp_path / "b.zip", "--json")
    assert both.code == 0, both.err
    assert both.json["sha256"] == pack(small_swept, small, tmp_path / "a.zip").json["sha256"]


def test_runs_of_something_else_are_refused(small, tmp_path):
    out = tmp_path / "own"
    assert rbench("run", "--task", "qa/lookup", "--design", "brevity", "--budget", "1", "--seeds", "2", "--out", out,
                  "--display", "none").code == 0  # fmt: skip
    refused(pack(out, small, tmp_path / "b.zip"), 2, "its budget is '1', the board's '2'")


def test_a_changed_record_is_refused(small, copy, tmp_path):
    with (run_of(copy, "brevity") / "steps.jsonl").open("a") as file:
        file.write("{}\n")
    refused(pack(copy, small, tmp_path / "b.zip"), 5, "steps.jsonl changed since the run was over")


def test_a_run_that_is_there_twice_must_be_the_same(small, small_swept, copy, tmp_path):
    same = rbench("submit", "pack", small_swept, copy, "--board", small, "--name", "a", "--author", "Ann", "-o", tmp_path / "a.zip")
    assert same.code == 0, same.err
    trace.set_status(run_of(copy, "brevity"), "done", content="0" * 64)
    said = rbench("submit", "pack", small_swept, copy, "--board", small, "--name", "a", "--author", "Ann", "-o", tmp_path / "b.zip")
    refused(said, 2, "is there twice and differs")


def test_which_design_is_asked_where_there_are_several(small, small_swept, tmp_path):
    form = ran(small, tmp_path / "form", "--design", "form")
    words = ("submit", "pack", small_swept, form, "--board", small, "--name", "x", "--author", "Ann", "-o", tmp_path / "b.zip", "--json")
    refused(rbench(*words), 2, "several designs: brevity, form; say which with --design")
    refused(rbench(*words, "--design", "forn"), 2, "did you mean 'form'?")
    refused(rbench(*words, "--design", "untrained"), 2, "a reference entry that every board has")
    said = rbench(*words, "--design", "form")
    assert said.code == 0, said.err
    assert said.json["tasks"]["qa/lookup"]["means"]["quality"]["n"] == 2
    for task in valid(said, "submit-pack")["tasks"].values():
        assert {name for name, mean in task["means"].items() if mean is None} == set(task["reasons"])


@pytest.mark.parametrize("name", ["Brief", "a b", "../x", "", "x" * 65])
def test_a_name_that_no_folder_should_have(name, small, small_swept, tmp_path):
    said = rbench("submit", "pack", small_swept, "--board", small, "--name", name, "--author", "Ann", "-o", tmp_path / "b.zip")
    refused(said, 2, "use lower-case letters")


def test_only_links_that_a_page_may_show(small, small_swept, tmp_path):
    refused(pack(small_swept, small, tmp_path / "b.zip", "--link", "javascript:1"), 2, "only https://")


def test_failed_runs_count_and_are_packed(small, small_swept, copy, tmp_path):
    place = run_of(copy, "brevity", 1)
    for late in trace.evaluations(place)[1:]:
        late.unlink()
    (place / "weights.safetensors").unlink()
    trace.close(place, "failed", code=6, reason="part 'brief' raised", step=1)
    said = pack(copy, small, tmp_path / "b.zip")
    assert said.code == 0, said.err
    assert said.json["failed"] == 1
    with zipfile.ZipFile(tmp_path / "b.zip") as file:
        told = json.loads(file.read("brief/entry.json"))["tasks"]["qa/lookup"]
    assert [r["status"] for r in told["runs"]] == ["done", "failed"]
    assert told["runs"][1]["quality"] == 0
    assert told["means"]["quality"]["n"] == 2
    for path in trace.evaluations(place):  # and one that broke before anything was measured
        path.unlink()
    (place / "steps.jsonl").unlink()
    trace.close(place, "failed", code=6, reason="part 'brief' raised", step=0)
    assert pack(copy, small, tmp_path / "c.zip").code == 0


def test_another_bundle_is_not_written_over_without_a_word(small, small_swept, tmp_path):
    out = tmp_path / "b.zip"
    assert pack(small_swept, small, out).code == 0
    first = out.read_bytes()
    assert pack(small_swept, small, out).code == 0  # the same bundle may be there
    refused(pack(small_swept, small, out, "--specs-tried", "9"), 2, f"{out} is there already", "--replace")
    assert out.read_bytes() == first
    assert pack(small_swept, small, out, "--specs-tried", "9", "--replace").code == 0
    assert out.read_bytes() != first
    (tmp_path / "folder").mkdir()
    refused(pack(small_swept, small, tmp_path / "folder"), 4, "is a folder", str(tmp_path / "folder" / "mine.zip"))
    assert not list((tmp_path / "folder").iterdir())


def packed_summary(file):
    with zipfile.ZipFile(file) as archive:
        return json.loads(archive.read("brief/entry.json"))["summary"]


def test_the_summary_is_the_designs_own_unless_another_is_given(small, small_swept, tmp_path):
    (tmp_path / "mine.toml").write_text('summary = "Few words,\\n and  right"\n[[part]]\nuse = "answers.brief"\n')
    mine = ran(small, tmp_path / "s", "--design", tmp_path / "mine.toml")
    (tmp_path / "mine.toml").unlink()  # the sweep has it
    for name, folder in (("own", mine), ("shipped", small_swept)):
        said = pack(folder, small, tmp_path / f"{name}.zip")
        assert said.code == 0, said.err
    assert packed_summary(tmp_path / "own.zip") == "Few words, and right"
    assert packed_summary(tmp_path / "shipped.zip") == tomllib.loads((ROOT / "tasks/qa/lookup/designs/brevity.toml").read_text())["summary"]
    for given in ("Mine", ""):
        assert pack(mine, small, tmp_path / "own.zip", "--summary", given, "--replace").code == 0
        assert packed_summary(tmp_path / "own.zip") == given
    loud = rbench("submit", "pack", mine, "--board", small, "--name", "brief", "--author", "Ann", "-o", tmp_path / "x.zip")
    assert "summary: Few words, and right" in loud.err


def command_of(line):
    """The arguments of the command that a message prints."""
    return shlex.split(re.search(r"`rbench (.*?)`", line)[1])


@pytest.mark.parametrize("which", ["shipped", "toml", "code", "code in toml"])
def test_the_command_for_seeds_that_are_missing_runs_them(which, small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(OWN)
    use = "own.py:short" if which == "code in toml" else "answers.brief"
    (tmp_path / "mine.toml").write_text(f'[[part]]\nuse = "{use}"\n')
    design = {"shipped": "form", "code": "own.py:short"}.get(which, "mine.toml")
    one = ran(small, tmp_path / "one", "--design", design, "--seeds", "1")
    said = refused(pack(one, small, tmp_path / "b.zip"), 2, "1 of the board's 2 seeds are there")
    words = command_of(said)
    assert words[:3] == ["run", "--board", str(small)]
    done = rbench(*words, "--display", "none")
    assert done.code == 0, done.err
    both = rbench("submit", "pack", one, f"{one}-whole", "--board", small, "--name", "brief", "--author", "Ann", "-o", tmp_path / "b.zip", "--json")
    assert both.code == 0, both.err


@pytest.fixture(scope="module")
def own(small, tmp_path_factory):
    """A sweep of a design with code of its own."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "mine.py").write_text(OWN)
    (folder / "mine.toml").write_text('[[part]]\nuse = "mine.py:short"\n')
    return ran(small, folder / "sweep", "--design", folder / "mine.toml")


def test_a_design_with_code_of_its_own_is_open_and_brings_it(small, own, tmp_path):
    said = pack(own, small, tmp_path / "b.zip")
    assert said.code == 0, said.err
    assert said.json["division"] == "open"
    with zipfile.ZipFile(tmp_path / "b.zip") as file:
        code = [n for n in file.namelist() if n.endswith(".py")]
        assert [file.read(n).decode() for n in code] == [OWN]


def test_a_design_that_never_ran_has_nothing_to_show(small, tmp_path):
    (tmp_path / "mine.py").write_text(OWN)
    said = rbench("run", "--board", small, "--design", f"{tmp_path / 'mine.py'}:breaks", "--out", tmp_path / "s", "--display", "none")
    assert said.code == 6
    refused(pack(tmp_path / "s", small, tmp_path / "b.zip"), 2, "every run failed before anything was measured")


# --- secrets -------------------------------------------------------------------------------------

LEAKS = {
    "key = 'AKIA" + "IOSFODNN7EXAMPLE'": "a cloud access key",
    "-----BEGIN RSA " + "PRIVATE KEY-----": "a private key",
    "t = 'ghp_" + "a1B2" * 9 + "'": "a token of a code host",
    "t = 'hf_" + "abcdEFGH" * 5 + "'": "a token of a model host",
    "api_key = '" + "0123456789ab'": "what is called a secret",
    "t='eyJ" + "hbGciOiJIUzI1NiJ9" + ".eyJ" + "zdWIiOiIxMjM0NTY3ODkwIn0" + ".dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P'": "a signed web token",
    "t = 'xox" + "b-123456789012-abcdef'": "a token of a messenger",
    "db = 'postgresql+psycopg2://ann:" + "hunter22@example.org/x'": "a password in an address",
    "url = 'https://ann:" + "hunter22@example.org'": "a password in an address",
    "open('/ho" + "me/ann/words.txt')": "a path of somebody's home",
    "open('/Us" + "ers/ann/words.txt')": "a path of somebody's home",
    r"open('C:\\Us" + r"ers\\ann\\words.txt')": "a path of somebody's home",
}


@pytest.mark.parametrize("line", LEAKS)
def test_what_should_not_leave_a_machine_is_seen(line):
    assert list(secrets.found(f"x = 1\n{line}\n")) == [(2, LEAKS[line])]


@pytest.mark.parametrize("beginning", ["token", "a.", "-eyJ", ".eyJ", "a+b://c:d", "api_key=", "-----BEGIN ", "secret_"])
def test_a_line_of_beginnings_is_read_in_a_moment(beginning):
    """A megabyte of them used to take hours: whoever hands in a source could stop whoever checks it."""
    began = time.process_time()
    assert list(secrets.found(beginning * (2**17 // len(beginning)))) == []
    assert time.process_time() - began < 2


def test_what_is_published_already_is_no_secret():
    files = [*(ROOT / "tasks").rglob("*.py"), *(ROOT / "rewardbench" / "rewards").glob("*.py"), *(ROOT / "leaderboards").rglob("*.toml")]
    assert [(p.name, f) for p in files for f in secrets.found(p.read_text())] == []


@pytest.mark.parametrize("where", ["source", "summary"])
def test_a_bundle_with_a_secret_is_refused_with_its_place(where, small, own, tmp_path):
    line = "KEY = 'hf_" + "abcdEFGH" * 5 + "'"
    if where == "summary":
        said = refused(pack(own, small, tmp_path / "b.zip", "--summary", line), 3, "entry.json, line ")
    else:
        (tmp_path / "mine.py").write_text(OWN + line + "\n")
        (tmp_path / "mine.toml").write_text('[[part]]\nuse = "mine.py:short"\n')
        out = ran(small, tmp_path / "s", "--design", tmp_path / "mine.toml")
        said = refused(pack(out, small, tmp_path / "b.zip"), 3, f"mine.py, line {len(OWN.splitlines()) + 1} holds")
    assert "abcdEFGH" not in said
    assert not (tmp_path / "b.zip").exists()


# --- rbench submit check, open -------------------------------------------------------------------


@pytest.fixture(scope="module")
def bundle(small, small_swept, tmp_path_factory):
    """A bundle that was packed."""
    out = tmp_path_factory.mktemp("bundle") / "brief.zip"
    assert pack(small_swept, small, out, "--specs-tried", "2").code == 0
    return out


@pytest.fixture
def checkout(small, small_swept, tmp_path):
    """A checkout of the boards' repository, with the board's own `untrained`."""
    place = tmp_path / "checkout" / "leaderboards" / "small"
    shutil.copytree(small, place)
    three = ran(small, tmp_path / "three", "--design", "untrained", "--seeds", "3")
    assert rbench("board", "add", place, three).code == 0
    return tmp_path / "checkout"


def test_check_is_verify_up_to_rescored(bundle, small):
    said = rbench("submit", "check", bundle, "--board", small, "--json")
    assert said.code == 0, said.err + said.out
    assert (said.json["asked"], said.json["level"]) == ("rescored", "rescored")
    assert said.json == rbench("verify", bundle, "--level", "rescored", "--board", small, "--json").json


def test_a_changed_bundle_does_not_pass(bundle, small, tmp_path):
    with zipfile.ZipFile(bundle) as file:
        file.extractall(tmp_path)
    place = tmp_path / "brief" / "entry.json"
    told = json.loads(place.read_text())
    told["tasks"]["qa/lookup"]["means"]["quality"]["mean"] += 0.1
    place.write_text(json.dumps(told))
    entries.write_manifest(tmp_path / "brief")
    assert rbench("submit", "check", tmp_path / "brief", "--board", small).code == 3


def test_open_prints_steps_title_and_text(bundle, small):
    said = rbench("submit", "open", bundle, "--board", small)
    assert said.code == 0, said.err
    for words in ("Fork", "git switch -c entry-small-brief", "leaderboards/small/entries/brief", "- [ ] ", "designs tried: 2"):
        assert words in said.out
    told = rbench("submit", "open", bundle, "--board", small, "--json").json
    assert told["files"] == []
    assert told["body"] in said.out
    assert f"SHA-256 `{file_digest(bundle)}`" in told["body"]


def test_open_into_a_checkout_writes_what_a_board_keeps(bundle, small, checkout):
    said = rbench("submit", "open", bundle, "--board", small, "--into", checkout, "--json")
    assert said.code == 0, said.err
    place = checkout / "leaderboards" / "small" / "entries" / "brief"
    assert set(valid(said, "submit-open")["files"]) == {p.relative_to(checkout).as_posix() for p in place.rglob("*") if p.is_file()}
    listed = json.loads((place / "manifest.json").read_text())
    assert listed["bundle"] == file_digest(bundle)
    assert not (place / "control").exists()
    words = rows.read(place / "qa-lookup" / "texts.parquet")
    run = entries.read(place).runs("qa/lookup")[0]
    grids = 2 + len(run.spec.temperatures)  # the last evaluations, and the test prompts at each temperature
    assert len(words["k"]) == 2 * grids * run.spec.eval_prompts * rows.SAMPLED  # seeds, grids, prompts, completions
    with zipfile.ZipFile(bundle) as file:
        whole = json.loads(file.read("brief/entry.json"))
    assert json.loads((place / "entry.json").read_text()) == whole
    checked = rbench("verify", place, "--board", checkout / "leaderboards" / "small", "--json")
    assert (checked.code, checked.json["level"]) == (0, "rescored"), checked.out
    again = rbench("submit", "open", bundle, "--board", small, "--into", checkout)
    refused(again, 2, "is there already")
    assert rbench("board", "build", checkout / "leaderboards" / "small").code == 0
    board = json.loads((checkout / "leaderboards" / "small" / "board.json").read_text())
    assert "brief" in {r["entry"] for r in board["tasks"][0]["rows"]}


def test_open_refuses_what_the_board_would_refuse(bundle, small, tmp_path):
    with zipfile.ZipFile(bundle) as file:
        file.extractall(tmp_path)
    place = tmp_path / "brief" / "entry.json"
    told = json.loads(place.read_text())
    told["tasks"]["qa/lookup"]["means"]["gold"]["mean"] += 0.1
    place.write_text(json.dumps(told))
    entries.write_manifest(tmp_path / "brief")
    refused(rbench("submit", "open", tmp_path / "brief", "--board", small), 3, "V05", "rbench submit check")


def test_open_into_another_board_is_refused(bundle, small, checkout, tmp_path):
    refused(rbench("submit", "open", bundle, "--board", small, "--into", tmp_path), 5, "has no leaderboards/small")
    place = checkout / "leaderboards" / "small" / "board.toml"
    place.write_text(place.read_text().replace("version = 1", "version = 2"))
    refused(rbench("submit", "open", bundle, "--board", small, "--into", checkout), 2, "the checkout has version 2")
    assert not (checkout / "leaderboards" / "small" / "entries" / "brief").exists()


# --- docs/boards.md ------------------------------------------------------------------------------

PAGE = (ROOT / "docs" / "boards.md").read_text()


def test_the_page_says_the_pledge_that_is_asked():
    assert [line[2:] for line in PAGE.splitlines() if line.startswith("- ")][-len(handing.PLEDGE) :] == list(handing.PLEDGE)


def test_the_pages_commands_do_what_it_says(small, tmp_path, monkeypatch):
    """Every printed command, in order, on the small board."""
    monkeypatch.chdir(tmp_path)
    name, toml = re.search(r"```toml\n# (\S+)\n(.*?)```", PAGE, re.S).groups()
    (tmp_path / name).write_text(toml)
    lines = [line for block in re.findall(r"```bash\n(.*?)```", PAGE, re.S) for line in block.splitlines()]
    board = ["--board", str(small)]
    for line in lines:
        words = shlex.split(line.removesuffix(" || true"))[1:]
        words = [str(small) if w == "cpu" else w for w in words]
        words += board if words[:2] in (["submit", "check"], ["submit", "open"]) or words[0] == "reproduce" else []
        said = rbench(*words)
        assert said.code == 0 or (words[0] == "audit" and said.code == 3), said.err
    assert [line.split()[1] for line in lines] == ["plan", "audit", "run", "submit", "submit", "submit", "reproduce"]


def test_commands_in_the_pages_text_exist():
    from rewardbench import cli

    said = re.findall(r"`rbench ([a-z]+)(?: ([a-z]+))?", PAGE)
    there = set(cli.main.list_commands(None))
    assert {first for first, _ in said} <= there
    assert {second for first, second in said if first == "submit"} == {"check", "open"}
