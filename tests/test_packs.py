"""Is a run in a pack of three, from the first prompt to the last file, the run it would be alone, and does a kill lose nothing?"""

import json
import random
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from making import make_policy
from sweeping import COVERED, PARTS, Killed, toy_found

from rewardbench import admission, disk, loop, packs, readings, record, sweep, tables, trace, worker
from rewardbench.engine import forward, learn
from rewardbench.packs import checkpoints, opening
from rewardbench.plan import RunSpec
from rewardbench.policies.settings import Folder, file_digest
from rewardbench.spec import Spec
from rewardbench.types import Prompt, UserError

pytestmark = pytest.mark.usefixtures("toy")
SEAMS = Path(__file__).parent / "seam_algorithms.py"
THREE = ("reference", f"{PARTS}:red", "random")
LORA = 'kind = "lora"\nrank = 4\nalpha = 8.0\nlearning_rate = 3e-2\nP = 3\nK = 4\nmicro = {micro}\n[steps]\nquick = 3\n'
SHORT = {"P": 3, "points": (0, 1, 2, 3), "eval_prompts": 4, "eval_samples": 4, "temperatures": (0.5, 1.0), "grid_samples": 4}
BROKEN = '''
from dataclasses import dataclass

import numpy as np

from rewardbench.algorithms.grpo import Grpo


def late(completions, step):
    return [1.0 if step < 2 else float("nan") for _ in completions]


def picky(batch):
    """Raises where everything is paid alike."""
    if float(np.ptp(np.asarray(batch.reward))) == 0:
        raise ValueError("all alike")


@dataclass(frozen=True)
class Picky(Grpo):
    where: str = ""

    def ask(self, state, draw):
        batch = yield from super().ask(state, draw)
        if self.where == "ask":
            picky(batch)
        return batch

    def advantages(self, batch, state):
        if self.where == "advantages":
            picky(batch)
        return super().advantages(batch, state)

    def loss(self, now, batch, advantages, state):
        if self.where == "loss":
            picky(batch)
        return super().loss(now, batch, advantages, state)

    def end(self, batch, state):
        if self.where == "end":
            picky(batch)
        return state

    def pick(self, batch):
        if self.where == "pick":
            picky(batch)
        return super().pick(batch)
'''


@dataclass(frozen=True)
class Planned:
    """Runs that can be driven together, in any company."""

    specs: list[RunSpec]
    policy: Folder
    sources: Path

    def drive(self, out, *chosen):
        """The folders of the chosen runs (all by default), trained in one pack."""
        specs = [self.specs[i] for i in chosen or range(len(self.specs))]
        folders = [out / spec.design.name for spec in specs]
        for spec, folder in zip(specs, folders):
            trace.create(folder, spec.as_dict())
        loop.run_pack(specs, folders, self.policy, lambda event: None, 9.0, self.sources)
        return folders


@pytest.fixture(scope="module")
def policies(tmp_path_factory):
    """Adapters on a random Llama, learnt from in one piece and in pieces of four."""
    return {m: make_policy(tmp_path_factory.mktemp("lora"), settings=LORA.format(micro=m)) for m in (0, 4)}


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    path = tmp_path_factory.mktemp("broken") / "broken.py"
    path.write_text(BROKEN)
    return path


def planned(policy, out, designs=THREE, algorithm="grpo", seed=1, **options):
    spec = Spec(("toy/colours",), designs, str(algorithm), options, str(policy), (seed,), "quick")
    made = sweep.prepare(spec, out / "sweep", None)
    return Planned([replace(r, **SHORT) for r in made.runs[: len(designs)]], made.policy, made.folder / "sources")


def final_texts(folder):
    return trace.read_evaluation(folder / "evals" / "000003.parquet")["text"]


