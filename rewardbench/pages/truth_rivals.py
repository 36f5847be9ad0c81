"""How do plain thresholds do beside the audit? The answer in words, a panel a rival, and every figure in a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rewardbench.pages import truth_charts as charts
from rewardbench.pages.numbers import bracket, chance, fixed, listed, signed
from rewardbench.pages.truth_parts import Cell, Table, bar, correlation
from rewardbench.pages.truth_told import LEVEL, NO, OPEN, YES, Told, between, quoted, span

Json = Mapping[str, Any]
MAIN = "design"
"""What is left out for the answer in words: the least that can be, which is kindest to a rival."""
GAPS = {"precision": "precision", "recall": "recall", "right": "share of designs foretold right"}
CAPTION = (
    "The audit and a plain threshold on each static measure, on the same designs, with 95% intervals: precision (blue) "
    "and recall (orange). Each design was judged by a threshold set on all the others."
)


def verdict(one: Json) -> str:
    """Whether the audit was right more often than a rival: YES, NO (less often) or OPEN."""
    if one["p_adjusted"] >= LEVEL:
        return OPEN
    return YES if one["audit_only"] > one["rival_only"] else NO


def told_of(audit: Json, kind: str = MAIN) -> dict[str, Json]:
    """Rival -> its figures with that left out; those that are not known are none."""
    return {name: by[kind] for name, by in audit["rivals"].items() if by[kind]}


def answer(audit: Json) -> Told | None:
    """Whether the audit foretells more than plain thresholds would; None where none of them is known."""
    told = told_of(audit)
    if not told:
        return None
    ends = {name: verdict(one) for name, one in told.items()}
    better, worse = (sum(e == kind for e in ends.values()) for kind in (YES, NO))
    kind = NO if worse else YES if better == len(told) else OPEN
    counts = {"better than": better, "worse than": worse, "not told apart from": len(told) - better - worse}
    said = [f"{how} {n} of {len(told)}" for how, n in counts.items() if n]
    figure = ", ".join(said) + " plain thresholds"
    says = (
        "Would a plain threshold foretell as well? Each was set on the other designs alone and judged on the one left "
        f"out. {_sum(ends)} Precision and recall, in brackets the audit's on the same designs: "
        f"{'; '.join(_briefly(name, one) for name, one in told.items())}.{_other(audit)}"
    )
    return Told("audit", "", kind, figure, says)


def _briefly(name: str, one: Json) -> str:
    """A rival beside the audit, without intervals."""
    rival, audit = (" and ".join(_shown(one[side][k]) for k in ("precision", "recall")) for side in ("rival", "audit"))
    return f"{quoted(name)} {rival} ({audit})"


def _shown(share: Json) -> str:
    return "not known" if share["value"] is None else fixed(share["value"])


def sentences(audit: Json) -> list[str]:
    """Each rival with its intervals, and the audit's less the rival's."""
    return [_whole(name, one) for name, one in told_of(audit).items()]


def _whole(name: str, one: Json) -> str:
    rival, gap = one["rival"], one["difference"]
    known = [(k, gap[w]) for w, k in GAPS.items() if gap[w] and gap[w]["value"] is not None]
    gaps = ", ".join(f"{k} {signed(g['value'])} {bracket(g['low'], g['high'])}" for k, g in known)
    return (
        f"A threshold on {quoted(name)}, on {rival['designs']} designs: precision {span(rival['precision'])}, recall "
        f"{span(rival['recall'])}. The audit less it: {gaps}. The audit alone is right on {one['audit_only']}, the "
        f"threshold alone on {one['rival_only']}: exact McNemar p, adjusted over the rivals, "
        f"{chance(one['p_adjusted'])}."
    )


def _sum(ends: Mapping[str, str]) -> str:
    """What comes of it, rivals by verdict."""
    says = {
        YES: "The audit is right more often than {}.",
        NO: "{} foretold more than the audit did.",
        OPEN: "Whether it foretells more than {} cannot be told from these designs.",
    }
    groups = {kind: listed([quoted(n) for n, e in ends.items() if e == kind]) for kind in says}
    return " ".join(says[kind].format(names) for kind, names in groups.items() if names)


def _other(audit: Json) -> str:
    """Whether leaving out more, a family of parts or a task, would change the verdicts."""
    pieces = []
    for kind, what in (("family", "a family of parts"), ("task", "a task")):
        told = told_of(audit, kind)
        if told:
            better, worse = (sum(verdict(one) == v for one in told.values()) for v in (YES, NO))
            ends = f"better than {better or 'none'} and worse than {worse or 'none'} of the {len(told)}"
            pieces.append(f"with {what} left out at a time, the audit is shown {ends}")
    return f" {'; '.join(pieces)[:1].upper()}{'; '.join(pieces)[1:]}." if pieces else ""


def chart(audit: Json) -> str:
    """A panel a rival."""
    panels = {
        name: [
            bar(f"{who}: {share}", one[side][share], None, colour)
            for share, colour in (("precision", 1), ("recall", 2))
            for side, who in (("audit", "audit"), ("rival", "threshold"))
        ]
        for name, one in told_of(audit).items()
    }
    return charts.forest("rivals", "Rivals of the audit", panels, (0.0, 1.0), None, "share of designs")


def table(audit: Json) -> Table:
    """Every rival with everything that was left out."""
    rows: list[Sequence[Cell | str]] = []
    for name, by in audit["rivals"].items():
        for kind, one in by.items():
            if one:
                rows.append(_row(name, kind, one))
    head = (
        "threshold on", "left out", "designs", "flagged at or below", "precision", "recall",
        "audit's precision", "audit's recall", "precision, audit less threshold", "recall, audit less threshold",
        "share right, audit less threshold", "audit alone right", "threshold alone right", "p, Holm",
    )  # fmt: skip
    title = "Rivals of the audit: hacked foretold by a plain threshold; a dot: the interval includes 0"
    return Table(title, head, tuple(tuple(r) for r in rows), frozenset({1}))


def _row(name: str, kind: str, one: Json) -> tuple[Cell | str, ...]:
    rival, audit, gap, at = one["rival"], one["audit"], one["difference"], one["thresholds"]
    return (
        name, kind, str(rival["designs"]),
        between(at),
        span(rival["precision"]), span(rival["recall"]), span(audit["precision"]), span(audit["recall"]),
        *(correlation(gap[k], "value") for k in ("precision", "recall", "right")),
        str(one["audit_only"]), str(one["rival_only"]), chance(one["p_adjusted"]),
    )  # fmt: skip
