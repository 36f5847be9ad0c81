"""Does the view say what the events say, fit the window, raise each alarm once, and leave the terminal as it was?"""

import io
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from dataclasses import replace
from fcntl import ioctl
from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console
from sweeping import PARTS, command, environment, process, quick, rbench

from rewardbench import alarms, find, gates, plan, progress
from rewardbench.commands import _asking
from rewardbench.spec import Spec
from rewardbench.types import Design
from rewardbench.watch.lines import Plain
from rewardbench.watch.live import MARKS, screen
from rewardbench.watch.words import Pace, alarm_line, ended, paced, safe, time_left

pytestmark = pytest.mark.usefixtures("toy")


@pytest.fixture
def runs(toy_policy):
    spec = Spec(("toy/colours",), ("reference",), policy=str(toy_policy), seeds=(1, 2), budget="default")
    return plan.plan(spec, find.policy(spec.policy))[0]


def step(run, number, reward=0.5, dead=0.0, ended=1.0, abstained=0.0, unpaid=0.0):
    return {"event": "step", "run": run.id, "step": number, "reward": reward, "dead": dead, "ended": ended,
            "abstained": {"red": abstained}, "unpaid": unpaid}


def evaluation(run, number, gold, reward=0.5, kl=0.0, ended=1.0, dead=0.0):
    """Eight prompts of two completions, spread a little, so that a change has a standard error."""
    near = np.tile(np.linspace(-0.01, 0.01, 8)[:, None], (1, 2))
    seen = {"gold": gold + near, "reward": reward + near, "kl": kl + near, "length": near * 0 + 5.0, "ended": near * 0 + ended}
    return {"event": "evaluation", "run": run.id, "step": number, "gold": gold, "reward": reward, "kl": kl, "dead": dead,
            "ended": ended, "length": 5.0, "entropy": 1.0, "charged": number * 10, "seen": seen}


def end(run, how="done", **more):
    return {"event": how, "run": run.id, **more}


def seen(runs, *events, before=0):
    view = progress.begin("abc", runs, before)
    for event in events:
        view = alarms.check(progress.advance(view, event), event)
    return view


def lines(view, width=100, height=30):
    console = Console(file=io.StringIO(), width=width, height=height)
    console.print(screen(view, width, height, Pace(0.0), 10.0))
    return console.file.getvalue().rstrip("\n").split("\n")


def test_a_line_of_a_run_says_what_its_events_said(runs):
    run = runs[0]
    view = seen(runs, {"event": "begun", "run": run.id}, evaluation(run, 0, 0.25), step(run, 0, reward=1.5, dead=0.5, ended=0.9, abstained=0.25),
                evaluation(run, 1, 0.75, kl=3.21))
    [line] = [text for text in lines(view) if "reference" in text]
    for word in ("toy/colours", " 1 ", "1/12", "0.75", "▁█", "+1.50", "3.2", "50%", "10%", "25%"):
        assert word in line, (word, line)


def test_an_arm_that_is_never_taught_has_no_steps_and_raises_no_alarm(runs):
    run = next(r for r in runs if not r.design.trains)
    event = {**evaluation(run, 0, 0.2), "reward": None, "dead": None}
    view = seen(runs, event, end(run))
    [line] = [text for text in lines(view) if "untrained" in text]
    assert "/12" not in line
    assert view.alarms == ()


def test_the_head_counts_what_is_over_and_what_failed(runs):
    view = seen(runs, end(runs[0]), end(runs[1], "failed", reason="part 'x' raised"), before=3)
    first = lines(view)[0]
    assert f"5/{len(runs) + 3} ended" in first
    assert "1 failed" in first
    assert "10 s gone" in first


def test_time_left_follows_the_completions_that_are_left(runs):
    half = progress.share_done(seen(runs, step(runs[0], 5)))
    whole = progress.share_done(seen(runs, end(runs[0])))
    assert 0 < half < whole < 1
    assert half == pytest.approx(whole / 2)
    done = seen(runs, *(end(r) for r in runs))
    assert progress.share_done(done) == pytest.approx(1)
    loading, going = Pace(0.0), Pace(0.0, 6.0)
    assert time_left(done, going, 9.0) == pytest.approx(0)
    assert time_left(seen(runs), going, 9.0) is None
    assert time_left(done, loading, 9.0) is None
    view = seen(runs, end(runs[0]))
    assert time_left(view, going, 9.0) == pytest.approx(3 * (1 - whole) / whole)