def alike(one, other):
    """Two folders of a run: the same to rounding up to the first update, and nearly always after it."""
    a, b = (trace.read_evaluation(f / "evals" / "000000.parquet") for f in (one, other))
    assert set(a) == set(b)
    for column in ("prompt", "text", "gold", "reward", "kind", "picked"):
        assert list(a[column]) == list(b[column]) or np.array_equal(a[column], b[column], equal_nan=True), column
    np.testing.assert_allclose(a["entropy"], b["entropy"], atol=1e-5)
    rows, others = trace.rows(one), trace.rows(other)
    assert len(rows) == len(others)
    for key in rows[0] if rows else ():
        if key in ("loss", "norm", "drift", "entropy"):
            assert rows[0][key] == pytest.approx(others[0][key], abs=2e-5, rel=1e-3), key
        else:
            assert rows[0][key] == others[0][key], key
    assert (final_texts(one) == final_texts(other)).mean() > 0.8 if rows else True


@pytest.mark.parametrize(
    ("algorithm", "micro", "options"),
    [("grpo", 0, {}), ("grpo", 4, {"minibatches": 2, "passes": 2}), (f"{SEAMS}:Resample", 4, {"minibatches": 2}),
     (f"{SEAMS}:Critic", 0, {}), ("best_of_n", 0, {})],
    ids=["grpo", "pieces", "resample", "critic", "best_of_n"],
)
def test_three_designs_in_a_pack_are_the_three_alone(policies, tmp_path, algorithm, micro, options):
    designs = (*THREE[:2], "untrained")
    three = planned(policies[micro], tmp_path, designs, algorithm, **options)
    together = three.drive(tmp_path / "together")
    for i, folder in enumerate(together):
        [alone] = three.drive(tmp_path / "alone", i)
        alike(folder, alone) if i < 2 else same_untrained(folder, alone)
        for name in ("parameters", "trained"):
            assert trace.status(folder)[name] == trace.status(alone)[name]
        assert 0 < trace.status(alone)["trained"] < trace.status(alone)["parameters"] / 2


@pytest.mark.parametrize(("status", "flops"), [({"parameters": 100}, 200 * 17 + 600 * 5), ({"parameters": 100, "trained": 10}, 200 * 17 + (360 + 60) * 5)])
def test_a_parameter_that_does_not_move_costs_less_to_train_with(status, flops):
    rows = [{"context": 5, "length": 3.0, "completions": 4, "taught_tokens": 5}]
    assert tables._flops(SimpleNamespace(status=status, rows=rows)) == flops


def test_no_pass_reads_more_completions_than_a_policy_says(policies, tmp_path, monkeypatch):
    """Logits over 50,000 words of all that an evaluation sampled are more than many a machine has."""
    held, whole = [], forward.forward

    def counted(policy, stacked, batches, *needs):
        held.append(max(int(np.prod(b.ids.shape[:2])) for b in batches if b is not None))
        return whole(policy, stacked, batches, *needs)

    for module in (forward, learn):
        monkeypatch.setattr(module, "forward", counted)
    planned(policies[4], tmp_path).drive(tmp_path / "runs")
    assert set(held) == {4}
    assert len(held) > 3 * 3  # three steps of three prompts, and evaluations


def same_untrained(one, other):
    assert [p.stem for p in trace.evaluations(one)] == [p.stem for p in trace.evaluations(other)] == ["000000", "final"]
    a, b = (trace.read_evaluation(f / "evals" / "final.parquet") for f in (one, other))
    assert list(a["text"]) == list(b["text"])
    assert (a["kl"][a["temperature"] == 1.0] == 0).all()


def test_seeds_in_one_pack_are_the_seeds_alone(policies, tmp_path):
    first, second = (planned(policies[0], tmp_path / str(seed), THREE[:1], seed=seed) for seed in (1, 2))
    both = replace(first, specs=[first.specs[0], replace(second.specs[0], design=replace(second.specs[0].design, name="two"))])
    together = both.drive(tmp_path / "together")
    for i, folder in enumerate(together):
        alike(folder, both.drive(tmp_path / "alone", i)[0])


def test_cpu_seconds_are_booked_once(policies, tmp_path):
    three = planned(policies[0], tmp_path)
    start = time.process_time()
    folders = three.drive(tmp_path / "together")
    spent = time.process_time() - start
    booked = [sum(row.get(k, 0.0) for row in trace.rows(f, "timing.jsonl") for k in ("sample", "reward", "learn", "evaluate"))
              for f in folders]
    assert 0 < sum(booked) <= spent


