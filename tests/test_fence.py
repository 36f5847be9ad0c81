"""What does a user's code break that goes wrong? Its own run, in one line; never the sweep, the machine or the record."""

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from sweeping import ROOT, command, environment, process

from rewardbench import disk, fence, trace
from rewardbench.fence import bounds, landlock
from rewardbench.types import RewardError, UserError

PARTS = '''
import ctypes, os, sys, tempfile
KEPT = []


def endless(completions):
    mine = []
    while True:
        mine.append(bytearray(10**7))


def endless_and_kept(completions):
    while True:
        KEPT.append(bytearray(10**7))


def at_once(completions):
    import numpy as np
    return list(np.zeros(200 * 10**9 // 8)[: len(completions)])


def in_torch(completions):
    import torch
    return torch.zeros(200 * 10**9 // 4)[: len(completions)].tolist()


def too_large(completions):
    with tempfile.TemporaryFile() as file:
        while True:
            file.write(bytes(10**7))


def too_many(completions):
    while True:
        KEPT.append(open(os.devnull))


def wants_secret(completions, token_env="PLANTED_TOKEN"):
    return [float(len(os.environ[token_env])) for _ in completions]


def into_home(completions):
    open(os.path.expanduser("~/left"), "w").write("here")
    return [1.0 for _ in completions]


def into_checkout(completions):
    open(CHECKOUT + "/left", "w").write("here")
    return [1.0 for _ in completions]


def deletes(completions):
    os.unlink(os.path.expanduser("~/precious"))
    return [1.0 for _ in completions]


def shoots_parent(completions):
    os.kill(os.getppid(), 15)
    return [1.0 for _ in completions]


def forks(completions):
    os.fork()
    return [1.0 for _ in completions]


def forks_and_breaks(completions):
    if not os.fork():
        raise ValueError("in the child")
    return [1.0 for _ in completions]


def hangs_in_c(completions):
    ctypes.PyDLL(None).sleep(1000)  # the interpreter's lock is held: no signal handler runs


def exits(completions):
    os._exit(0)


def closes_object(completions):
    sys.stdout.close()
    return [1.0 for _ in completions]


def closes_descriptor(completions):
    os.close(1)
    return [1.0 for _ in completions]


def children_and_temporary_files(completions):
    import subprocess
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"a")
    if not (child := os.fork()):
        os._exit(0)
    os.waitpid(child, 0)
    subprocess.run(["true"], check=True)
    return [1.0 for _ in completions]
'''
BREAKS = {
    "endless": "'endless' ran out of memory (limit 1 GiB",
    "endless_and_kept": "'endless_and_kept' ran out of memory (limit 1 GiB",
    "at_once": "'at_once' ran out of memory (limit 1 GiB",
    "in_torch": "'in_torch' ran out of memory (limit 1 GiB",
    "too_large": "'too_large' wrote too large a file (limit 0.05 GiB",
    "too_many": "'too_many' opened too many files (limit 300",
    "wants_secret": "'wants_secret' raised KeyError: 'PLANTED_TOKEN'",
    "into_home": "'into_home' may not write 'left': only in the sweep's folder",
    "into_checkout": "'into_checkout' may not write 'left': only in the sweep's folder",
    "deletes": "'deletes' may not write 'precious'",
    "shoots_parent": "'shoots_parent' raised PermissionError",
    "forks": "'forks' forked, and the child came back",
    "forks_and_breaks": "'forks_and_breaks' forked, and the child came back",
    "hangs_in_c": "'hangs_in_c' gave no scores within 5 s",
    "exits": "worker died in part 'exits' (exit code 0)",
    "closes_object": "'closes_object' closed standard output",
    "closes_descriptor": "'closes_descriptor' closed standard output",
}
LANDLOCK = {"into_home", "into_checkout", "deletes"}
ABLE = fence.able()
WORKS = ("children_and_temporary_files", "is_given_it")


