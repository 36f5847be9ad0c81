"""What happens to a run whose part, or whose gold, is broken? It fails, loudly and alone; nothing recorded is lost."""

import copy
import re

import numpy as np
import pytest
from sweeping import PARTS, one_line, process, rbench, task_of, toy_found

from rewardbench import trace
from rewardbench.calling import Bound, When, score
from rewardbench.judging import judge
from rewardbench.scoring import Contestant, pay, start
from rewardbench.types import Batch, Design, Gold, Part, Prompt, Task

pytestmark = pytest.mark.usefixtures("toy")

BROKEN = {
    "wrong_count": "'wrong_count' returned 1 scores for 128 completions",
    "text": "'text' returned 'good' for prompt",
    "nan": "'nan' returned nan for prompt",
    "raises": "'raises' raised KeyError: 'colour'",
    "leaves": "'leaves' raised SystemExit",
    "an_array_each": "'an_array_each' returned",
    "nothing": "'nothing' returned NoneType, not a list of 128 scores",
    "no_names": "'no_names' returned an empty mapping",
    "a_set": "'a_set' returned set, not a list",
    "huge": "pays more than a number can hold",
    "too_large": "'too_large' returned 1000",
    "too_much": "pays more than can be learnt from: 1e+300, beyond 1e+30",
    "words_as_ends": "its ends are no characters' places",
    "outside": "where no token stands",
    "naps": "'naps' gave no scores within 1 s",
    "sleeps_async": "'sleeps_async' gave no scores within 1 s",
}
GOOD = ("later", "segments", "several", "silent", "silent_later")
MORE = '''
"""More parts of the toy task, written by the test."""
import asyncio
import sys
import time

import numpy as np


def leaves(completions):
    sys.exit(0)


def an_array_each(completions):
    return np.zeros((len(completions), 2))


def nothing(completions):
    return None


def no_names(completions):
    return {}


def a_set(completions):
    return set(completions)


def huge(completions):
    return {"a": [1.7e308] * len(completions), "b": [1.7e308] * len(completions)}


def too_much(completions):
    return [1e300 if n % 2 else 0.0 for n, _ in enumerate(completions)]


def too_large(completions):
    return [10**400 for _ in completions]


def words_as_ends(completions):
    return [[("a", "b", 1.0)] for _ in completions]


def outside(completions):
    return [[(900, 901, 1.0)] for _ in completions]


def naps(completions):
    time.sleep(30)


async def sleeps_async(completions):
    await asyncio.sleep(30)


def silent(completions):
    return [None for _ in completions]


def silent_later(completions, step):
    return [1.0 if step < 3 else None for _ in completions]


def pay_late(completions, step):
    return [1.0 if step < 2 else float("nan") for _ in completions]


def talks(completions):
    import os
    print("a part that prints")
    os.write(1, b"and one that writes to descriptor 1\\n")
    os.system("echo and a child that does")
    return [1.0 for _ in completions]
'''


@pytest.fixture(scope="module")
def more(tmp_path_factory):
    path = tmp_path_factory.mktemp("parts") / "more.py"
    path.write_text(MORE)
    return path


def place(more, name):
    return f"{more if f'def {name}(' in MORE else PARTS}:{name}"


def flags(policy, out, *designs):
    named = [word for design in designs for word in ("--design", design)]
    return ("run", "--task", "toy/colours", "--policy", policy, "--budget", "quick", "--seeds", "1", "--json", "--out", out,
            "--reward-timeout", "1", *named)


@pytest.fixture(scope="module")
def broken(toy_policy, more, tmp_path_factory):
    """One sweep with every broken part and the good ones."""
    with toy_found():
        out = tmp_path_factory.mktemp("broken") / "sweep"
        return out, rbench(*flags(toy_policy, out, *(place(more, n) for n in [*BROKEN, *GOOD])))


def test_each_broken_part_fails_its_run_with_code_6_and_a_clear_line(broken):
    _, said = broken
    rows = {r["design"]: r for r in said.json["runs"]}
    assert said.code == 6
    assert "Traceback" not in said.err
    for name, line in BROKEN.items():
        assert rows[name]["status"] == "failed"
        assert "failed" in rows[name]["flags"]
        assert line in rows[name]["reasons"]["status"], name
        assert "\n" not in rows[name]["reasons"]["status"]
        assert line in said.err
        assert repr(name) in rows[name]["reasons"]["status"]