def closed(folder, code):
    """A failed run's folder keeps the contract of a finished one."""
    status = trace.status(folder)
    assert (status["status"], status["code"]) == ("failed", code)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["content"] == status["content"] == trace.content_hash(folder)
    there = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    assert manifest["files"] == {n: file_digest(p) for n, p in there.items() if n not in ("manifest.json", "status.json")}
    assert not (folder / "checkpoint").exists()


def test_a_broken_part_fails_its_run_and_the_others_go_on_unchanged(policies, broken, tmp_path):
    three = planned(policies[0], tmp_path, (THREE[0], f"{broken}:late", THREE[2]))
    first, failed, last = three.drive(tmp_path / "together")
    closed(failed, 6)
    assert "'late'" in trace.status(failed)["reason"]
    assert [r["step"] for r in trace.rows(failed)] == [0, 1]
    for i, folder in ((0, first), (2, last)):
        assert trace.status(folder)["status"] == "done"
        alike(folder, three.drive(tmp_path / "alone", i)[0])


@pytest.mark.parametrize("where", ["ask", "advantages", "loss", "end", "pick"])
def test_an_algorithm_that_raises_fails_that_run_alone(policies, broken, tmp_path, where):
    three = planned(policies[4], tmp_path, (THREE[0], "constant", THREE[2]), f"{broken}:Picky", where=where)
    first, failed, last = three.drive(tmp_path / "together")
    closed(failed, 6)
    assert "ValueError: all alike (broken.py, line" in trace.status(failed)["reason"]
    assert trace.rows(failed) == []
    for i, folder in ((0, first), (2, last)):
        assert trace.status(folder)["status"] == "done"
        alike(folder, three.drive(tmp_path / "alone", i)[0])


def test_a_pack_that_breaks_as_a_whole_closes_every_run_of_it(policies, tmp_path, monkeypatch, capsys):
    three = planned(policies[0], tmp_path)
    evaluate, said = loop.evaluate, []

    def breaks(pack, *readings):
        evaluate(pack, *readings)
        if pack.step == 1:
            raise RuntimeError("our own fault")

    monkeypatch.setattr(loop, "evaluate", breaks)
    folders = [made(tmp_path / "r" / spec.design.name, spec) for spec in three.specs]
    worker.do_pack(three.specs, folders, three.policy, said.append, 9.0, three.sources)
    for folder in folders:
        closed(folder, 1)
        assert len(trace.rows(folder)) == 1
    assert [event["event"] for event in said[-4:]] == ["failed", "failed", "failed", "free"]
    assert "Traceback" in capsys.readouterr().err


def test_new_tensors_are_not_filled_before_they_are_written(policies, tmp_path, monkeypatch):
    """As deterministic algorithms would have it."""
    three = planned(policies[0], tmp_path)
    folders = [made(tmp_path / "r" / spec.design.name, spec) for spec in three.specs]
    seen = []

    def watched(*args):
        filling = torch.utils.deterministic.fill_uninitialized_memory
        seen.append((torch.are_deterministic_algorithms_enabled(), filling))

    monkeypatch.setattr(loop, "run_pack", watched)
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)
    worker.do_pack(three.specs, folders, three.policy, lambda event: None, 9.0, three.sources)
    assert seen == [(True, False)]


def test_what_the_environment_lacks_stops_the_pack(policies, tmp_path):
    three = planned(policies[0], tmp_path)
    pack = packs.open_pack(three.specs[:1], [made(tmp_path / "r", three.specs[0])], three.policy, print, 9.0, three.sources)
    with pytest.raises(UserError), packs.failing(pack, pack.runs[0]):
        raise UserError("the disk is full", 4)
    assert trace.status(tmp_path / "r")["status"] == "partial"


def made(folder, spec):
    trace.create(folder, spec.as_dict())
    return folder


# --- kills ---------------------------------------------------------------------------------------


def moments(monkeypatch, at=None, how="before"):
    """Everything done to the disk, in order, as (what, folder); the process ends at moment number `at`."""
    done = []

    def wrapped(what, act, folder_of):
        def acting(*args, **more):
            folder = folder_of(*args)
            done.append((what, folder.name))
            stop = at is not None and len(done) - 1 == at
            if stop and how == "torn":
                tear(what, *args)
            if stop and how != "after":
                raise Killed
            result = act(*args, **more)
            if stop:
                raise Killed
            return result
        return acting

    for name in ("write_checkpoint", "keep_checkpoint", "append", "write_evaluation", "set_status", "close"):
        monkeypatch.setattr(trace, name, wrapped(name, getattr(trace, name), lambda folder, *_: folder))
    monkeypatch.setattr(shutil, "rmtree", wrapped("rmtree", shutil.rmtree, lambda path: path.parent))
    return done