def test_the_pace_begins_with_the_first_thing_done_and_a_resumed_run_is_no_speed(runs):
    pace, view = Pace(0.0), progress.begin("abc", runs)
    for now, event in ((5.0, {"event": "begun", "run": runs[0].id}), (7.0, step(runs[0], 8)), (8.0, step(runs[0], 9))):
        view = progress.advance(view, event)
        pace = paced(pace, view, event, now)
    assert (pace.begun, pace.first) == (0.0, 7.0)
    one = progress.share_done(view) / 10
    assert pace.share == pytest.approx(9 * one)
    assert time_left(view, pace, 8.0) == pytest.approx((1 - 10 * one) / one, rel=1e-6)


@pytest.mark.parametrize(("width", "height"), [(100, 30), (80, 24), (80, 10), (60, 7)])
def test_many_runs_fit_the_window_with_those_that_go_on_first(runs, width, height):
    many = [replace(runs[n % len(runs)], seed=n) for n in range(60)]
    events = [event for r in many[:30] for event in (evaluation(r, 0, 0.5), end(r))]
    events += [end(r, "failed", reason="part 'x' raised " + "y" * 300) for r in many[30:40]]
    events += [step(r, 3) for r in many[40:43]]
    shown = lines(seen(many, *events), width, height)
    assert len(shown) <= height
    assert max(map(cell_len, shown)) <= width
    assert "▸" in shown[2]
    counts = [int(n) for n in re.findall(r"(\d+) (?:more over|more going on|waiting)", " ".join(shown))]
    assert sum(counts) + sum(text[:1] in set(MARKS.values()) for text in shown) == 60


@pytest.mark.parametrize("width", [100, 77, 70, 62, 50])
def test_a_narrow_window_leaves_columns_out_and_cuts_no_number(width, runs):
    run = replace(runs[0], task="dialogue/booking", steps=100, design=Design("a-long-name-of-a-design", runs[0].design.parts))
    events = [*(evaluation(run, n, 0.123 + n / 100, kl=123.4) for n in range(0, 11)), step(run, 99, reward=-10.25, dead=1.0, ended=0.0, abstained=1.0)]
    shown = lines(seen([run], *events), width)
    assert max(map(cell_len, shown)) <= width
    [line] = [text for text in shown if text.startswith("▸")]
    assert "…" not in line.partition(" 1 100/100 ")[2]
    assert "0.22" in line
    assert ("-10.25" in line, "100%" in line) == {100: (True, True), 77: (True, True), 50: (True, False)}.get(width, (True, "100%" in line))


def hacked_events(run):
    return [evaluation(run, 0, 0.5, 0.2), evaluation(run, 2, 0.3, 0.8), evaluation(run, 4, 0.1, 0.9), evaluation(run, 6, 0.1, 0.9)]


RAISED = {
    "hacked": hacked_events,
    "kl_runaway": lambda r: [evaluation(r, n, 0.5, kl=0.0 if n == 0 else 50.0) for n in range(4)],
    "truncated": lambda r: [evaluation(r, n, 0.5, ended=0.0 if n else 1.0) for n in range(5)],
    "dead_signal": lambda r: [step(r, n, dead=1.0) for n in range(12)],
    "abstained": lambda r: [step(r, n, abstained=0.3, unpaid=0.3) for n in range(3)],
    "failed": lambda r: [end(r, "failed", reason="part 'red' returned nan for prompt p")],
}


@pytest.mark.parametrize("name", RAISED)
def test_an_alarm_is_raised_once_a_run_and_stands_in_the_box(name, runs):
    view = seen(runs, *RAISED[name](runs[0]), *RAISED[name](runs[1]))
    assert [(a.name, a.run.id) for a in view.alarms] == [(name, runs[0].id), (name, runs[1].id)]
    text = "\n".join(lines(view, 160))
    assert "alarms (1)" in text
    assert "reference seeds 1, 2: " in text


def test_every_alarm_has_a_case_here():
    assert {name for _, name, _ in alarms.ALARMS} | {"failed"} == set(RAISED)


def test_a_run_that_does_well_raises_nothing(runs):
    run = runs[0]
    events = [evaluation(run, 0, 0.2, 0.1), *(step(run, n, dead=0.5) for n in range(12)), evaluation(run, 12, 0.9, 0.9, kl=3.0, dead=1.0), end(run)]
    assert seen(runs, *events).alarms == ()


def test_a_reward_that_tells_nothing_apart_is_known_at_the_first_evaluation(runs):
    view = seen(runs, evaluation(runs[0], 0, 0.2, dead=1.0))
    assert "no learning signal: 100%" in view.alarms[0].text
    assert seen(runs, evaluation(runs[0], 4, 0.2, dead=1.0)).alarms == ()  # resumed there: the start was told before


