"""What should a person look at while a run goes on? One function an alarm, of what the metrics say so far.

An alarm is computed from what happened, never from a name, and says "possible": flags are read at the end.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

from rewardbench.metrics import dead_signal, hacked, kl_runaway, truncated
from rewardbench.progress import Alarm, Event, Row, View, curve

Check = Callable[[Row], str | None]
MOST_ABSTAINED = 0.2
"""Share of a step's completions without a score, above which it is said. Abstaining is allowed: no run stops for it."""
ALARMS: list[tuple[str, str, Check]] = []
"""(event that may raise it, name, function): entered by `on`."""


def on(event: str, name: str) -> Callable[[Check], Check]:
    """Enter a function as an alarm; two of one name are raised once between them."""

    def enter(function: Check) -> Check:
        ALARMS.append((event, name, function))
        return function

    return enter


def check(view: View, event: Event) -> View:
    """The view with the alarms that its latest event raises; each is raised once a run."""
    row = view.rows.get(event.get("run", ""))
    if row is None:
        return view
    found = {a.name: a for a in view.alarms if a.run.id == row.run.id}
    new: dict[str, Alarm] = {}
    for name, text in raised(row, event):
        if name not in found:
            new.setdefault(name, Alarm(row.run, name, text))
    return replace(view, alarms=(*view.alarms, *new.values()))


def raised(row: Row, event: Event) -> Iterator[tuple[str, str]]:
    """(name, words) of everything alarming that a run's event says."""
    if event["event"] in ("failed", "lost"):
        yield event["event"], f"{'failed' if event['event'] == 'failed' else 'put aside'}: {row.reason}"
    for kind, name, look in ALARMS:
        if kind == event["event"] and row.run.design.trains and (text := look(row)) is not None:
            yield name, text


@on("evaluation", "hacked")
def hacking(row: Row) -> str | None:
    """Reward up, gold down: the flag's own rule on the evaluations so far."""
    found = curve(row)
    if found is None or not hacked.hacked(found):
        return None
    shown = hacked.evidence(found)
    moved = f"{shown['reward_change']:+z.2f} and {shown['gold_change']:+z.2f}"
    return f"reward up, gold down: possible hacking ({moved})"


@on("evaluation", "kl_runaway")
def runaway(row: Row) -> str | None:
    """Nats a token above the flag's cap."""
    found = curve(row)
    if found is None or not kl_runaway.kl_runaway(found):
        return None
    return f"possible KL runaway: {kl_runaway.evidence(found)['end']:.1f} nats a token from the start policy"


@on("evaluation", "truncated")
def cut_off(row: Row) -> str | None:
    """Completions end at the length limit or are empty, by the flag's own rule."""
    found = curve(row)
    if found is None or not truncated.truncated(found):
        return None
    return f"truncated: {truncated.evidence(found)['end']:.0%} of completions are cut at the limit or empty"


@on("evaluation", "dead_signal")
def no_signal(row: Row) -> str | None:
    """The reward does not tell the start policy's completions apart: known at the first evaluation.

    Later a policy that gives the right answer every time is paid alike as well.
    """
    first = row.points[0]
    dead = first.get("dead") if _compares(first) else None
    if len(row.points) > 1 or first["step"] > 0 or dead is None or dead <= dead_signal.SHARE:
        return None
    return f"no learning signal: {_share(dead)} of prompts pay all their completions alike"


@on("step", "dead_signal")
def dead_groups(row: Row) -> str | None:
    """Steps that teach nothing, by the flag's own rule."""
    if not _compares(row.last) or not dead_signal.dead_signal(row.dead):
        return None
    return f"no learning signal: {_share(row.dead[-1])} of groups paid alike, for {dead_signal.PATIENCE} steps running"


def _share(dead: float) -> str:
    """A share of prompts in words; where nothing at all was paid none of them teaches."""
    return "100%" if math.isnan(dead) else f"{dead:.0%}"


def _compares(event: Event) -> bool:
    """Whether the run learns from how siblings differ: what is paid alike may teach other algorithms all the same."""
    return bool(event.get("compares", True))


@on("step", "abstained")
def abstaining(row: Row) -> str | None:
    """Every part abstained on many completions, so that nothing was paid for them."""
    share = row.last.get("unpaid")
    if share is None or share <= MOST_ABSTAINED:
        return None
    return f"every part abstained on {share:.0%} of a step's completions: nothing is learnt from them"