def tear(what, folder, *args):
    """Half of it reaches the disk."""
    if what == "append":
        with (folder / args[0]).open("ab") as file:
            file.write(disk.dumps(args[1]).encode()[:9])
    if what in ("write_checkpoint", "write_evaluation"):
        (folder / "evals").mkdir(exist_ok=True)
        (folder / "evals" / "x.parquet.tmp").write_bytes(b"half")


def bytes_of(folders):
    """(run, file) -> bytes of what the content hash covers, and of the status that holds the hash; no rubbish is left."""
    assert not [p for f in folders for p in f.rglob("*.tmp")]
    paths = [(f.name, p) for f in folders for p in [f / n for n in (*COVERED, "status.json")] + trace.evaluations(f)]
    return {(name, p.name): p.read_bytes() for name, p in paths if p.is_file()}


COMPANY = {"three": THREE, "with untrained": (THREE[0], "untrained", THREE[2])}


@pytest.fixture(scope="module", params=COMPANY)
def whole(request, policies, tmp_path_factory):
    """A pack that nothing disturbed, and all that it did to the disk."""
    with toy_found() as patch:
        out = tmp_path_factory.mktemp("whole")
        three = planned(policies[0], out, COMPANY[request.param], "grpo")
        done = moments(patch)
        folders = three.drive(out / "whole")
        return three, bytes_of(folders), done


def killed(three, out, monkeypatch, at, how):
    """The pack's folders after a kill and a resume in which nothing is in the way."""
    with monkeypatch.context() as patch:
        moments(patch, at, how)
        with pytest.raises(Killed):
            three.drive(out)
    return three.drive(out)


def test_killed_between_any_two_runs_it_resumes_to_the_same_bytes(whole, tmp_path, monkeypatch):
    """The last checkpoints, deletions, evaluations and endings of one run each: the others are before or after theirs."""
    three, undisturbed, done = whole
    middle = three.specs[1].design.name if three.specs[1].design.trains else three.specs[2].design.name
    for what in ("write_checkpoint", "keep_checkpoint", "append", "write_evaluation", "close", "set_status", "rmtree"):
        at = max(i for i, moment in enumerate(done) if moment == (what, middle))
        again = killed(three, tmp_path / what, monkeypatch, at, "before")
        assert bytes_of(again) == undisturbed, what


@pytest.mark.parametrize("number", [*range(6), *(pytest.param(n, marks=pytest.mark.slow) for n in range(6, 60))])
def test_killed_at_a_random_moment_it_resumes_to_the_same_bytes(number, whole, tmp_path, monkeypatch):
    three, undisturbed, done = whole
    rng = random.Random(f"pack/{number}")
    at, how = rng.randrange(len(done)), rng.choice(["before", "torn", "after"])
    again = killed(three, tmp_path, monkeypatch, at, how)
    assert bytes_of(again) == undisturbed, (done[at], how)


def test_a_kill_between_two_checkpoints_costs_one_step_and_no_more(whole, tmp_path, monkeypatch):
    three, _, done = whole
    last = [i for i, (what, _) in enumerate(done) if what == "write_checkpoint"][-1]
    with monkeypatch.context() as patch:
        moments(patch, last, "before")
        with pytest.raises(Killed):
            three.drive(tmp_path)
    folders = [tmp_path / spec.design.name for spec in three.specs]
    pack = packs.open_pack(three.specs, folders, three.policy, print, 9.0, three.sources)
    assert pack.step == 2