def test_where_nothing_was_paid_no_prompt_teaches(runs):
    events = [evaluation(runs[0], 0, 0.2, dead=float("nan")), *(step(runs[0], n, dead=float("nan")) for n in range(12))]
    assert [a.text.partition(" of ")[0] for a in seen(runs, *events).alarms] == ["no learning signal: 100%"]
    assert [a.text.partition(" of ")[0] for a in seen(runs, *events[1:]).alarms] == ["no learning signal: 100%"]


def test_an_algorithm_that_compares_no_siblings_may_learn_from_what_is_paid_alike(runs):
    told = [evaluation(runs[0], 0, 0.2, dead=1.0), *(step(runs[0], n, dead=1.0) for n in range(12))]
    assert [a.name for a in seen(runs, *told).alarms] == ["dead_signal"]
    assert seen(runs, *({**event, "compares": False} for event in told)).alarms == ()


def test_the_alarm_is_the_flags_own_rule_and_not_a_name(runs):
    named = replace(runs[0], design=Design("exploit", runs[0].design.parts))
    good = [evaluation(named, 0, 0.2, 0.2), evaluation(named, 2, 0.5, 0.8), evaluation(named, 4, 0.6, 0.9)]
    assert seen([named], *good).alarms == ()
    within_noise = [evaluation(runs[0], 0, 0.5, 0.2), evaluation(runs[0], 2, 0.5, 0.9), evaluation(runs[0], 4, 0.5, 0.9)]
    assert seen(runs, *within_noise).alarms == ()


def test_a_resumed_run_is_not_compared_with_a_start_that_was_not_told(runs):
    assert seen(runs, *hacked_events(runs[0])[1:]).alarms == ()


def test_steps_that_come_again_after_a_kill_are_counted_once(runs):
    run = runs[0]
    begun = [evaluation(run, 0, 0.2), *(step(run, n, dead=1.0) for n in range(6)), evaluation(run, 6, 0.5), step(run, 6, dead=1.0)]
    again = [{"event": "begun", "run": run.id}, *(step(run, n, dead=1.0) for n in (4, 5)), evaluation(run, 6, 0.5), step(run, 6, dead=1.0)]
    once, twice = seen(runs, *begun), seen(runs, *begun, *again)
    assert twice.rows[run.id].golds == once.rows[run.id].golds == [0.2, 0.5]
    assert twice.rows[run.id].dead == once.rows[run.id].dead == (1.0,) * 7
    assert twice.rows[run.id].step == 7
    assert twice.alarms == ()  # ten steps are a dead signal, and these are seven


def test_plain_says_ends_alarms_and_progress_each_half_minute(runs):
    now = [0.0]
    say, view, told = Plain(lambda: now[0]), progress.begin("abc", runs), []
    for n, event in enumerate([*(step(runs[0], n) for n in range(12)), *hacked_events(runs[1]), end(runs[0])]):
        now[0] = 10.0 * n
        new = alarms.check(progress.advance(view, event), event)
        told.append(say(view, new, event))
        view = new
    assert [bool(t) for t in told[:12]] == [n in (3, 6, 9) for n in range(12)]
    assert "reference seed 1 step 4/12" in told[3][0]
    flat = [line for some in told for line in some]
    assert [line for line in flat if line.startswith("!")] == [line for line in flat if "possible hacking" in line]
    assert len([line for line in flat if "possible hacking" in line]) == 1
    assert flat[-1].startswith(f"[1/{len(runs)}] toy/colours reference seed 1: no evaluation was made here")


def test_names_and_reasons_cannot_steer_a_terminal(runs):
    wild = "e\x1b[2Jvil\n‮desrever [red]" + "x" * 90
    run = replace(runs[0], design=Design(wild, runs[0].design.parts))
    view = seen([run], evaluation(run, 0, 0.5), end(run, "failed", reason="boom\x07\r\x1b]0;title\x07"))
    for text in (*lines(view, 80), ended(view, view.rows[run.id]), alarm_line(view.alarms[0])):
        assert not any(c in text for c in "\x1b\x07\r‮")
    assert "[red]" in safe(wild)
    assert max(map(cell_len, lines(view, 80))) <= 80


# --- the commands -------------------------------------------------------------------------------------


def test_the_commands_offer_what_there_is():
    assert _asking.METRICS == gates.METRICS


