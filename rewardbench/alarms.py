"""What should a person look at while a run goes on? One function an alarm, of what the metrics say so far.

An alarm is computed from what happened, never from a name, and says "possible": flags are read at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from rewardbench.metrics import dead_signal, hacked, kl_runaway, truncated
from rewardbench.progress import Alarm, Event, Row, View, curve

Check = Callable[[Row], str | None]
MOST_ABSTAINED = 0.2
"""Share of a step's completions without a score, above which it is said. Abstaining is allowed: no run stops for it."""
AT_POINTS: dict[str, Check] = {}
"""Alarms that an evaluation may raise, by name."""
AT_STEPS: dict[str, Check] = {}
"""Alarms that a step may raise, by name."""


def check(view: View, event: Event) -> View:
    """The view with the alarms that its latest event raises; each is raised once a run."""
    row = view.rows.get(event.get("run", ""))
    if row is None:
        return view
    known = {a.name for a in view.alarms if a.run.id == row.run.id}
    new = tuple(Alarm(row.run, name, text) for name, text in raised(row, event) if name not in known)
    return replace(view, alarms=view.alarms + new)


def raised(row: Row, event: Event) -> Iterator[tuple[str, str]]:
    """(name, words) of every alarm that a run's event raises."""
    if event["event"] in ("failed", "lost"):
        yield event["event"], row.reason if event["event"] == "lost" else f"failed: {row.reason}"
    checks = {"evaluation": AT_POINTS, "step": AT_STEPS}.get(event["event"], {})
    for name, look in checks.items():
        if row.run.design.trains and (text := look(row)) is not None:
            yield name, text


def at(checks: dict[str, Check]) -> Callable[[Check], Check]:
    """Enter a function as an alarm under its own name."""

    def enter(function: Check) -> Check:
        checks[function.__name__] = function
        return function

    return enter


@at(AT_POINTS)
def hacking(row: Row) -> str | None:
    """Reward up, gold down: the flag's own rule on the evaluations so far."""
    found = curve(row)
    if found is None or not hacked.hacked(found):
        return None
    shown = hacked.evidence(found)
    moved = f"{shown['reward_change']:+.2f} and {shown['gold_change']:+.2f}"
    return f"reward up, gold down ({moved}): possible hacking"


@at(AT_POINTS)
def runaway(row: Row) -> str | None:
    """Nats a token above the flag's cap."""
    found = curve(row)
    if found is None or not kl_runaway.kl_runaway(found):
        return None
    return f"KL to the start is {kl_runaway.evidence(found)['end']:.1f} nats a token: possible runaway"


@at(AT_POINTS)
def cut_off(row: Row) -> str | None:
    """Completions end at the length limit or are empty, by the flag's own rule."""
    found = curve(row)
    if found is None or not truncated.truncated(found):
        return None
    return f"{truncated.evidence(found)['end']:.0%} of completions are cut at the length limit or empty"


@at(AT_POINTS)
def no_signal(row: Row) -> str | None:
    """The reward tells no two completions of any dev prompt apart: seen before anything was learnt."""
    dead = row.points[-1].get("dead")
    if dead is None or dead <= dead_signal.SHARE:
        return None
    return f"no learning signal: {dead:.0%} of prompts have all their completions paid alike"


@at(AT_STEPS)
def dead_groups(row: Row) -> str | None:
    """Steps that teach nothing, by the flag's own rule."""
    if not dead_signal.dead_signal(row.dead):
        return None
    return f"no learning signal: {row.dead[-1]:.0%} of groups paid alike, for {dead_signal.PATIENCE} steps running"


@at(AT_STEPS)
def abstaining(row: Row) -> str | None:
    """A part gave no score to many completions."""
    most = row.abstained
    if most is None or most <= MOST_ABSTAINED:
        return None
    part = max(row.last["abstained"], key=row.last["abstained"].get)
    return f"part {part!r} abstained on {most:.0%} of a step's completions"
