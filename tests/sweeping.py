"""How do the tests run sweeps? In this process, one run after another (fast), or as `rbench` in its own."""

import contextlib
import importlib.util
import io
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rewardbench import cli, sweep, trace, worker
from rewardbench.types import UserError

ROOT = Path(__file__).parents[1]
TASKS = ROOT / "tests" / "tasks"
PARTS = TASKS / "toy" / "colours" / "parts.py"
COVERED = ("spec.toml", "steps.jsonl", "weights.safetensors")


class Killed(BaseException):
    """The process ended here."""


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


def here(prepared, workers, tell):
    """`sweep.execute` without the pool: the same packs by the same code in this process."""
    stopped = []

    def say(event):
        if event["event"] == "stop":
            stopped.append(UserError(event["reason"], event["code"]))
        elif event["event"] not in ("free", "part"):
            sweep._heard(prepared, tell, event)

    with sweep.locked(prepared.folder), sweep._saying(prepared):
        sources = prepared.folder / "sources"
        todo = sweep.packs(prepared)
        if todo and not worker.admit(prepared.policy, sweep.job_of(prepared).firsts, say, sources):
            raise stopped[0]
        for pack in todo:
            folders = [prepared.run_folder(r) for r in pack]
            worker.do_pack(pack, folders, prepared.policy, say, prepared.timeout, sources)
            if stopped:
                raise stopped[0]


def rbench(*arguments) -> Said:
    """A command in this process, its sweep included."""
    out, err, pool = io.StringIO(), io.StringIO(), sweep.execute
    sweep.execute = here
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli.call([str(a) for a in arguments])
    finally:
        sweep.execute = pool
    return Said(code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def toy_found() -> Iterator[pytest.MonkeyPatch]:
    """The toy task can be found meanwhile: for a fixture that outlives a test, and with it the fixture `toy`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REWARDBENCH_TASKS", str(TASKS))
        yield patch


def quick(policy, out, *more):
    """The words of a quick sweep of the toy task, with one seed."""
    asked = ("--task", "toy/colours", "--policy", policy, "--budget", "quick", "--seeds", "1")
    return ("run", *asked, "--out", out, *more)


def task_of(folder: Path, name: str, gold: str = "", task: str = "") -> str:
    """The name of a copy of the toy task below a folder, with lines of its own at the end of its files.

    A process remembers a task by its name, so each wants a name of its own.
    """
    place = folder / "toy" / name
    shutil.copytree(PARTS.parent, place)
    for file, lines in (("gold.py", gold), ("task.py", task)):
        with (place / file).open("a") as end:
            end.write(f"\n\n{lines}\n")
    return f"toy/{name}"


def environment(**more):
    """That of a command in a process of its own."""
    return {**os.environ, "REWARDBENCH_TASKS": str(TASKS), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), **more}


def command(*arguments):
    """The words of a command in a process of its own."""
    return [sys.executable, "-m", "rewardbench", *(str(a) for a in arguments)]


def cost(ask) -> float:
    """What `ask` lets other processes do, in CPU seconds, over what importing NumPy and click takes at the same time.

    A machine that is busy slows both, so that a limit on it is no matter of neighbours.
    """

    def spent(work) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        work()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def yardstick() -> None:
        subprocess.run([sys.executable, "-c", "import numpy, click"], env=environment(), check=True)

    pairs = [(spent(ask), spent(yardstick)) for _ in range(5)]
    return min(p[0] for p in pairs) / min(p[1] for p in pairs)


def process(*arguments, **more) -> Said:
    """A command in a process of its own."""
    done = subprocess.run(
        command(*arguments), env=environment(**more), capture_output=True, text=True, timeout=300, check=False
    )
    return Said(done.returncode, done.stdout, done.stderr)


def contents(folder: Path):
    """(run, file) -> bytes of everything that the content hash covers, and the hash itself."""
    found = {}
    for run in sorted((folder / "runs").iterdir()):
        for path in [run / n for n in COVERED] + trace.evaluations(run):
            if path.is_file():
                found[run.name, path.relative_to(run).as_posix()] = path.read_bytes()
        found[run.name, "content"] = trace.status(run).get("content")
    return found


def scores(said: Said):
    """A sweep's JSON without what is read from a clock."""
    found = said.json
    for row in found["runs"]:
        for key in [k for k in row if k.endswith("seconds")]:
            del row[key]
    return found


def one_line(said: Said, *words: str) -> str:
    """The one complaint of a command: a line, no traceback, no JSON."""
    assert "Traceback" not in said.err, said.err
    assert said.out == "", said.out
    lines = [line for line in said.err.splitlines() if line.startswith("rbench:")]
    assert len(lines) == 1, said.err
    for word in words:
        assert word in lines[0], (word, lines[0])
    return lines[0]


def script(path: Path):
    """A program that no package holds, as a module; loaded once a process.

    Loaded again it would take the name of the first one away: `doctest` and `dataclasses` look in `sys.modules` for
    the module that a function is of. And a test file that another imports is executed twice, under two names.
    """
    name = f"{path.parent.name.strip('.')}_{path.stem}"
    if (known := sys.modules.get(name)) is not None:
        assert known.__file__ == str(path), f"{name} is {known.__file__}, too"
        return known
    spec = importlib.util.spec_from_file_location(name, path)
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]  # half a module is none for who asks next
        raise
    return module