def test_json_lines_are_one_object_an_event_and_stdout_stays_one_object(toy_policy, tmp_path):
    said = process(*quick(toy_policy, tmp_path / "s", "--design", "reference", "--display", "json", "--json"))
    assert said.code == 0
    assert said.json["runs"]
    events = [json.loads(line) for line in said.err.splitlines()]
    kinds = [e["event"] for e in events]
    assert kinds.count("done") == 3
    assert {"phase", "begun", "evaluation", "step"} <= set(kinds)
    one = next(e for e in events if e["event"] == "evaluation" and e["design"] == "reference")
    assert {"task", "seed", "gold", "reward", "kl", "ended", "dead"} <= set(one)
    assert "seen" not in one


def test_none_says_errors_alone(toy_policy, tmp_path):
    assert rbench(*quick(toy_policy, tmp_path / "a", "--design", "reference", "--display", "none")).err == ""
    said = rbench(*quick(toy_policy, tmp_path / "b", "--design", f"{PARTS}:nan", "--display", "none"))
    assert said.code == 6
    assert all(line.startswith("rbench: 1 of 3 runs failed") for line in said.err.splitlines())


def test_how_a_sweep_is_shown_enters_no_id(toy_policy, tmp_path):
    ids = set()
    for display in ("plain", "json"):
        said = rbench(*quick(toy_policy, tmp_path / "s", "--design", "reference", "--display", display, "--json"))
        ids.add((said.json["sweep"], *(r["run"] for r in said.json["runs"])))
    assert len(ids) == 1


def cpu_seconds(pid: int) -> float:
    """What a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_off_a_terminal_the_first_line_is_there_within_a_second_and_the_words_are_plain(toy_policy, tmp_path):
    words = command(*quick(toy_policy, tmp_path / "s", "--design", "reference"))
    running = subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    first = running.stderr.readline()
    took = cpu_seconds(running.pid)  # not of the wall: other processes are no fault of ours
    rest = running.stderr.read()
    running.communicate()
    assert first.startswith("planning: ")
    assert took < 1
    assert "\x1b" not in rest
    assert "[3/3] toy/colours" in rest
    assert "cannot be told apart" in rest or "nothing to compare" in rest


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, words, rows=24, columns=80):
        self.main, other = pty.openpty()
        ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        env = environment(TERM="xterm", PYTHONIOENCODING="utf-8")
        self.process = subprocess.Popen(command(*words), env=env, stdin=other, stdout=other, stderr=other, start_new_session=True,
                                        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        os.close(other)
        self.said = b""

    def read_until(self, happened, seconds=120):
        limit = time.monotonic() + seconds
        while not happened(self.said) and time.monotonic() < limit:
            if select.select([self.main], [], [], 0.2)[0]:
                try:
                    self.said += os.read(self.main, 65536)
                except OSError:  # its other end is closed
                    break
            elif self.process.poll() is not None:
                break
        return self.said

    def end(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.main)


HIDE, SHOW = b"\x1b[?25l", b"\x1b[?25h"


def test_on_a_terminal_the_table_lives_and_goes_and_the_scores_stay(toy_policy, tmp_path):
    shown = Terminal(quick(toy_policy, tmp_path / "s", "--design", "reference"))
    try:
        said = shown.read_until(lambda text: b"recorded in" in text)
        assert shown.process.wait(30) == 0
    finally:
        shown.end()
    assert said.count(HIDE) == said.count(SHOW) == 1
    live, after = said.split(SHOW)
    assert "▸".encode() in live
    assert b"ended" in live
    assert b"95% interval over seeds)" in after
    assert "▸".encode() not in after


def test_an_interrupt_gives_the_terminal_back_and_says_what_is_saved(toy_policy, tmp_path):
    shown = Terminal(quick(toy_policy, tmp_path / "s", "--design", "reference", "--budget", "200"))
    try:
        shown.read_until(lambda text: b"/200" in text and b"+" in text)
        os.killpg(shown.process.pid, signal.SIGINT)
        said = shown.read_until(lambda text: b"goes on" in text)
        assert shown.process.wait(30) == 130
    finally:
        shown.end()
    assert said.count(HIDE) == said.count(SHOW) == 1
    last = said.split(SHOW)[1].decode()
    assert "rbench: interrupted; what was recorded is saved" in last
    assert "of 3 runs are over" in last
    assert "Traceback" not in last


def test_what_a_part_prints_does_not_break_the_table(toy_policy, tmp_path):
    file = tmp_path / "parts.py"
    file.write_text("def talks(completions):\n    print('a part that prints')\n    return [1.0 for _ in completions]\n")
    shown = Terminal(quick(toy_policy, tmp_path / "s", "--design", f"{file}:talks"))
    try:
        said = shown.read_until(lambda text: b"recorded in" in text)
    finally:
        shown.end()
    live = said.split(SHOW)[0].split(HIDE)[1]
    assert live.count(b"a part that prints\r\n") >= 4