@pytest.fixture(scope="module")
def broken(toy_policy, tmp_path_factory):
    """(the sweep's folder, its home, what it said): every part that goes wrong beside two that do not."""
    place = tmp_path_factory.mktemp("fence")
    home, temporary = place / "home", place / "tmp"
    for folder in (home, temporary):
        folder.mkdir()
    (home / "precious").write_text("kept")
    file = place / "mine.py"
    file.write_text(PARTS.replace("CHECKOUT", repr(str(home))))  # any folder that is no sweep's and not temporary
    (place / "is_given_it.toml").write_text('[[part]]\nuse = "mine.py:wants_secret"\nparams = { token_env = "PLANTED_TOKEN" }\n')
    asked = [f"{file}:{name}" for name in BREAKS if name not in LANDLOCK or "writes" in ABLE]
    asked += [f"{file}:children_and_temporary_files", str(place / "is_given_it.toml")]
    words = [word for name in asked for word in ("--design", name)]
    said = process(
        "run", "--task", "toy/colours", "--policy", toy_policy, "--budget", "quick", "--seeds", "1", "--json", "--workers", "2",
        "--out", place / "sweep", "--reward-timeout", "5", *words, PLANTED_TOKEN="12345", HOME=str(home), TMPDIR=str(temporary),
        XDG_CACHE_HOME=str(place / "cache"), REWARDBENCH_LIMITS="memory = 1, file = 0.05, files = 300",
    )
    return place, said


def test_each_breaks_its_own_run_with_code_6_in_one_line(broken):
    _, said = broken
    rows = {r["design"]: r for r in said.json["runs"]}
    assert said.code == 6, said.err
    assert "Traceback" not in said.err
    for name in set(rows) & set(BREAKS):
        reason = rows[name]["reasons"]["status"]
        assert rows[name]["status"] == "failed", name
        assert BREAKS[name] in reason
        assert "\n" not in reason
    assert len(set(rows) & set(BREAKS)) >= len(BREAKS) - len(LANDLOCK)


def test_the_others_are_done_and_a_design_gets_the_secret_that_it_names(broken):
    rows = {r["design"]: r for r in broken[1].json["runs"]}
    assert {n: rows[n]["status"] for n in (*WORKS, "untrained", "constant")} == dict.fromkeys((*WORKS, "untrained", "constant"), "done")
    assert rows["is_given_it"]["reward"]["end"] == len("12345")


def test_nothing_was_written_or_deleted_outside_and_the_level_is_recorded(broken):
    place, _ = broken
    local = disk.read_toml(place / "sweep" / "local.toml", "")
    assert local["policy"]
    assert {name for name in ABLE if not local["fence"].get(name)} == set()
    if "writes" in ABLE:
        assert sorted(p.name for p in (place / "home").iterdir()) == ["precious"]


def test_what_broke_is_recorded_whole(broken):
    """A child that came back would have written each row twice; a closed descriptor would have become a file."""
    place, said = broken
    for row in said.json["runs"]:
        folder = place / "sweep" / "runs" / row["run"]
        steps = [r["step"] for r in trace.rows(folder)]
        assert steps == list(range(len(steps)))
        assert trace.changed(folder) == []
        assert trace.status(folder)["content"] == trace.content_hash(folder)


def test_the_protection_is_not_spoken_of_where_it_is_whole(broken):
    assert "accident protection" not in broken[1].err


# --- a function apart ---------------------------------------------------------------------------------


def whole(x):
    return {"value": [x, None, "ä"]}


def raises():
    raise KeyError("colour")


def wrong():
    raise UserError("say it otherwise", 5)


def no_json():
    return {1, 2}


def exits():
    os._exit(4)


def hangs():
    import ctypes

    ctypes.PyDLL(None).sleep(1000)


def eats():
    mine = []
    while True:
        mine.append(bytearray(10**7))


def fills():
    with tempfile.TemporaryFile() as file:
        file.truncate(2 << 30)


def strays():
    with Path(__file__).open("a"):
        pass


def asks_outside():
    import socket

    socket.create_connection(("192.0.2.1", 9), 2)


def prints():
    print("words of its own")
    return 1


def environ():
    return sorted(os.environ)


SMALL = fence.Limits(memory=1.0, file=1.0)
ENDS = {
    raises: ("raised", "raises raised KeyError: 'colour'"), no_json: ("raised", "no_json raised TypeError"),
    exits: ("died", "exits ended its process (exit code 4)"), hangs: ("time", "hangs took more than 4 s"),
    eats: ("memory", "eats ran out of memory (limit 1 GiB"), fills: ("file", "fills wrote too large a file (limit 1 GiB"),
    strays: ("refused", "strays may not write 'test_fence.py'"),
}  # fmt: skip