def test_a_part_that_asks_for_the_truth_is_refused_before_anything_runs(toy_policy, tmp_path):
    said = rbench(*flags(toy_policy, tmp_path / "out", f"{PARTS}:reads_truth", "reference"))
    assert said.code == 2
    one_line(said, "'reads_truth'", "'truth'")
    assert not (tmp_path / "out").exists()


def test_the_line_names_prompt_and_completion_where_one_is_to_blame(broken):
    rows = {r["design"]: r for r in broken[1].json["runs"]}
    for name in ("text", "nan", "too_large", "outside", "words_as_ends"):
        assert "prompt " in rows[name]["reasons"]["status"]
        assert "completion 0 (" in rows[name]["reasons"]["status"]


def test_the_line_names_the_call_where_the_whole_of_it_failed(broken):
    """A thousand calls a run: which of them raised, hung or came back with too few?"""
    rows = {r["design"]: r["reasons"]["status"] for r in broken[1].json["runs"] if r["status"] == "failed"}
    for name in ("raises", "leaves", "no_names", "naps", "sleeps_async"):
        assert " (a call for 128 completions, the first of prompt " in rows[name]
    for name in ("nothing", "a_set"):
        assert ", not a list of 128 scores, the first of prompt " in rows[name]
    assert "returned 1 scores for 128 completions, the first of prompt " in rows["wrong_count"]
    for name in ("huge", "too_much"):
        assert re.search(r"for prompt \S+, completion \d+ \('", rows[name]), rows[name]


def test_the_other_runs_go_on(broken):
    rows = {r["design"]: r for r in broken[1].json["runs"]}
    for name in (*GOOD, "untrained", "constant"):
        assert rows[name]["status"] == "done", rows[name]["reasons"]
        assert "failed" not in rows[name]["flags"]


def test_a_part_that_always_abstains_pays_nothing_and_says_so(broken):
    out, said = broken
    row = next(r for r in said.json["runs"] if r["design"] == "silent")
    assert row["reward"] == {"start": None, "end": None}
    steps = trace.rows(out / "runs" / row["run"])
    assert [s["abstained"]["silent"] for s in steps] == [1.0] * 4
    assert [s["reward"] for s in steps] == [None] * 4
    assert [s["dead"] for s in steps] == [1.0] * 4


def test_a_reward_that_goes_silent_is_null_at_the_end_and_not_a_crash(broken):
    row = next(r for r in broken[1].json["runs"] if r["design"] == "silent_later")
    assert row["reward"] == {"start": 1.0, "end": None}


def test_a_part_cannot_change_what_gold_and_the_record_see():
    batch = batch_of_one(("red", "cat"), {"keywords": ["red"]})
    before = copy.deepcopy(batch)

    def changes(completions, prompts, completion_ids, keywords):
        for message in completions:
            message[0]["content"] = "mine"
        for words in keywords:
            words.clear()
        for prompt in prompts:
            prompt[0]["content"] = "mine"
        return [1.0 for _ in completions]

    score(Bound("changes", changes, "messages"), batch, When("s", 0, 0.0), 9.0)
    assert batch.messages == before.messages
    assert batch.prompts == before.prompts


def test_a_part_is_announced_before_it_is_called_and_over_after_it():
    """Else the watchdog would take the sampling that follows for a hang of the part's."""
    told = []

    def speaks(completions):
        told.append("called")
        return [1.0 for _ in completions]

    made = Contestant(Design("d", (Part("speaks", "x.py:speaks"),)), (Bound("speaks", speaks),))
    pay(made, batch_of_one(("red", "cat")), When("s", 0, 0.0), start(made), 9.0, told.append)
    assert told == ["speaks", "called", ""]


