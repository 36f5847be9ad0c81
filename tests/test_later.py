"""Does what the host does while a card computes change anything but how long it takes? Cards are made up here."""

import time
from pathlib import Path

import pytest
import torch
from making import make_policy
from sweeping import Killed
from test_packs import BROKEN, LORA, SHORT, planned

from rewardbench import loop, trace
from rewardbench.engine import send
from rewardbench.packs import Clock, Later
from rewardbench.policies.load import Policy
from rewardbench.types import GoldError

pytestmark = pytest.mark.usefixtures("toy")
PARTS = '''
from pathlib import Path

import torch

LOG = Path({log!r})


def told(completions, step, prompts):
    """Writes down whom it is asked of, and learns something of its own, as a judge may."""
    net = torch.nn.Linear(1, 1)
    net(torch.ones(1, 1)).sum().backward()
    assert net.weight.grad is not None
    with LOG.open("a") as log:
        log.write(f"{{step}} {{len(completions)}} {{hash((tuple(completions), tuple(prompts)))}}\\n")
    return [float(len(set(c))) for c in completions]


def stumbles(completions, step):
    """Breaks in training, after an evaluation whose completions are not judged yet."""
    with LOG.open("a") as log:
        log.write(f"{{step}} {{len(completions)}}\\n")
    if step == 1 and len(completions) != {evaluated}:
        raise ValueError("no more")
    return [float(len(c)) for c in completions]


def breaks(completions, step):
    """Breaks in the evaluation after the first step."""
    with LOG.open("a") as log:
        log.write(f"{{step}} {{len(completions)}}\\n")
    if step >= 1 and len(completions) == {evaluated}:
        raise ValueError("no more")
    return [float(len(c)) for c in completions]
'''


class Busy:
    """An event of a card that is asked so many times before it has happened."""

    def __init__(self, times: int) -> None:
        self.times, self.asked = times, 0

    def query(self) -> bool:
        self.asked += 1
        return self.asked > self.times

    def synchronize(self) -> None:
        self.asked = self.times


@pytest.fixture(scope="module")
def policy(tmp_path_factory) -> Path:
    return make_policy(tmp_path_factory.mktemp("lora"), settings=LORA.format(micro=4))


@pytest.fixture
def parts(tmp_path) -> Path:
    path = tmp_path / "parts.py"
    evaluated = SHORT["eval_prompts"] * SHORT["eval_samples"]
    path.write_text(PARTS.format(log=str(tmp_path / "log"), evaluated=evaluated))
    return path


