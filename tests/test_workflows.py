"""Can a pull request do more than be read? The rules of the workflow files, and the two programs that they run."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile

import pytest
import yaml
from small_board import ran
from sweeping import ROOT, environment, rbench, script

from rewardbench.boards import definition, packing, submitting

FOLDER = ROOT / ".github" / "workflows"
FLOWS = {p.stem: yaml.safe_load(p.read_text()) for p in sorted(FOLDER.glob("*.yml"))}
TEXTS = {p.stem: p.read_text() for p in sorted(FOLDER.glob("*.yml"))}


def jobs(flow):
    return FLOWS[flow]["jobs"].values()


def steps(flow):
    return [step for job in jobs(flow) for step in job["steps"]]


def events(flow):
    return FLOWS[flow][True]  # YAML 1.1 reads `on` as true


# --- rules ---------------------------------------------------------------------------------------


def test_there_are_three():
    assert set(FLOWS) == {"ci", "comment", "entries"}


@pytest.mark.parametrize("flow", FLOWS)
def test_no_workflow_gives_a_branch_what_is_ours(flow):
    assert "pull_request_target" not in TEXTS[flow]
    assert "secrets" not in {word for step in steps(flow) for word in re.findall(r"\w+", json.dumps(step))}
    assert "write-all" not in TEXTS[flow]
    assert "permissions" in FLOWS[flow]
    for job in jobs(flow):
        assert job["timeout-minutes"] <= 90
        assert not {"container", "services", "uses"} & set(job)


@pytest.mark.parametrize("flow", FLOWS)
def test_actions_are_pinned_by_their_whole_commit(flow):
    for step in steps(flow):
        if "uses" in step:
            assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", step["uses"]), step["uses"]
    lines = [line for line in TEXTS[flow].splitlines() if "uses:" in line]
    assert all(re.search(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line) for line in lines)
    pins = {}
    for text in TEXTS.values():
        for action, commit in re.findall(r"uses: (\S+)@([0-9a-f]{40})", text):
            assert pins.setdefault(action, commit) == commit, action


@pytest.mark.parametrize("flow", FLOWS)
def test_what_others_write_never_stands_in_a_command(flow):
    for step in steps(flow):
        assert "${{" not in step.get("run", ""), step["run"]


@pytest.mark.parametrize("flow", FLOWS)
def test_a_checkout_leaves_no_token_behind(flow):
    for step in steps(flow):
        if "actions/checkout@" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


def test_who_reads_the_branch_may_write_nothing():
    for flow in ("ci", "entries"):
        assert set(events(flow)) <= {"pull_request", "push"}
        assert FLOWS[flow]["permissions"] == {"contents": "read"}
        assert all("permissions" not in job for job in jobs(flow))
        assert "github.token" not in TEXTS[flow]


def test_entries_are_checked_by_the_code_of_the_base():
    checkouts = [s for s in steps("entries") if "actions/checkout@" in s.get("uses", "")]
    assert [c["with"]["ref"] for c in checkouts] == ["${{ github.event.pull_request.base.sha }}"]
    commands = "\n".join(s.get("run", "") for s in steps("entries"))
    assert not re.search(r"git (checkout|switch|merge|pull|reset|restore|worktree|archive|read-tree)", commands)
    programs = re.findall(r"^\s*(?:run: )?(python\S* \S+|bash \S+|sh \S+)", commands, re.M)
    assert programs == ["python -m", "python .ci/entries.py"]
    assert events("entries") == {"pull_request": {"paths": ["leaderboards/**"]}}


def test_who_may_write_never_has_the_branch():
    assert FLOWS["comment"]["permissions"] == {}
    assert events("comment") == {"workflow_run": {"workflows": ["entries"], "types": ["completed"]}}
    (job,) = jobs("comment")
    assert job["permissions"] == {"actions": "read", "contents": "read", "pull-requests": "write"}
    assert job["if"] == "github.event.workflow_run.event == 'pull_request'"
    used = [s for s in job["steps"] if "uses" in s]
    assert [s["with"]["ref"] for s in used] == ["${{ github.event.repository.default_branch }}"]
    commands = "\n".join(s.get("run", "") for s in job["steps"])
    assert "git " not in commands
    assert "size_in_bytes <=" in commands
    assert '--jq .head.sha)" = "$HEAD"' in commands


def test_ci_is_the_one_command():
    assert [s["run"] for s in steps("ci") if "run" in s] == ["bash .ci/run"]


# --- .ci/comment.py ------------------------------------------------------------------------------


def archived(tmp_path, told, name="verdict.json"):
    path = tmp_path / "verdict.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, told if isinstance(told, (str, bytes)) else json.dumps(told))
    return path


def comment(what, path):
    words = [sys.executable, "-I", str(ROOT / ".ci" / "comment.py"), what, str(path)]
    return subprocess.run(words, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]})


FINDING = {"code": "V20", "severity": "reject", "message": "gold of 3 completions is another", "evidence": {}}
VERDICT = {"level": "consistent", "accepted": False, "findings": [FINDING], "unchecked": []}
GOOD = {
    "schema_version": 1, "pull_request": 12, "unread": 0, "other_files": 2,
    "entries": [{"board": "cpu", "entry": "mine", "code": 3, "verdict": VERDICT}, {"board": "cpu", "entry": "b", "code": 5, "reason": "no"}],
}  # fmt: skip


def test_a_verdict_becomes_one_comment(tmp_path):
    path = archived(tmp_path, GOOD)
    assert comment("number", path).stdout == "12\n"
    said = comment("body", path).stdout
    assert "**`cpu` / `mine`**: *consistent*, rejected" in said
    assert "- reject V20: `gold of 3 completions is another`" in said
    assert "**`cpu` / `b`**: not judged: `no`" in said
    assert "2 files of leaderboards" in said


def test_nothing_that_anybody_wrote_marks_up_mentions_or_links(tmp_path):
    nasty = "`</code>` @everyone #1\n\n## x <img src=x> [a](http://b) ![c](d) \u202e\x1b[31m" + "z" * 9999
    told = json.loads(json.dumps(GOOD))
    told["entries"][0]["verdict"]["findings"][0]["message"] = nasty
    told["entries"][1]["reason"] = nasty
    said = comment("body", archived(tmp_path, told)).stdout
    from markdown_it import MarkdownIt

    tokens = [t for block in MarkdownIt("commonmark").parse(said) for t in (block.children or [block])]
    assert [t.type for t in tokens if t.type in ("html_inline", "link_open", "image")] == []
    assert all("@everyone" not in t.content and "src" not in t.content for t in tokens if t.type == "text")
    assert sum("@everyone" in t.content for t in tokens if t.type == "code_inline") == 2
    assert "\u202e" not in said
    assert "\x1b" not in said
    assert len(said) < 2000


def test_the_worst_pull_request_gets_a_comment_too(tmp_path):
    worst = {**VERDICT, "findings": [{**FINDING, "message": "🙂" * 240}] * 15}
    told = spoilt(entries=[{"board": "cpu", "entry": f"e{i}", "code": 3, "verdict": worst} for i in range(20)])
    said = comment("body", archived(tmp_path, told)).stdout
    assert 50_000 < len(said) < 65_536  # what hosts take
    assert said.rstrip().endswith("cut: the artefact has all of it.")
    assert all(line.count("`") % 2 == 0 for line in said.splitlines())


def spoilt(**more):
    return {**GOOD, **more}


BAD = {
    "no json": "{",
    "deep": "[" * 100_000,
    "a list": [],
    "version": spoilt(schema_version=2),
    "number is text": spoilt(pull_request="12; rm -rf /"),
    "number is true": spoilt(pull_request=True),
    "number is zero": spoilt(pull_request=0),
    "number is negative": spoilt(pull_request=-1),
    "number is huge": spoilt(pull_request=10**12),
}
BAD_ROWS = {
    "entries are no list": spoilt(entries={"a": 1}),
    "a name": spoilt(entries=[{"board": "cpu", "entry": "../x", "reason": "a"}]),
    "level": spoilt(entries=[{"board": "cpu", "entry": "x", "verdict": {**VERDICT, "level": "reproduced by us"}}]),
    "code": spoilt(entries=[{"board": "cpu", "entry": "x", "verdict": {**VERDICT, "findings": [{**FINDING, "code": "V20 @a"}]}}]),
    "severity": spoilt(entries=[{"board": "cpu", "entry": "x", "verdict": {**VERDICT, "findings": [{**FINDING, "severity": ["a"]}]}}]),
    "neither": spoilt(entries=[{"board": "cpu", "entry": "x"}]),
    "reason": spoilt(entries=[{"board": "cpu", "entry": "x", "reason": {"a": 1}}]),
}


@pytest.mark.parametrize("case", [*BAD, *BAD_ROWS])
def test_an_artefact_of_somebody_elses_is_refused(case, tmp_path):
    path = archived(tmp_path, (BAD | BAD_ROWS)[case])
    for what in ("number", "body") if case in BAD and "number" not in case else ("number",) if case in BAD else ("body",):
        done = comment(what, path)
        assert done.returncode == 3, done.stderr
        assert done.stdout == ""
        assert done.stderr.startswith("comment: ")
        assert "Traceback" not in done.stderr


def test_an_archive_that_is_none_or_a_bomb_is_refused(tmp_path):
    for path in (archived(tmp_path, GOOD, "../verdict.json"), archived(tmp_path, b" " * 2_000_000)):
        assert comment("body", path).returncode == 3
    (tmp_path / "verdict.zip").write_bytes(b"PK nothing")
    assert comment("body", tmp_path / "verdict.zip").returncode == 3
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as file:
        file.writestr("verdict.json", json.dumps(GOOD))
        file.writestr("more.json", "{}")
    (tmp_path / "verdict.zip").write_bytes(sink.getvalue())
    assert comment("body", tmp_path / "verdict.zip").returncode == 3


# --- .ci/entries.py ------------------------------------------------------------------------------


def git(folder, *words):
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    return subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="module")
def repository(small, small_swept, tmp_path_factory):
    """A repository whose branch `base` has the board with `untrained`, and whose branch `head` adds an entry."""
    folder = tmp_path_factory.mktemp("repository")
    place = shutil.copytree(small, folder / "leaderboards" / "small")
    three = ran(small, tmp_path_factory.mktemp("three") / "s", "--design", "untrained", "--seeds", "3")
    assert rbench("board", "add", place, three).code == 0
    git(folder, "init", "-q", "-b", "base")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "base")
    git(folder, "switch", "-qc", "head")
    found = definition.read(place)
    entered = submitting.gather(found, [small_swept])
    about = packing.About("mine", authors=("Ann",), specs_tried=1)
    packing.write(found, about, entered.design, place / "entries" / "mine", thin=True)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "head")
    git(folder, "switch", "-q", "base")
    return folder


def checked(folder, head, out):
    words = [sys.executable, str(ROOT / ".ci" / "entries.py"), "base", head, "7", "--out", str(out)]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, env=environment())
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(out.read_text())


def branch(folder, name, change):
    """A branch from `head` with something changed."""
    git(folder, "switch", "-qc", name, "head")
    change(folder / "leaderboards" / "small" / "entries" / "mine")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", name)
    git(folder, "switch", "-q", "base")
    return name


def test_an_entry_of_a_branch_is_verified_by_the_base(repository, tmp_path):
    code, told = checked(repository, "head", tmp_path / "verdict.json")
    (row,) = told["entries"]
    assert (row["board"], row["entry"], row["code"]) == ("small", "mine", 0), row
    assert row["verdict"]["level"] == "rescored"
    assert (code, told["pull_request"], told["other_files"]) == (0, 7, 0)
    said = comment("body", archived(tmp_path, told))
    assert "**`small` / `mine`**: *rescored*, accepted" in said.stdout, said.stderr


def test_an_edited_number_is_rejected(repository, tmp_path):
    def lie(place):
        text = (place / "entry.json").read_text()
        (place / "entry.json").write_text(text.replace('"seed": ', '"seed": 1', 1))

    code, told = checked(repository, branch(repository, "lie", lie), tmp_path / "verdict.json")
    assert code == 3
    assert told["entries"][0]["code"] == 3


def test_links_deleted_entries_and_other_files_are_told(repository, tmp_path):
    def link(place):
        (place / "entry.json").unlink()
        (place / "entry.json").symlink_to("/etc/passwd")

    code, told = checked(repository, branch(repository, "link", link), tmp_path / "verdict.json")
    assert (code, told["entries"][0]["reason"]) == (3, "'entry.json' is no plain file")

    def other(place):
        shutil.rmtree(place)
        shutil.rmtree(place.parent / "untrained")
        (place.parent.parent / "board.toml").write_text("name = 1\n")

    code, told = checked(repository, branch(repository, "other", other), tmp_path / "verdict.json")
    assert [r["entry"] for r in told["entries"]] == ["untrained"]
    assert "tombstone" in told["entries"][0]["reason"]
    assert (code, told["other_files"]) == (3, 1)

    def odd(place):
        (place / "a b;.sh").write_text("echo")

    code, told = checked(repository, branch(repository, "odd", odd), tmp_path / "verdict.json")
    assert (code, told["entries"][0]["reason"]) == (3, "'a b;.sh' is no name of an entry's file")


def test_the_programs_docs_hold():
    import doctest

    module = script(ROOT / ".ci" / "comment.py")
    assert doctest.testmod(module).failed == 0
