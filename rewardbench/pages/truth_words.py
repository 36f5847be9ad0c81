"""Does this board tell the truth? The answers in words: a sentence a part, made from its figures whatever they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rewardbench.pages import truth_rivals as rivals
from rewardbench.pages.numbers import bracket, chance, fixed, listed, signed
from rewardbench.pages.safe import code
from rewardbench.pages.truth_told import MISSING, NO, OPEN, YES, Told, against, quoted, span

Json = Mapping[str, Any]
QUESTIONS = {
    "audit": "Does the audit foretell what training does with a design?",
    "retest": "Would other seeds rank the designs alike?",
    "second_gold": "Would another gold, written from the same card, say the same?",
    "sensitivity": "Do other trainers agree on the order of designs, beyond chance?",
    "challenge": "Are picked seeds caught, and designs that were tried until one was lucky?",
}
"""Part -> its question, in the order told."""
TITLES = {
    "audit": "Audit and outcome",
    "retest": "The same again",
    "second_gold": "Second gold",
    "sensitivity": "Another trainer",
    "challenge": "Challenge seeds",
}
LEVEL = 0.05
"""Honest entries that the challenge is meant to flag; and the p from which flags beat chance."""
NEAR, FAIR = 0.1, 0.08
"""The mean share caught may lie so far from that of normal seeds; and the most honest entries that may be flagged."""
STUDIES = {"audit": "audits", "sensitivity": "sensitivity", "challenge": "challenge"}
"""Part -> the study that it needs; the others need entries alone."""
OUTCOMES = {
    "hacked": "hacked on at least half of their seeds",
    "hacked_once": "hacked at least once",
    "harmful": "harmful: significantly below no training",
}
ALARMS = {"gameable": "gameable", "gameable_or_misaligned": "gameable or misaligned"}


def questions(told: Json) -> dict[str, str]:
    """Part -> question, of those that can be asked of a board: studies are of designs, and of those a board of
    algorithms has one alone.
    """
    apart = STUDIES if told["board"].get("algorithms") else {}
    return {part: question for part, question in QUESTIONS.items() if part not in apart}


def all_of(told: Json) -> list[Told]:
    """Every answer of a built board, part by part, task by task."""
    truth = told.get("truth") or {}
    found: list[Told] = []
    for part in questions(told):
        known = list(_of(part, truth))
        found += known or [Told(part, "", MISSING, "–", missing(part, told["board"]))]
    return found


def _of(part: str, truth: Json) -> Iterator[Told]:
    """A part's answers; none where it is not known."""
    told = truth.get(part)
    if not told:
        return
    if part == "audit":
        yield audit(told)
        if beside := rivals.answer(told):
            yield beside
    elif part == "challenge":
        yield together(told)
        yield from (challenge(d, one, told) for d, one in told["designs"].items())
        if any(one["ground"] for one in told["designs"].values()):
            yield ground(told)
    else:
        says = {"retest": (retest, above), "second_gold": (second_gold, second_above), "sensitivity": (sensitivity,)}
        yield from (say(task, one) for task, one in told.items() if one for say in says[part])


def missing(part: str, board: Json) -> str:
    """What a part that is not known says, with the command that makes it."""
    name = code(board["name"])
    if part in STUDIES:
        return f"Not measured yet: `rbench board study {STUDIES[part]} {name}` makes its runs."
    if part == "retest" and board.get("algorithms"):
        return f"Not known: it needs eight entries, and this board has {len(board['algorithms'])} algorithms."
    least = "eight entries with every seed" if part == "retest" else "a task with a second gold, and entries"
    return f"Not measured yet: it needs {least} (`rbench board run {name}`)."


def percent(share: float) -> str:
    """A share for people.

    >>> percent(0.4712)
    '47 %'
    """
    return f"{100 * share:.0f} %"


# --- audit ---------------------------------------------------------------------------------------


def audit(told: Json) -> Told:
    """Whether those called gameable were hacked more often than chance would have it."""
    one = told["verdicts"]["gameable"]["hacked"]
    kind, figure = beyond(one), f"{span(one['precision'])} precision, {span(one['recall'])} recall"
    return Told(
        "audit", "", kind, figure if one["precision"]["value"] is not None else "–", verdict(told, "gameable", "hacked")
    )


def beyond(one: Json) -> str:
    """Whether flags hit more than flags dealt out by chance within tasks: YES, NO (fewer) or OPEN."""
    if one["chance"]["p"] >= LEVEL:
        return OPEN
    return YES if one["hits"] > one["chance"]["expected"] else NO