def test_a_run_that_failed_or_is_done_is_left_alone_in_a_pack_that_is_resumed(policies, broken, tmp_path, monkeypatch):
    three = planned(policies[0], tmp_path, (THREE[0], f"{broken}:late", THREE[2]))
    done = moments(monkeypatch)
    whole = three.drive(tmp_path / "whole")
    monkeypatch.undo()
    monkeypatch.setenv("REWARDBENCH_TASKS", str(PARTS.parents[2]))
    failed = trace.content_hash(whole[1])
    for what in ("write_checkpoint", "set_status"):
        at = max(i for i, moment in enumerate(done) if moment == (what, "random"))
        again = killed(three, tmp_path / what, monkeypatch, at, "before")
        assert bytes_of(again) == bytes_of(whole)
        assert trace.content_hash(again[1]) == failed
        closed(again[1], 6)


def test_runs_without_a_step_in_common_are_made_one_after_the_other(policies, tmp_path, monkeypatch):
    """As when runs of two packs are put together: nothing was lost, and nothing is cut before that is known."""
    three = planned(policies[0], tmp_path)
    with monkeypatch.context() as patch:
        done = moments(patch)
        whole = three.drive(tmp_path / "whole")
    second = [i for i, (what, _) in enumerate(done) if what == "keep_checkpoint"][3]
    with monkeypatch.context() as patch:
        moments(patch, second, "before")
        with pytest.raises(Killed):
            three.drive(tmp_path / "cut")
    shutil.rmtree(tmp_path / "cut" / "random" / "checkpoint")
    assert bytes_of(three.drive(tmp_path / "cut")) == bytes_of(whole)


def stopped(three, out, monkeypatch, step):
    """The folders of a pack that was killed once all of its runs had saved a step."""
    save = packs.save

    def last(pack, at):
        save(pack, at)
        if at == step:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(packs, "save", last)
        with pytest.raises(Killed):
            three.drive(out)
    return [out / spec.design.name for spec in three.specs]


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_checkpoints_keep_each_numbers_own_type(dtype, tmp_path, monkeypatch):
    """Rounded to single precision a policy in double goes on to other results."""
    settings = f'kind = "full"\nlearning_rate = 1e-2\nP = 3\nK = 4\ndtype = "{dtype}"\n[steps]\nquick = 3\n'
    one = planned(make_policy(tmp_path, settings=settings), tmp_path, THREE[:1])
    whole = bytes_of(one.drive(tmp_path / "whole"))
    [folder] = stopped(one, tmp_path / "killed", monkeypatch, 2)
    arrays, _ = trace.read_checkpoint(folder, 2)
    types = {str(a.dtype) for name, a in arrays.items() if name.startswith("p/")}
    assert types == {"float64" if dtype == "float64" else "float32"}
    assert bytes_of(one.drive(tmp_path / "killed")) == whole


def test_rows_reach_the_disk_before_the_checkpoint_that_follows_them(policies, tmp_path, monkeypatch):
    """A machine that goes down loses what was written and not synced, in any order."""
    synced, sync, write = [], trace.os.fsync, disk.write_whole
    monkeypatch.setattr(trace.os, "fsync", lambda file: synced.append(Path(f"/proc/self/fd/{file}").readlink()) or sync(file))
    settled = []

    def whole(path, data):
        if path.parent.name == "checkpoint":
            settled.append(path.parents[1] / "steps.jsonl" in synced)
        synced.clear()
        write(path, data)

    monkeypatch.setattr(disk, "write_whole", whole)
    planned(policies[0], tmp_path, THREE[:1]).drive(tmp_path / "runs")
    assert settled == [True] * 3


@pytest.mark.parametrize("kept", [[0], [1], [0, 0], []])
def test_a_run_that_lost_rows_is_put_aside_alone(kept, policies, tmp_path, monkeypatch):
    """It would end as done, and its curve would be another's; the others are not touched by it."""
    three = planned(policies[0], tmp_path)
    folders = stopped(three, tmp_path / "killed", monkeypatch, 2)
    lost = folders[1]
    lines = (lost / "steps.jsonl").read_text().splitlines(keepends=True)
    (lost / "steps.jsonl").write_text("".join(lines[n] for n in kept))
    before = bytes_of([lost])
    said = []
    worker.do_pack(three.specs, folders, three.policy, said.append, 9.0, three.sources)
    assert [trace.status(f)["status"] for f in folders] == ["done", "partial", "done"]
    assert trace.status(lost)["code"] == 5
    assert "lost rows" in trace.status(lost)["reason"]
    assert f"delete {lost.name}/checkpoint" in trace.status(lost)["reason"]
    assert [e["event"] for e in said if e.get("run") == three.specs[1].id] == ["lost"]
    assert {n: b for n, b in bytes_of([lost]).items() if n[1] != "status.json"} == {
        n: b for n, b in before.items() if n[1] != "status.json"
    }
    shutil.rmtree(lost / "checkpoint")
    worker.do_pack(three.specs, folders, three.policy, said.append, 9.0, three.sources)
    assert trace.status(lost)["status"] == "done"
    assert [row["step"] for row in trace.rows(lost)] == [0, 1, 2]