@pytest.fixture
def away(monkeypatch, tmp_path):
    """Temporary files lie in a folder of the test's own, so that this checkout is outside of it wherever it is."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_a_value_comes_back_as_json_has_it():
    assert fence.apart(whole, (3,), SMALL) == {"value": [3, None, "ä"]}


@pytest.mark.parametrize("function", ENDS, ids=lambda f: f.__name__)
def test_what_goes_wrong_apart_is_a_typed_error(function, away):
    if function is strays and "writes" not in ABLE:
        pytest.skip("this kernel has no Landlock")
    how, line = ENDS[function]
    with pytest.raises(fence.Ended) as caught:
        fence.apart(function, (), SMALL, timeout=4 if function is hangs else 60)  # a loaded machine is slow to begin
    assert (caught.value.how, str(caught.value)[: len(line)]) == (how, line)
    assert isinstance(caught.value, RewardError)


def test_a_users_mistake_stays_one_with_its_code():
    with pytest.raises(UserError, match="say it otherwise") as caught:
        fence.apart(wrong, (), SMALL)
    assert caught.value.code == 5


def test_what_it_prints_is_not_on_stdout(capfd):
    assert fence.apart(prints, (), SMALL) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert "words of its own" in err


def test_a_secret_is_not_there_unless_it_is_named_and_the_caller_keeps_it(monkeypatch):
    monkeypatch.setenv("A_TOKEN", "x")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    seen = fence.apart(environ, (), SMALL)
    assert "A_TOKEN" not in seen
    assert "TOKENIZERS_PARALLELISM" in seen
    assert "A_TOKEN" in fence.apart(environ, (), fence.Limits(keep=("A_TOKEN",)))
    assert os.environ["A_TOKEN"] == "x"


def test_the_network_can_be_closed():
    if sys.platform != "linux":
        pytest.skip("only Linux can")
    closed = fence.Limits(network=False)
    level = fence.apart(fence.here, (), closed)
    assert level["network"] in ("namespace", "no tcp")
    with pytest.raises(fence.Ended, match=r"unreachable|Permission denied"):
        fence.apart(asks_outside, (), closed, timeout=20)


def test_a_level_is_what_was_tried():
    """A limit of 0 is none, and is said to be none."""
    level = fence.apart(fence.here, (), fence.Limits(memory=0, file=0, files=0, processes=0))
    assert not any(level[name] for name in ("memory", "file", "files", "processes"))
    assert fence.lower(level, fence.Limits(memory=0, file=0, files=0, processes=0)) == []
    assert {"file", "files"} <= set(fence.lower(level, fence.Limits()))


def test_it_cannot_be_put_up_twice_or_taken_down():
    code = (
        "import resource, sys\nfrom rewardbench import fence\nlimits = fence.Limits(memory=2.0)\nfence.put_up(limits)\n"
        "try:\n    fence.put_up(limits)\nexcept RuntimeError as error:\n    print(error)\n"
        "print(resource.getrlimit(resource.RLIMIT_DATA)[1] == 2 << 30)\n"
    )
    done = subprocess.run([*command()[:1], "-c", code], env=environment(), capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["this process has its fence already", "True"]


def test_a_secret_that_was_inherited_is_seen():
    """The names of a process's first environment stay readable: clearing them later is not enough, and is not said to be."""
    code = "from rewardbench import fence; import json, os\nprint(json.dumps([fence.put_up(fence.Limits())['secrets'], 'A_KEY' in os.environ]))"
    words = [*command()[:1], "-c", code]
    clean = {k: v for k, v in environment().items() if not fence.secret(k)}
    for more, held in (({}, True), ({"A_KEY": "1"}, not Path("/proc/self/environ").is_file())):
        done = subprocess.run(words, env=clean | more, capture_output=True, text=True, check=True)
        assert json.loads(done.stdout) == [held, False]


# --- what is asked ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "line"), [
    ("memroy = 3", "did you mean 'memory'"), ("memory = 0.5", "at least 1"), ("memory = 'much'", "is not a number"),
    ("files = 3", "at least 256"), ("memory 3", "is no list such as"), ("file = -1", "0 or above"),
])  # fmt: skip
def test_a_wrong_limit_is_one_line(text, line, monkeypatch):
    monkeypatch.setenv(fence.VARIABLE, text)
    with pytest.raises(UserError, match=line) as caught:
        fence.limits()
    assert caught.value.code == 2
    assert fence.VARIABLE in str(caught.value)