@pytest.fixture
def card(monkeypatch) -> None:
    """Packs are made as for a card, and computed on this machine's processor."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (1 << 36, 1 << 36))
    monkeypatch.setattr(Policy, "device", property(lambda self: torch.device("cuda")))


@pytest.fixture
def drive(policy, parts, tmp_path, monkeypatch, card):
    """The folders of runs on a card that is `busy` for so many questions (None: the host does all at once), what parts
    were asked in order, and where jobs were done.
    """

    def driven(name, busy, designs=("told", "reference", "untrained"), again=False, algorithm="grpo", **options):
        log, where = tmp_path / "log", []
        log.unlink(missing_ok=True)
        three = planned(policy, tmp_path / f"{name}{again}", tuple(f"{parts}:{d}" if f"def {d}(" in PARTS else d for d in designs), algorithm, **options)
        some = Later.some

        def seen(later):
            did = some(later)
            where.append("waiting" if did and torch.is_inference_mode_enabled() else "else" if did else "nothing")
            return did

        with monkeypatch.context() as patch:
            patch.setattr(Later, "some", seen)
            if busy is None:
                patch.setattr(Later, "put", lambda later, job, pays=False: job())
            else:
                patch.setattr(send, "made", lambda device: Busy(busy))
            if again:  # what a resume does
                folders = [tmp_path / name / "runs" / spec.design.name for spec in three.specs]
                loop.run_pack(three.specs, folders, three.policy, lambda event: None, 9.0, three.sources)
            else:
                folders = three.drive(tmp_path / name / "runs")
        return folders, log.read_text().splitlines() if log.exists() else [], where

    return driven


@pytest.mark.parametrize("busy", [0, 1, 3, 10**6])
def test_a_run_is_the_same_bit_for_bit_however_long_a_card_is_busy(drive, busy):
    plain, asked, _ = drive("plain", None)
    folders, asked_too, where = drive("busy", busy)
    assert [trace.status(f)["status"] for f in folders] == ["done"] * 3
    assert [trace.status(f)["content"] for f in folders] == [trace.status(f)["content"] for f in plain]
    assert asked_too == asked  # parts are called as often, in the same order, with the same
    assert len(asked) >= 4 + 3
    assert ("waiting" in where) == (busy > 0)


def test_a_part_that_breaks_in_an_evaluation_teaches_nothing_any_more(drive):
    """Its completions of the next step were sampled already."""
    plain, asked, _ = drive("plain", None, ("breaks", "reference", "untrained"))
    for busy in (0, 10**6):
        folders, asked_too, _ = drive(f"busy{busy}", busy, ("breaks", "reference", "untrained"))
        assert asked_too == asked
        assert [trace.status(f)["status"] for f in folders] == ["failed", "done", "done"]
        assert [r["step"] for r in trace.rows(folders[0])] == [0]
        for one, other in zip(folders, plain, strict=True):
            told, before = trace.status(one), trace.status(other)
            assert {k: told.get(k) for k in ("content", "reason", "code")} == {k: before.get(k) for k in ("content", "reason", "code")}


@pytest.mark.parametrize("busy", [0, 1, 3, 10**6])
@pytest.mark.parametrize("where", ["", "ask", "advantages", "loss", "end", "pick"])
def test_a_run_that_ends_in_a_step_keeps_the_evaluation_before_it(drive, busy, where, tmp_path):
    """Also where the algorithm breaks; its file is the same bit for bit."""
    path = tmp_path / "broken.py"
    path.write_text(BROKEN)
    how = {"algorithm": f"{path}:Picky", "where": where} if where else {}
    designs = ("constant", "reference", "untrained") if where else ("stumbles", "reference", "untrained")
    plain, asked, _ = drive("plain", None, designs, **how)
    folders, asked_too, _ = drive("busy", busy, designs, **how)
    assert asked_too == asked
    assert trace.status(folders[0])["status"] == "failed"
    assert [trace.status(f)["content"] for f in folders] == [trace.status(f)["content"] for f in plain]
    if not where:
        assert [p.stem for p in trace.evaluations(folders[0])] == ["000000", "000001"]


def test_what_nobody_waits_for_is_done_before_the_next_step(drive):
    """Where no run learns no card is waited for."""
    (plain,), _, _ = drive("plain", None, ("untrained",))
    (folder,), _, _ = drive("busy", 0, ("untrained",))
    assert trace.status(folder)["content"] == trace.status(plain)["content"]


@pytest.mark.parametrize("busy", [0, 1, 3, 10**6])
def test_gold_that_breaks_ends_its_run_before_the_step_is_written(drive, monkeypatch, busy):
    """And not before it has learnt: what is learnt together follows from who is there."""
    from rewardbench import record

    judge, broken = record.judge, []

    def breaking(*asked):
        if broken:
            raise GoldError("gold broke")
        return judge(*asked)

    step = loop._step

    def armed(pack):
        broken.extend([1] * (pack.step >= 1))
        step(pack)

    monkeypatch.setattr(loop, "_step", armed)
    monkeypatch.setattr(record, "judge", breaking)
    folders, asked, _ = drive("busy", busy)
    assert [line.split()[:2] for line in asked] == [["0", "16"], ["0", "12"], ["1", "16"], ["1", "12"]]
    for folder in folders[:2]:
        assert trace.status(folder)["reason"] == "gold broke"
        assert [r["step"] for r in trace.rows(folder)] == [0]


@pytest.mark.parametrize("at", [1, 2])
def test_a_kill_while_an_evaluation_waits_loses_nothing(drive, monkeypatch, tmp_path, at):
    plain, _, _ = drive("plain", None)
    gather = loop._gather

    def killed(pack, clock):
        if pack.step == at:
            raise Killed
        return gather(pack, clock)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "_gather", killed)
        with pytest.raises(Killed):
            drive("busy", 10**6)
    written = [path.stem for path in (tmp_path / "busy" / "runs").glob("reference/evals/*.parquet")]
    assert f"{at - 1:06d}" in written
    assert f"{at:06d}" not in written
    again, _, _ = drive("busy", 10**6, again=True)
    assert [trace.status(f)["content"] for f in again] == [trace.status(f)["content"] for f in plain]


def test_jobs_are_done_in_order_and_those_that_pay_come_before_training_pays():
    did = []
    later = Later(beside=True)
    for n, pays in enumerate([True, True, False, False]):
        later.put(lambda n=n: did.append(n), pays=pays)
    assert did == []
    later.settle(paying=True)
    assert did == [0, 1]
    assert later.some()
    later.put(lambda: did.append(4), pays=True)  # what comes before it is done before it
    later.settle(paying=True)
    assert did == [0, 1, 2, 3, 4]
    assert not later.some()
    later.settle()
    assert did == [0, 1, 2, 3, 4]
    at_once = Later()
    at_once.put(lambda: did.append(5))
    assert did[-1] == 5


def test_what_jobs_take_is_booked_for_the_evaluation_that_left_them():
    later = Later(beside=True)
    evaluation = Clock(later)
    evaluation.mark("evaluate")
    later.put(lambda: spend(0.05))
    step = Clock(later)
    later.some()  # while a card was waited for
    spend(0.02)
    step.mark("sample")
    evaluation.left("evaluate")
    assert 0.05 <= evaluation.spent["evaluate"] < 0.065
    assert evaluation.spent["evaluate_wall"] < 0.01  # nobody waited for it
    assert 0.02 <= step.spent["sample"] < 0.035
    assert step.spent["sample_wall"] >= 0.07
    other = Clock(later)
    later.put(lambda: spend(0.03))
    later.put(lambda: other.left("evaluate"))  # the last job writes it down
    later.settle()
    other.mark("reward")
    assert other.spent["reward_wall"] < 0.01
    assert other.spent["evaluate_wall"] >= 0.03


def spend(seconds):
    """CPU seconds."""
    begun = time.process_time()
    while time.process_time() - begun < seconds:
        pass