@pytest.mark.parametrize("form", ["text", "messages"])
def test_a_pure_part_scores_equal_completions_once_and_any_other_part_all(form):
    given = []

    def counts(completions, hint):
        given.append((list(completions), list(hint)))
        return [float(len(str(c))) for c in completions]

    batch = batch_of_one(("red", "a cat", "red", "dog", "a cat"), {"hint": "x"})
    scores = [score(Bound("p", counts, form, pure=pure), batch, When("s", 0, 0.0), 9.0).scores for pure in (True, False)]
    np.testing.assert_array_equal(scores[0], scores[1])
    assert [len(c) for c, _ in given] == [3, 5]
    assert given[0][1] == ["x"] * 3


def batch_of_one(texts, columns=None):
    """One prompt with some completions of one token each."""
    ones = np.ones((1, len(texts), 1), dtype=bool)
    messages = tuple(({"role": "assistant", "content": text},) for text in texts)
    prompt = Prompt("a", messages=({"role": "user", "content": "Say red."},), columns=columns or {})
    return Batch((prompt,), ((1,),), ones * 1, ones * 0.0, ones, ones * 0, ones[..., 0], (tuple(texts),), (messages,),
                 (tuple(((0, len(text)),) for text in texts),))


def test_what_was_recorded_before_a_failure_stays(toy_policy, more, tmp_path):
    said = rbench(*flags(toy_policy, tmp_path, f"{more}:pay_late"))
    row = said.json["runs"][0]
    assert (said.code, row["status"]) == (6, "failed")
    folder = tmp_path / "runs" / row["run"]
    assert [s["step"] for s in trace.rows(folder)] == [0, 1]
    assert [p.stem for p in trace.evaluations(folder)] == ["000000", "000001"]
    assert row["gold"]["start"] is not None
    assert rbench("resume", tmp_path, "--json").code == 6
    assert trace.status(folder)["status"] == "failed"


def test_hanging_dying_and_talking_parts_in_a_pool(toy_policy, more, tmp_path):
    """A hang inside compiled code, a dead worker, and words on stdout; the pool goes on and stdout is one object."""
    stuck = tmp_path / "stuck.py"
    stuck.write_text(
        "import signal, time\n"
        "def blocks(completions):\n"
        "    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})\n"
        "    time.sleep(1000)\n"
    )
    words = flags(toy_policy, tmp_path / "s", f"{PARTS}:kills", f"{stuck}:blocks", f"{more}:talks")
    said = process(*words, "--workers", "1")
    rows = {r["design"]: r for r in said.json["runs"]}
    assert said.code == 6
    assert "worker died in part 'kills' (exit code 9)" in rows["kills"]["reasons"]["status"]
    assert "'blocks' gave no scores within 1 s" in rows["blocks"]["reasons"]["status"]
    for name in ("kills", "blocks"):
        assert " (a call for 128 completions, the first of prompt " in rows[name]["reasons"]["status"]
    assert {n: rows[n]["status"] for n in ("talks", "untrained", "constant")} == dict.fromkeys(
        ("talks", "untrained", "constant"), "done"
    )
    for name in ("kills", "blocks"):
        folder = tmp_path / "s" / "runs" / rows[name]["run"]
        assert trace.status(folder)["content"] == trace.content_hash(folder)
        assert (folder / "manifest.json").is_file()
        assert not (folder / "checkpoint").exists()
    assert "a part that prints" in said.err
    assert "and a child that does" in said.err


def test_a_file_that_cannot_be_imported_by_a_worker_fails_its_run_alone(toy_policy, tmp_path):
    """Though the parent could import it: its design broke, and the others go on."""
    file = tmp_path / "parts.py"
    file.write_text(
        "import multiprocessing\n"
        "if multiprocessing.parent_process() is not None:\n"
        "    raise OSError('no display')\n"
        "def shows(completions):\n    return [1.0 for _ in completions]\n"
    )
    said = process(*flags(toy_policy, tmp_path / "s", f"{file}:shows"), "--workers", "1")
    rows = {r["design"]: r for r in said.json["runs"]}
    assert said.code == 6
    assert rows["shows"]["status"] == "failed"
    assert rows["shows"]["reasons"]["status"] == "parts.py cannot be imported: OSError: no display (parts.py, line 3)"
    assert {rows[n]["status"] for n in ("untrained", "constant")} == {"done"}