def test_limits_are_a_workers_share_and_room_for_any_checkpoint(monkeypatch, tmp_path):
    monkeypatch.delenv(fence.VARIABLE, raising=False)
    monkeypatch.setattr(bounds, "memory", lambda: 100 << 30)
    assert fence.limits(2).memory == pytest.approx(40)
    assert fence.limits(64).memory == fence.LEAST_MEMORY
    assert fence.limits(weights=1 << 30).file >= 3 * 4 * 2, "weights, and two moments, in float32, of 4-bit weights"
    monkeypatch.setenv(fence.VARIABLE, f"memory = 7, write = ['{tmp_path}']")
    assert fence.limits(2, 0, [ROOT]).memory == 7
    assert fence.limits(2, 0, [ROOT]).write == (str(ROOT), str(tmp_path))


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "hf_token", "AWS_SECRET_ACCESS_KEY", "GITHUB_PAT", "MYSQL_PWD", "X_CREDENTIALS"])
def test_names_of_secrets(name):
    assert fence.secret(name)


@pytest.mark.parametrize("name", ["PATH", "PWD", "OLDPWD", "MONKEY_BARS", "TOKENIZERS_PARALLELISM", "KEYMAP", "AUTHOR", "PATTERN"])
def test_names_of_none(name):
    assert not fence.secret(name)


def test_a_part_that_forks_and_waits_for_its_children_costs_no_wait():
    def forks():
        child = multiprocessing.get_context("fork").Process(target=int)
        child.start()
        child.join()

    begun = time.monotonic()
    for _ in range(4):
        with fence.watched("part 'mine'"):
            forks()
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize("card", [True, False])
def test_where_there_is_a_card_the_folders_that_kernels_are_compiled_into_are_made(tmp_path, monkeypatch, card):
    whole = Path.glob

    def seen(self, pattern, **how):
        return iter([Path("/dev/null")] if card else []) if pattern.startswith("nvidia") else whole(self, pattern, **how)

    home, named = tmp_path / "home", tmp_path / "made" / "kernels"
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TRITON_CACHE_DIR", str(named))
    monkeypatch.setattr(Path, "glob", seen)
    places = landlock.writable([str(tmp_path)])
    assert {home / ".triton", named} & set(places) == ({home / ".triton", named} if card else set())


NAMES_ITS_THREADS = """
import json, os, threading
from rewardbench import fence
from rewardbench.fence import landlock

landlock.card_here = lambda: {card}
level = fence.put_up(fence.Limits(memory=8.0))
found = {{}}

def opened(name, place):
    try:
        os.close(os.open(place, os.O_RDWR))
        found[name] = True
    except PermissionError:
        found[name] = False

def inside():
    own = threading.get_native_id()
    opened("by itself", f"/proc/self/task/{{own}}/comm")
    opened("by number", f"/proc/{{os.getpid()}}/task/{{own}}/comm")
    opened("another process", f"/proc/{{os.getppid()}}/comm")
    opened("what else a thread has", f"/proc/self/task/{{own}}/oom_score_adj")
    opened("what else is there", "/proc/self/oom_score_adj")

for _ in range(2):  # what is made anew each time
    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
print(json.dumps([bool(level["writes"]), found]))
"""


@pytest.mark.parametrize("card", [True, False])
def test_a_cards_driver_may_name_its_threads_and_no_other_processs(card, tmp_path):
    """Drivers from 570 on open the names of their threads for writing as they start, and start no card without."""
    program = NAMES_ITS_THREADS.format(card=card)
    env = {**os.environ, "HOME": str(tmp_path)}  # where folders for compiled kernels are made
    said = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True).stdout
    held, found = json.loads(said)
    assert held is bool(landlock.abi_here())  # a kernel without it refuses nothing
    own = ("by itself", "by number", "what else a thread has")  # a rule is for a folder with all that is in it
    others = ("another process", "what else is there")
    assert found == {**dict.fromkeys(own, card or not held), **dict.fromkeys(others, not held)}
