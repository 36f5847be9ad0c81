"""Is a task's real data found where it is said to lie, and refused when it is another file? On made-up files."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rewardbench import data, find
from rewardbench.types import UserError

PLACE = "qa/made/up.jsonl"


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A task's file, beside sources that name one file by its hash, and another without."""
    folder = tmp_path / "tasks" / "qa" / "made"
    folder.mkdir(parents=True)
    digest = hashlib.sha256(b"published").hexdigest()
    rows = f'[[file]]\nplace = "{PLACE}"\nsha256 = "{digest}"\nwhat = "Made, 2026"\n'
    (folder / "sources.toml").write_text(rows + '[[file]]\nplace = "qa/made/own.txt"\nwhat = "one of your own"\n')
    (tmp_path / "data" / "qa" / "made").mkdir(parents=True)
    monkeypatch.setenv("REWARDBENCH_DATA", str(tmp_path / "data"))
    return folder / "world.py"


def put(content: bytes, place: str = PLACE) -> None:
    Path(data.os.environ["REWARDBENCH_DATA"], place).write_bytes(content)


def refused(task: Path, place: str = PLACE) -> str:
    with pytest.raises(UserError) as error:
        data.text(task, place)
    assert error.value.code == 5
    assert "\n" not in str(error.value)
    return str(error.value)


def test_the_published_file_is_read_and_another_is_refused(task: Path) -> None:
    put(b"published")
    assert data.text(task, PLACE) == "published"
    put(b"published, and more")
    assert "qa/made: qa/made/up.jsonl is not the published file" in refused(task)


def test_a_file_without_a_hash_may_hold_anything_that_is_text(task: Path) -> None:
    put("größer".encode(), "qa/made/own.txt")
    assert data.text(task, "qa/made/own.txt") == "größer"
    put(b"\xff\xfe\x00", "qa/made/own.txt")
    assert "cannot be read" in refused(task, "qa/made/own.txt")


def test_what_is_missing_is_said_with_where_to_put_it(task: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"holds no {PLACE}" in refused(task)
    monkeypatch.delenv("REWARDBENCH_DATA")
    told = refused(task)
    assert "Made, 2026" in told
    assert "set REWARDBENCH_DATA" in told


def test_a_data_set_of_the_hub_is_asked_for_by_name_and_revision(task: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    asked = []

    def download(repository: str, **rest: object) -> str:
        asked.append((repository, rest))
        if repository == "nobody/nothing":
            raise huggingface_hub.errors.LocalEntryNotFoundError("Got: no network\nand more of it")
        if repository == "nobody/hidden":
            raise OSError("401 and more\nof it")
        return str(local)

    put(b"published")
    local = data.os.environ["REWARDBENCH_DATA"]
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("REWARDBENCH_DATA", "hub:somebody/their-data@abc")
    assert data.text(task, PLACE) == "published"
    assert asked == [("somebody/their-data", {"allow_patterns": [PLACE], "repo_type": "dataset", "revision": "abc"})]
    monkeypatch.setenv("REWARDBENCH_DATA", "hub:nobody/nothing")
    assert refused(task).endswith("REWARDBENCH_DATA=hub:nobody/nothing: the hub cannot be reached (no network)")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert "the hub cannot be reached (HF_HUB_OFFLINE is set)" in refused(task)
    monkeypatch.setenv("REWARDBENCH_DATA", "hub:nobody/hidden")
    assert "the hub says: 401 and more" in refused(task)


@pytest.mark.parametrize("named", ["hub:", "hub:things", "hub:a/b/c", "hub:/b", "hub:../b", "hub:a b/c"])
def test_a_name_that_no_data_set_can_have_is_said_before_the_hub_is_asked(
    task: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *a, **k: pytest.fail("it was asked"))
    monkeypatch.setenv("REWARDBENCH_DATA", named)
    with pytest.raises(UserError, match="is no repository of the hub") as error:
        data.text(task, PLACE)
    assert error.value.code == 2


@pytest.mark.parametrize("text", ["", "file = 3", "file = ['x']", "[[file]]\nplace = 'x'", "no toml"])
def test_sources_that_name_nothing_hold_nothing(task: Path, text: str) -> None:
    task.with_name("sources.toml").write_text(text)
    assert data.held(task.with_name("sources.toml")) == {}


def test_what_a_run_of_a_task_reads_is_in_its_hash(task: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = task.parent
    monkeypatch.setenv("REWARDBENCH_TASKS", str(folder.parents[1]))
    (folder / "task.py").write_text("task = 1\n")
    seen = [find.task_digest("qa/made")]

    def written(place: Path, content: str) -> bool:
        """Whether the hash is a new one once a file holds that."""
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
        os.utime(place, ns=(len(seen), len(seen)))  # however coarse the clock of the file system is
        seen.append(find.task_digest("qa/made"))
        return seen[-1] not in seen[:-1]

    own = Path(os.environ["REWARDBENCH_DATA"], "qa/made/own.txt")
    for place in (folder / "task.py", folder / "rows.jsonl", folder / "more" / "rows.csv", own):
        kept = place.read_text() if place.is_file() else ""
        assert written(place, kept + "# one\n"), place
        assert written(place, kept + "# two\n"), place
    for name in ("README.md", "anchors.json", "examples.jsonl", "gold_b.py", "designs/mine.toml", ".hidden", "task.py~",
                 "tests/test_made.py", "__pycache__/task.pyc"):  # fmt: skip
        assert not written(folder / name, "other"), name
    sources = (folder / "sources.toml").read_text()
    assert not written(folder / "sources.toml", f"# whom to cite\n{sources}")
    assert written(folder / "sources.toml", sources.replace('sha256 = "', 'sha256 = "0'))
    assert written(folder / "sources.toml", sources + '[[file]]\nplace = "qa/made/other.txt"\nwhat = "another"\n')
    (folder / "sources.toml").write_text(sources)
    seen.append(find.task_digest("qa/made"))
    put(b"published")  # held to the hash that sources.toml has
    assert find.task_digest("qa/made") == seen[-1]


def test_tasks_on_real_data_and_their_designs_are_listed_without_it() -> None:
    names = [name for name, folder in find.task_folders().items() if (folder / "sources.toml").is_file()]
    code = (
        "import json, sys; from rewardbench import find\n"
        "print(json.dumps([{name: find.task(name).summary for name in sys.argv[1:]}, find.listing('designs')]))"
    )
    env = {k: v for k, v in os.environ.items() if k != "REWARDBENCH_DATA"}
    done = subprocess.run([sys.executable, "-c", code, *names], env=env, capture_output=True, text=True, check=True)
    tasks, designs = json.loads(done.stdout)
    assert tasks == {name: find.listing("tasks")[name] for name in names} != {}
    assert all(tasks.values())
    assert {f"{name}/{design}" for name in names for design in find.task_designs(name)} <= designs.keys()


def test_the_hub_is_asked_once_for_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []
    monkeypatch.setattr(data, "of_hub", lambda name, kind, patterns: asked.append(name) or tmp_path)
    data._snapshot.cache_clear()
    assert {data._snapshot("ann/things", "a.txt") for _ in range(3)} == {tmp_path / "a.txt"}
    data._snapshot.cache_clear()
    assert asked == ["ann/things"]