def test_steps_at_which_nothing_is_asked_for_have_no_row_and_none_is_missed(policies, tmp_path, monkeypatch):
    path = tmp_path / "seldom.py"
    path.write_text(
        "from dataclasses import dataclass\n\nfrom rewardbench.algorithms.grpo import Grpo\n\n\n"
        "@dataclass(frozen=True)\nclass Seldom(Grpo):\n    def ask(self, state, draw):\n"
        "        return (yield from super().ask(state, draw)) if draw.step != 1 else None\n"
    )
    one = planned(policies[0], tmp_path, THREE[:1], f"{path}:Seldom")
    whole = bytes_of(one.drive(tmp_path / "whole"))
    for step in (1, 2):
        stopped(one, tmp_path / str(step), monkeypatch, step)
        assert bytes_of(one.drive(tmp_path / str(step))) == whole


def test_a_checkpoint_that_is_gone_costs_its_own_run_alone(policies, tmp_path, monkeypatch):
    """The others go on from theirs, in the same places; then it is made anew."""
    three = planned(policies[0], tmp_path)
    whole = three.drive(tmp_path / "whole")
    folders = stopped(three, tmp_path / "killed", monkeypatch, 2)
    shutil.rmtree(folders[0] / "checkpoint")
    begun, restore = [], opening.restore

    def restored(pack):
        restore(pack)
        begun.append((pack.step, [run.trains for run in pack.runs]))

    monkeypatch.setattr(opening, "restore", restored)
    again = three.drive(tmp_path / "killed")
    assert begun == [(2, [False, True, True]), (0, [True, False, False])]
    for one, other in zip(again, whole, strict=True):
        assert trace.status(one)["status"] == "done"
        alike(one, other)
        assert [row["step"] for row in trace.rows(one)] == [0, 1, 2]


def test_a_run_that_is_put_aside_is_not_waited_for(policies, tmp_path, monkeypatch):
    """One checkpoint is damaged and one gone: each run is tried once."""
    three = planned(policies[0], tmp_path)
    folders = stopped(three, tmp_path / "killed", monkeypatch, 2)
    (folders[0] / "checkpoint" / "000002.safetensors").write_bytes(b"x" * 99)
    shutil.rmtree(folders[1] / "checkpoint")
    said = []
    worker.do_pack(three.specs, folders, three.policy, said.append, 9.0, three.sources)
    assert [trace.status(f)["status"] for f in folders] == ["partial", "done", "done"]
    assert [e["run"] for e in said if e["event"] == "lost"] == [three.specs[0].id]


def test_a_kill_during_the_first_save_costs_what_was_not_saved_and_parts_no_pack(whole, tmp_path, monkeypatch):
    three, undisturbed, done = whole
    first = [i for i, (what, _) in enumerate(done) if what == "write_checkpoint"][1]
    opened, open_pack = [], packs.open_pack
    monkeypatch.setattr(packs, "open_pack", lambda *a: opened.append(1) or open_pack(*a))
    assert bytes_of(killed(three, tmp_path, monkeypatch, first, "before")) == undisturbed
    assert len(opened) == 2


def test_a_full_disk_is_everybodys_and_a_damaged_file_its_runs_own(policies, tmp_path):
    three = planned(policies[0], tmp_path)
    folder = made(tmp_path / "r", three.specs[0])
    pack = packs.open_pack(three.specs[:1], [folder], three.policy, lambda event: None, 9.0, three.sources)
    with pytest.raises(UserError, match="no space left"), packs.alone(pack, pack.runs[0]):
        raise UserError("no space left", 4)
    assert pack.runs[0].alive
    assert "reason" not in trace.status(folder)
    with packs.alone(pack, pack.runs[0]):
        raise UserError("damaged", 5)
    assert not pack.runs[0].alive
    assert trace.status(folder)["reason"] == "damaged"


