"""What follows from the rows of the GPU benchmark? Factors, shares of floors, and what is missing. Loads no torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

TRIES = 2
"""How often a case that breaks, or is cut short, is begun."""
Row = Mapping[str, Any]
Line = tuple[str, str, str]
"""What, the figure, how it was reckoned."""


def result(rows: Sequence[Row], name: str) -> Row | None:
    """The last row of a case that has a figure."""
    return next((r for r in reversed(rows) if r["name"] == name and "ours" in r), None)


def settled(rows: Sequence[Row], stage: str, name: str) -> bool:
    """Whether a case is measured, or was begun as often as it may be."""
    own = [r for r in rows if r["stage"] == stage and r["name"] == name]
    return any("ours" in r for r in own) or sum(bool(r.get("begun")) for r in own) >= TRIES


def of(rows: Sequence[Row], stage: str) -> list[Row]:
    """A stage's figures, by number of runs."""
    names = dict.fromkeys(r["name"] for r in rows if r["stage"] == stage)
    found = [r for name in names if (r := result(rows, name)) is not None]
    return sorted(found, key=lambda r: r.get("runs", 0))


def gib(row: Row) -> str:
    """Peak memory of a row, as a tail of a line; nothing without a card."""
    if "peak" not in row:
        return ""
    return f"; {row['peak'] / 2**30:.1f} GiB in use at most, {row['reserved'] / 2**30:.1f} reserved"


def derived(rows: Sequence[Row]) -> Iterator[Line]:
    """Every line of the table that the rows allow."""
    yield from factors(rows)
    for r in of(rows, "step"):
        parts = ", ".join(f"{n} {r[n]:.3f}" for n in ("sample", "reward", "learn"))
        rest = r["ours"] - sum(r[n] for n in ("sample", "reward", "learn"))
        how = f"{parts}, rest {rest:.3f}; micro {r['micro']}; first step after {r['warm_up']:.0f} s{gib(r)}"
        yield f"whole step, {r['runs']} runs", f"{r['ours']:.3f} s", how
    for r in of(rows, "trl"):
        how = f"TRL {r['trl']}, {r['said']:.0f} tokens a completion{gib(r)}"
        yield f"TRL step, 1 run, {r['decoder']}", f"{r['ours']:.3f} s", how
    yield from shares(rows)
    for r in of(rows, "sweep"):
        parts = ", ".join(f"{n} {r[n]:.0f}" for n in ("sample", "reward", "learn", "evaluate"))
        rest = r["ours"] - sum(r[n] for n in ("sample", "reward", "learn", "evaluate"))
        how = f"{r['packs']} packs: {parts}, rest {rest:.0f}; first calls took {r['warm_up']:.0f} s beyond usual ones"
        yield r["name"], f"{r['ours']:.0f} s", how
    for r in of(rows, "overhead"):
        a, b = r.get("replay_ms_with"), r.get("replay_ms_without")
        yield r["name"], f"{r['ours']:.2f}", f"of the step alone {a / b:.2f}" if a and b else ""
    for r in of(rows, "eager"):
        kind = f"learn, {r['runs']} runs, nothing compiled" if "runs" in r else "decode, readable path, 1 run"
        yield kind, f"{r['ours']:,.0f} tokens/s", gib(r).removeprefix("; ")
    for name, unit, by in (("floor copy", "GB/s", 1e9), ("floor matrix", "TFLOP/s", 1e12)):
        if r := result(rows, name):
            yield name, f"{r['ours'] / by:,.0f} {unit}", "random numbers"


def factors(rows: Sequence[Row]) -> Iterator[Line]:
    """How much is won by the engine, and by stacking."""
    steps = of(rows, "step")
    one = next((r for r in steps if r["runs"] == 1), None)
    many = steps[-1] if steps and steps[-1]["runs"] > 1 else None
    peer = min(of(rows, "trl"), key=lambda r: r["ours"], default=None)
    if one and peer:
        how = f"one run, one step: TRL {peer['trl']} ({peer['decoder']}) {peer['ours']:.3f} s, ours {one['ours']:.3f}"
        yield "engine factor", f"{peer['ours'] / one['ours']:.2f}", how
    if one and many:
        how = f"ours: {many['runs']} runs in {many['ours']:.3f} s a step, one run in {one['ours']:.3f}"
        yield "stacking factor", f"{many['runs'] * one['ours'] / many['ours']:.2f}", how
    if many and peer:
        times = many["runs"] * peer["ours"] / many["ours"]
        how = f"{many['runs']} runs stacked, {times:.1f} times TRL on one run"
        yield "run-steps a second", f"{many['runs'] / many['ours']:.1f}", how