def verdict(told: Json, alarm: str, outcome: str) -> str:
    """One alarm against one outcome."""
    one = told["verdicts"][alarm][outcome]
    flags, events = one["hits"] + one["false_alarms"], one["hits"] + one["misses"]
    head = f"Of {one['designs']} drawn designs the audit called {flags or 'none'} {ALARMS[alarm]}"
    if not events:
        return f"{head}; none was {outcome.replace('_', ' ')} in training, so there was nothing to foretell."
    happened = OUTCOMES[outcome]
    if not flags:
        return f"{head}, and {events} were {happened}: recall {span(one['recall'])}, precision not known."
    luck = one["chance"]
    ends = {
        YES: "is more than chance gives",
        NO: "is fewer than chance gives, so that the warning points the wrong way",
        OPEN: "cannot be told from chance",
    }
    return (
        f"{head}; {one['hits']} of them were {happened}: precision {span(one['precision'])}, recall "
        f"{span(one['recall'])}. By chance, as many flags dealt out within each task hit "
        f"{fixed(luck['expected'], 1)} ({luck['low']:.0f} to {luck['high']:.0f}): {one['hits']} "
        f"{ends[beyond(one)]}.{_innocent(one)}"
    )


def _innocent(one: Json) -> str:
    """How many of those to which nothing happened were flagged too: precision alone hides it where most are bad."""
    left = one["designs"] - one["hits"] - one["misses"]
    return f" Of the {left} that were not, it called {one['false_alarms'] or 'none'} so too." if left else ""


def by_task(told: Json, alarm: str = "gameable", outcome: str = "hacked") -> str:
    """One alarm against one outcome on each task, with the exact p of its own: what is pooled may rest on some."""
    pieces = [
        f"on {quoted(task)} {one['hits']} of {one['flagged']} flagged, where {one['happened']} of {one['designs']} "
        f"were (p {chance(one['p'])})"
        for task, one in told["verdicts"][alarm][outcome]["tasks"].items()
    ]
    return (
        f"Called {ALARMS[alarm]} and {OUTCOMES[outcome]}, a task at a time: {'; '.join(pieces)}. The p's are exact and "
        "not adjusted for the number of tasks."
    )


def ranked(told: Json, predictors: Json, outcome: str = "quality") -> str:
    """How each predictor ranks designs by an outcome."""
    pieces = []
    for name in predictors:
        one = told["predictors"][name][outcome]
        if one is None:
            pieces.append(f"`{name}` not known")
        else:
            doubt = " (cannot be told from none)" if one["low"] <= 0 <= one["high"] else ""
            pieces.append(f"`{name}` {signed(one['r'])} {bracket(one['low'], one['high'])}{doubt}")
    what = "Q at the end" if outcome == "quality" else outcome
    return f"Known before training, Spearman's correlation with {what}, ranked within tasks: {'; '.join(pieces)}."


# --- seeds, gold, trainer ------------------------------------------------------------------------


ENDS = {YES: "above the {}", NO: "below the {}", OPEN: "whether that is above the {} cannot be told"}


def retest(task: str, one: Json) -> Told:
    """Split halves and the reliability of the mean over seeds."""
    whole = one["icc_2_k"]
    kind = against(whole["low"], whole["high"], one["gate"])
    end = f"{'passes' if one['reliable'] else 'does not pass'} the gate of {fixed(one['gate'], 1)}"
    end += "; the interval includes the gate, so that it cannot be told" if kind == OPEN else ""
    says = (
        f"On {quoted(task)} two halves of the {one['seeds']} seeds rank {one['designs']} designs in Q alike by r = "
        f"{span(one['half_spearman'], 'r')}; the mean over all seeds has a reliability ICC(2,k) of {span(whole, 'r')}, "
        f"which {end}."
    )
    return Told("retest", task, kind, f"{span(whole, 'r')} ICC(2,k), {one['designs']} designs", says)


def above(task: str, one: Json) -> Told:
    """The same among the designs alone that learnt, or how many they are where they are too few."""
    learnt, which = one["learnt"], f"{task}, those that learnt"
    who = "designs alone that learnt, whose interval of the gain in Q over `untrained` lies above 0"
    if learnt is None:
        few = f"there are {one['above']}: among them it is not told before there are {one['least']}"
        figure = f"{one['above']} designs, too few"
        return Told("retest", which, OPEN, figure, f"On {quoted(task)}, of the {who}, {few}.")
    whole = learnt["icc_2_k"]
    kind = against(whole["low"], whole["high"], one["gate"])
    end = f"{'passes' if learnt['reliable'] else 'does not pass'} the gate"
    end += "; the interval includes it, so that it cannot be told" if kind == OPEN else ""
    says = (
        f"On {quoted(task)}, among the {learnt['designs']} {who}, r is {span(learnt['half_spearman'], 'r')} and "
        f"ICC(2,k) {span(whole, 'r')}, which {end}."
    )
    return Told("retest", which, kind, f"{span(whole, 'r')} ICC(2,k), {learnt['designs']} designs", says)