def test_a_run_that_was_put_aside_is_tried_again_and_its_old_reason_is_gone(policies, tmp_path):
    """Whatever comes of it: a kill in the middle leaves no reason behind that is over."""
    three, seen = planned(policies[0], tmp_path, THREE[:1]), []
    folder = made(tmp_path / "r", three.specs[0])
    trace.set_status(folder, "partial", reason="its file was damaged", code=5)
    worker.do_pack(three.specs, [folder], three.policy, lambda e: seen.append(trace.status(folder)), 9.0, three.sources)
    assert seen[0] == {"schema_version": trace.SCHEMA, "status": "partial", "versions": [trace.versions()]}
    assert trace.status(folder)["status"] == "done"


@pytest.mark.parametrize(
    ("numbers", "took", "saves"), [(10, 5.0, list(range(20))), (2_000_000, 0.0, [6, 12, 18]), (2_000_000, 5.0, [6, 16])]
)
def test_large_checkpoints_are_written_as_seldom_as_they_take_long(tmp_path, monkeypatch, numbers, took, saves):
    """A step takes ten seconds here, and saving `took`."""
    now, written = [0.0], []
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(checkpoints, "_snapshot", lambda *_: ({}, {}))
    monkeypatch.setattr(trace, "keep_checkpoint", lambda *_: None)

    def write(*_):
        now[0] += took
        written.append(step)

    monkeypatch.setattr(trace, "write_checkpoint", write)
    stacked = SimpleNamespace(params=["p"], lead=lambda _: torch.zeros(1, numbers))
    pack = SimpleNamespace(stacked=stacked, saved=now[0], took=0.0, runs=[SimpleNamespace(trains=True, folder=tmp_path)])
    for step in range(20):
        packs.save(pack, step)
        now[0] += 10
    assert written == saves


def test_prompts_are_one_where_all_in_them_is():
    """Their completions are judged once then, across the runs of a pack."""
    one, same = (Prompt("a", text="?", columns={"answer": ["x", "y"]}, truth=(1, "b")) for _ in range(2))
    assert record._whose(one) == record._whose(same)
    others = [replace(one, truth=(2, "b")), replace(one, text="!"), replace(one, columns={"answer": ["y", "x"]})]
    assert len({record._whose(p) for p in (one, *others)}) == 4
    one.columns["answer"].sort(reverse=True)  # as a part may do by mistake
    assert record._whose(one) != record._whose(same)
    opaque = [replace(one, truth=lambda: 0) for _ in range(2)]
    assert len({record._whose(p) for p in opaque}) == 2


def test_what_is_said_to_equal_prompts_is_judged_once(policies, tmp_path, monkeypatch):
    """Designs of one seed say the same at the start, and a policy that has learnt says little else."""
    asked, judge = [], record.judge

    def counted(gold, task, batch, p, k):
        asked.append((record._whose(batch.prompts[p]), batch.text[p][k]))
        return judge(gold, task, batch, p, k)

    monkeypatch.setattr(record, "judge", counted)
    folders = planned(policies[0], tmp_path).drive(tmp_path / "runs")
    said: dict[str, set] = {}
    for path in (p for folder in folders for p in folder.glob("evals/*.parquet")):
        table = trace.read_evaluation(path)
        when = "end" if path.stem in (readings.GRID, "000003") else path.stem  # what is read at the end is read together
        said.setdefault(when, set()).update(zip(table["prompt"], table["text"], strict=True))
    assert sorted(said) == ["000000", "000001", "000002", "end"]
    assert len(asked) == sum(map(len, said.values()))
    assert len(said["000000"]) == 4 * 4  # three designs, and each says these