def shares(rows: Sequence[Row]) -> Iterator[Line]:
    """Decoding and learning, against what the card was measured to do."""
    copy, matrix = result(rows, "floor copy"), result(rows, "floor matrix")
    for r in of(rows, "decode"):
        T_steps = r["traffic"] / copy["ours"] if copy else 0.0
        how = [f"{T_steps / r['seconds']:.0%} of the copy floor"] if copy else []
        if "replay_ms" in r:
            alone = r["replay_ms"] * r["steps"] / 1000
            floor = f", {T_steps / alone:.0%} of the copy floor" if copy else ""
            how.append(f"the step alone {r['replay_ms']:.2f} ms{floor}, {alone / r['seconds']:.0%} of the call")
        elif "replay_failed" in r:
            how.append(f"the step alone: {r['replay_failed']}")
        how.append(f"first call {r['warm_up']:.0f} s{gib(r)}")
        yield f"decode, {r['runs']} runs", f"{r['ours']:,.0f} tokens/s", "; ".join(how)
    for r in of(rows, "learn"):
        how = []
        if matrix:
            done = [(r["flop"] + r[f"attention_{n}"]) / r["seconds"] / matrix["ours"] for n in ("useful", "executed")]
            how.append(f"{done[0]:.0%} of the matrix floor useful, {done[1]:.0%} with all that is computed")
        made = "compiled" if r["compiled"] else "nothing compiled"
        begun = f"first two calls {r['warm_up']:.0f} s, {r['first_peak'] / 2**30:.1f} GiB"
        how.append(f"{r['seconds']:.3f} s, {made}; micro {r['micro']}; {begun}{gib(r)}")
        yield f"learn, {r['runs']} runs", f"{r['ours']:,.0f} tokens/s", "; ".join(how)


def missing(rows: Sequence[Row]) -> Iterator[Line]:
    """Cases that were begun and have no figure."""
    for name in dict.fromkeys(r["name"] for r in rows if r.get("begun")):
        own = [r for r in rows if r["name"] == name]
        if result(own, name) is None:
            tries = sum(bool(r.get("begun")) for r in own)
            why = next((r["failed"] for r in reversed(own) if "failed" in r), "cut short")
            yield name, "failed", f"{why} ({tries} of {TRIES} tries)".replace("|", "\\|")


def table(rows: Sequence[Row]) -> str:
    """The figures of one key as Markdown, with what they are figures of."""
    if not rows:
        return "nothing is measured yet"
    key, last = rows[-1]["key"], rows[-1]
    lines = [*derived(rows), *missing(rows)]
    smoke = ["**Smoke: everything was small, and no figure here means anything.**", ""] if key["smoke"] else []
    size = key["size"]
    prompt = next((f" of up to {r['prompt']} tokens" for r in rows if "prompt" in r), "")
    said = f"{size['P']} prompts{prompt} x {size['K']} completions of {size['T']} a run, EOS off"
    made = f"{said}; policy {key['policy']}"
    packages = ", ".join(f"{n} {v}" for n, v in last["versions"].items() if v)
    dates = sorted({r["date"] for r in rows})
    codes = ", ".join(sorted({r["code"] for r in rows if r["code"]}))
    told = f"{packages}; code {codes or '-'}; {' to '.join(dict.fromkeys([dates[0], dates[-1]]))}"
    calls = dict.fromkeys(" ".join(["python benchmarks/gpu.py", *r["argv"]]) for r in rows)
    return "\n".join([
        *smoke, "| what | figure | |", "| --- | --- | --- |", *(f"| {a} | {b} | {c} |" for a, b, c in lines), "",
        f"{made} ({key['digest'][:12]}). {key['machine']}; {told}.",
        *(f"`{call}`" for call in calls),
    ])  # fmt: skip