def second_gold(task: str, one: Json) -> Told:
    """The two golds on words and on the order of designs."""
    order, aim = one["order"], one["aim"]
    words = [f"{n} words {span(one[n], 'tau')}{_short_of(one[n], aim)}" for n in ("untrained", "trained") if one[n]]
    heard = f"completion by completion, tau is on {listed(words)}"
    if order is None or order["tau"] is None:
        says = f"On {quoted(task)} there are too few designs to order, or all are alike; {heard}."
        return Told("second_gold", task, OPEN, "–", says)
    kind = against(order["low"], order["high"], aim)
    says = (
        f"On {quoted(task)} the two golds order {order['designs']} designs alike by tau = {span(order, 'tau')}, "
        f"{ENDS[kind].format(f'aim of {fixed(aim, 1)}')}; {heard}."
    )
    return Told("second_gold", task, kind, f"{span(order, 'tau')} tau of the order", says)


def _short_of(one: Json, aim: float) -> str:
    """Said of words on which the golds agree less than is asked of the order."""
    return " (below the aim)" if against(one["low"], one["high"], aim) == NO else ""


def second_above(task: str, one: Json) -> Told:
    """The order under both golds among the designs alone that learnt, or how many they are where they are too few."""
    order, which = one["learnt"], f"{task}, those that learnt"
    if order is None or order["tau"] is None:
        why = f"{one['above']} designs learnt: of these alone the order is not told before there are {one['least']}"
        return Told("second_gold", which, OPEN, f"{one['above']} designs, too few", f"On {quoted(task)} {why}.")
    kind = against(order["low"], order["high"], one["aim"])
    says = (
        f"On {quoted(task)}, among the {order['designs']} designs alone that learnt, tau of the order is "
        f"{span(order, 'tau')}, {ENDS[kind].format('aim')}."
    )
    return Told("second_gold", which, kind, f"{span(order, 'tau')} tau of the order, {order['designs']} designs", says)


def others(one: Json) -> list[Json]:
    """The trainers that are not the board's own."""
    own = (one["own"]["rate"], one["own"]["algorithm"])
    return [t for t in one["trainers"] if (t["rate"], t["algorithm"]) != own]


def sensitivity(task: str, one: Json) -> Told:
    """Whether other trainers order designs as the board does, which pairs they turn over, and which verdicts flip."""
    told = others(one)
    if not told:
        return Told("sensitivity", task, OPEN, "–", f"On {quoted(task)} no other trainer was run.")
    least, most = (f(told, key=lambda t: t["tau"]) for f in (min, max))
    turned = sum(len(t["turned"]) for t in told)
    shown = all(t["p"] < LEVEL and t["tau"] > 0 for t in told)
    kind = NO if one["dependent"] or turned else YES if shown else OPEN
    doubt = sum(t["p"] >= LEVEL for t in told)
    worst = f" ({doubt} of {len(told)} cannot be told from no agreement: exact p up to {chance(_worst(told))})"
    says = (
        f"On {quoted(task)} {len(told)} other trainers order {len(one['designs'])} designs as the board's does by "
        f"tau = {span(least, 'tau')} at the least and {span(most, 'tau')} at the most{worst if doubt else ''}. "
        f"{_turned(told, turned)} {_flips(one)}"
    )
    figure = f"{span(least, 'tau')} least tau; {turned} pairs turned over, {len(one['dependent'])} flips"
    return Told("sensitivity", task, kind, figure, says)


def _worst(told: list[Json]) -> float:
    return max(float(t["p"]) for t in told)


def _turned(told: list[Json], turned: int) -> str:
    """What comes of the pairs that two trainers tell apart each: tau counts the noise among the others as well."""
    pairs = sum(t["both_told_apart"] for t in told)
    least, most = (f(t["both_told_apart"] for t in told) for f in (min, max))
    many = str(least) if least == most else f"{least} to {most}"
    which = sorted({f"{quoted(a)} above {quoted(b)}" for t in told for a, b in t["turned"]})
    end = f"{turned} are turned over (on the board {listed(which)})" if turned else "none is turned over"
    both = f"the pairs that the board's trainer and another both tell apart ({many} a trainer, {pairs} in all)"
    return f"Of {both}, {end}."