@pytest.mark.slow
def test_a_part_that_shoots_its_process_is_tried_again_once_and_then_named(toy_policy, tmp_path):
    """From outside it looks like a worker killed for want of memory."""
    file = tmp_path / "parts.py"
    file.write_text("import os\ndef shoots(completions):\n    os.kill(os.getpid(), 9)\n")
    said = process(*flags(toy_policy, tmp_path / "s", f"{file}:shoots"), "--workers", "1")
    row = said.json["runs"][0]
    assert (said.code, row["status"]) == (6, "failed")
    assert "worker died in part 'shoots' (exit code -9)" in row["reasons"]["status"]


# --- a gold that is broken ----------------------------------------------------------------------------

GOLDS = {
    "float('nan')": "is nan, not a number in [0, 1]",
    "float('inf')": "is inf, not a number in [0, 1]",
    "1.5": "is 1.5, not a number in [0, 1]",
    "-0.25": "is -0.25, not a number in [0, 1]",
    "None": "is None, not a number in [0, 1]",
    "'0.5'": "is '0.5', not a number in [0, 1]",
    "{}['colour']": "raised KeyError: 'colour'",
}
KINDS = {"3": "is 3, not a text", "None": "is None, not a text", "{}['colour']": "raised KeyError: 'colour'"}
CASES = [("gold", said, line) for said, line in GOLDS.items()] + [("kind", said, line) for said, line in KINDS.items()]


@pytest.mark.parametrize(("function", "said", "line"), CASES, ids=[f"{f}-{s}" for f, s, _ in CASES])
def test_a_gold_that_is_none_fails_its_runs_and_no_other(function, said, line, toy_policy, tasks, tmp_path):
    """From the first evaluation on: what `untrained` says is enough to find it."""
    broken = task_of(tasks, f"{function}{abs(hash(said))}", gold=f"def {function}(prompt, completion):\n    return {said}")
    words = ("run", "--task", broken, "--task", "toy/colours", "--policy", toy_policy, "--budget", "quick", "--seeds", "1")
    done = rbench(*words, "--design", "constant", "--json", "--out", tmp_path / "s")
    assert done.code == 6, done.err
    assert "Traceback" not in done.err
    for row in done.json["runs"]:
        if row["task"] == "toy/colours":
            assert row["status"] == "done"
            continue
        reason = row["reasons"]["status"]
        assert row["status"] == "failed"
        assert reason.startswith(f"{function} of task {broken!r} for prompt ")
        assert "completion 0 (" in reason
        assert line in reason
        assert bool(re.search(r" \(gold.py, line \d+\)$", reason)) == ("raised" in line)
        assert "\n" not in reason
        assert trace.status(tmp_path / "s" / "runs" / row["run"])["code"] == 6


def test_the_oracle_fails_where_gold_does(toy_policy, tasks, tmp_path):
    """Its reward is gold, and it meets training prompts that no evaluation asks for."""
    lines = "def gold(prompt, completion):\n    return 0.5 if prompt.id in DEV else float('nan')\n"
    code = "from itertools import islice\nfrom .task import prompts\nDEV = {p.id for p in islice(prompts('dev', 1), 99)}\n"
    broken = task_of(tasks, "for-the-oracle", gold=code + lines)
    words = ("run", "--task", broken, "--policy", toy_policy, "--budget", "quick", "--seeds", "1")
    done = rbench(*words, "--design", "oracle", "--json", "--out", tmp_path / "s")
    rows = {r["design"]: r for r in done.json["runs"]}
    assert done.code == 6
    assert rows["oracle"]["status"] == "failed"
    assert "gold of task 'toy/for-the-oracle' for prompt " in rows["oracle"]["reasons"]["status"]
    assert {rows[n]["status"] for n in ("untrained", "constant")} == {"done"}


@pytest.mark.parametrize("value", [True, np.float32(0.5), np.array(1.0), 0, 1])
def test_a_gold_may_be_any_kind_of_number(value):
    batch = batch_of_one(("red",))
    made = Gold(lambda prompt, completion: value, lambda prompt, completion: "a", 0.5)
    assert judge(made, Task(lambda split, seed: iter(()), 3), batch, 0, 0) == (float(value), "a")