def test_an_evaluation_is_written_before_a_part_breaks_in_the_next_of_the_same_completions(policies, tmp_path):
    """The last point and the grid share what is said at temperature 1; the grid is judged with more of it."""
    path = tmp_path / "later.py"
    path.write_text("def later(completions):\n    return [1 / (24 - len(completions)) for _ in completions]\n")
    one = planned(policies[0], tmp_path, (f"{path}:later",))
    specs = [replace(run, temperatures=(1.0,), grid_samples=6) for run in one.specs[:1]]
    [folder] = replace(one, specs=specs).drive(tmp_path / "runs")
    assert trace.status(folder)["status"] == "failed"
    assert [p.stem for p in trace.evaluations(folder)] == [f"{step:06d}" for step in range(4)]


def test_kl_is_read_against_the_start_policy_where_the_samples_are_the_policys_own(policies, tmp_path):
    """0 before anything is learnt, what the two policies say of each completion after it, unknown at other temperatures."""
    seen, whole = [], readings.asked_logp

    def asked(policy, stacked, batches, micro, start):
        seen.append((batches, whole(policy, stacked, batches, micro, start=start)))
        return seen[-1][1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readings, "asked_logp", asked)
        folders = planned(policies[0], tmp_path).drive(tmp_path / "runs")
    columns = [trace.read_evaluation(folders[0] / "evals" / f"{name}.parquet") for name in ("000000", "000003", "final")]
    assert not columns[0]["kl"].any()
    batches, read = seen[-1]
    expected = (batches[0].logp - read()[0]).sum(-1).ravel()
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_array_equal(columns[1]["kl"], expected.astype(np.float64))
    grid = columns[2]
    np.testing.assert_array_equal(np.isnan(grid["kl"].astype(float)), grid["temperature"] != 1.0)


def test_large_files_are_written_side_by_side_and_are_the_same(policies, tmp_path, monkeypatch):
    pools: list[int] = []
    monkeypatch.setattr(checkpoints, "ThreadPoolExecutor", lambda count: pools.append(count) or ThreadPoolExecutor(count))
    found = {}
    for name, least in (("apart", checkpoints.LARGE), ("together", 0)):
        monkeypatch.setattr(checkpoints, "LARGE", least)
        folders = planned(policies[0], tmp_path / name).drive(tmp_path / name / "runs")
        found[name] = [trace.status(f)["content"] for f in folders], [file_digest(f / "weights.safetensors") for f in folders[:2]]
        assert bool(pools) == (name == "together")
    assert found["apart"] == found["together"]


def test_calls_side_by_side_are_no_more_at_a_time_and_one_that_breaks_is_raised():
    running, most, lock = [0], [0], Lock()

    def work(n):
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.01)
        with lock:
            running[0] -= 1
        return 1 // n

    assert list(packs.side_by_side(work, ((n,) for n in range(1, 9)), 3)) == [1] + [0] * 7
    assert most[0] == 3
    with pytest.raises(ZeroDivisionError):
        list(packs.side_by_side(work, ((n,) for n in (1, 0, 2)), 2))


def test_a_worker_that_finds_no_card_stops_a_sweep_that_was_planned_for_one(policies, tmp_path, monkeypatch):
    """Else a pack of a card's size goes on where it may, on a processor, for days."""
    whole = torch.zeros

    def none(*size, **how):
        if how.get("device") == "cuda":
            raise RuntimeError("No CUDA GPUs are available")
        return whole(*size, **how)

    three, said = planned(policies[0], tmp_path), []
    with monkeypatch.context() as without:
        without.setattr(torch, "zeros", none)
        assert not worker.admit(three.policy, three.specs[:1], said.append, three.sources, card=True)
    [stop] = said
    assert (stop["event"], stop["code"]) == ("stop", 4)
    assert "a worker cannot use the GPU" in stop["reason"]
    assert worker.admit(three.policy, three.specs[:1], said.append, three.sources)


def test_a_policy_that_was_admitted_is_the_first_packs_and_nobody_elses(policies, tmp_path):
    three = planned(policies[0], tmp_path)
    other = planned(policies[4], tmp_path / "other").policy
    admission.admit(three.policy, three.specs[:1], three.sources)
    [(_, admitted)] = admission._ready
    assert admission.loaded(three.policy) is admitted
    assert admission.loaded(three.policy) is not admitted
    admission.admit(three.policy, three.specs[:1], three.sources)
    assert admission.loaded(other).settings.micro == 4
    assert not admission._ready  # nothing waits for a pack that may never come