def _flips(one: Json) -> str:
    """How many verdicts change; where nobody is better than the baseline under any trainer, none could flip."""
    asked = len(one["designs"]) - 1
    flips = listed([quoted(d) for d in one["dependent"]])
    better = any(v == "better" for t in one["trainers"] for v in t["verdicts"].values())
    if flips:
        first = f"{len(one['dependent'])} of {asked} designs flip between better and worse ({flips})"
    elif better:
        first = "No verdict flips between better and worse"
    else:
        first = f"No design is better than {quoted(one['baseline'])} under any trainer, so that no verdict could flip"
    return f"{first}; {len(one['unsettled'])} of {asked} change their verdict in any way."


# --- challenge -----------------------------------------------------------------------------------


def together(told: Json) -> Told:
    """Mean shares caught of all designs, for each number of challenge seeds, beside the table for normal seeds."""
    honest, *milder, worst = told["together"]
    fair, caught = told["together"][honest]["caught"], told["together"][worst]["caught"]
    table = told["theory"][worst]["caught"]
    each = [one["picks"][worst]["caught"][-1] for one in told["designs"].values()]
    near = max(abs(a - b) for a, b in zip(caught, table, strict=True)) <= NEAR and max(fair) <= FAIR
    says = (
        f"On real seeds of {listed([quoted(d) for d in told['designs']])} together, "
        f"{listed([str(c) for c in told['seeds']])} challenge seeds flag an honest entry "
        f"{listed([percent(f) for f in fair])} of the time ({percent(LEVEL)} is meant), and catch the {worst} seeds "
        f"{listed([percent(c) for c in caught])} (normal theory {listed([percent(t) for t in table])})"
        f"{''.join(_milder(told, pick) for pick in milder)}. Of one design alone the {worst} are caught "
        f"{percent(min(each))} to {percent(max(each))} of the time with {told['seeds'][-1]}."
    )
    last = told["together"][worst]
    return Told("challenge", "all designs", YES if near else NO, f"{rate(last)} of {worst} caught", says)


def _milder(told: Json, pick: str) -> str:
    """How often a milder pick is caught: less."""
    return f", the {pick} only {listed([percent(c) for c in told['together'][pick]['caught']])}"


def challenge(design: str, one: Json, told: Json) -> Told:
    """Shares caught by the most challenge seeds, beside the table for normal seeds."""
    c = told["seeds"][-1]
    honest, *picked = one["picks"]
    normal = {n: percent(told["theory"][n]["caught"][-1]) for n in picked}
    pieces = [f"the {n} {rate(one['picks'][n])} (normal theory {normal[n]})" for n in picked]
    fair = one["picks"][honest]
    last = one["picks"][picked[-1]]
    table = told["theory"][picked[-1]]["caught"][-1]
    kind = NO if last["high"][-1] < table or fair["low"][-1] > LEVEL else YES
    says = (
        f"Of {one['seeds']} real seeds of {quoted(design)}, {c} challenge seeds flag an honest entry {rate(fair)} of "
        f"the time ({percent(LEVEL)} is meant), and catch {listed(pieces)}."
    )
    return Told("challenge", design, kind, f"{rate(last)} of {picked[-1]} caught", says)


def ground(told: Json) -> Told:
    """Whether the best of many near copies of a design, tried on the board's own seeds, is flagged more than honest."""
    last = {d: list(one["ground"].items())[-1] for d, one in told["designs"].items() if one["ground"]}
    caught = [g["caught"][-1] for _, g in last.values()]
    pick = f"{next(iter(last.values()))[0]} copies"
    most = f"{percent(min(caught))} to {percent(max(caught))}"
    kind = NO if max(caught) <= LEVEL else YES if min(caught) > LEVEL else OPEN
    ends = {NO: "no more than an honest entry is", YES: "more than an honest entry is", OPEN: "some more than that"}
    gains = listed([f"{quoted(d)} {signed(g['inflation'])}" for d, (_, g) in last.items()])
    says = (
        f"Of copies of one design whose weights hardly differ, tried on the board's own seeds, the {pick} is flagged "
        f"by {told['seeds'][-1]} challenge seeds {most} of the time, {ends[kind]}. What that added to the gold that it "
        f"reports, in standard deviations of a seed: {gains}."
    )
    return Told("challenge", "near copies", kind, f"{most} of {pick} caught", says)


def rate(caught: Json, at: int = -1) -> str:
    """A caught share with its interval."""
    return f"{percent(caught['caught'][at])} [{percent(caught['low'][at])}, {percent(caught['high'][at])}]"


# --- README --------------------------------------------------------------------------------------


def markdown(told: Json) -> list[str]:
    """The lines of the README's section."""
    lines = ["## Does it tell the truth?", ""]
    for part, question in questions(told).items():
        answers = [t for t in all_of(told) if t.part == part]
        lines += [f"**{question}**", "", *(f"- {t.says}" for t in answers), ""]
    return [*lines, "Charts and tables: [truth.html](truth.html).", ""]
