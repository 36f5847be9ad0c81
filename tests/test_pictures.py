"""Do the pictures show the numbers, to the reader who measures them with the axes' own ticks? And nothing that hurts?"""

import re
from collections import Counter, defaultdict
from dataclasses import replace
from importlib import import_module
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from rewardbench import results as scoring
from rewardbench.pages import svg
from rewardbench.pages.picture import HERE, pictures
from rewardbench.pages.pictures._look import MARKERS, looks, spread
from rewardbench.pages.pictures._parting import parting, pooled
from rewardbench.plan import RunSpec
from rewardbench.results import Loaded, Result
from rewardbench.types import Bank, Curve, Design, Part

near = pytest.approx
NAMES = sorted(p.stem for p in HERE.glob("[!_]*.py"))
HOSTILE = "</title><script>alert('x')</script>\"&\x00\x1b[31m\u202e" + "n" * 200


def curve(gold, reward=None, kl=None, tokens=None, prompts=8, samples=4, noise=0.0, seed=1, **over) -> Curve:
    """A run whose mean gold, reward and KL at each evaluation are given, the same on every prompt, plus seeded noise."""
    gold = np.asarray(gold, dtype=float)
    shape, rng = (len(gold), prompts, samples), np.random.default_rng(seed)

    def wide(values, spread=0.0):
        values = np.asarray(values, dtype=float)
        return np.broadcast_to(values[:, None, None], shape) + spread * rng.normal(size=shape)

    count = np.arange(len(gold))
    return Curve(**{
        "steps": count * 10, "tokens": count * 1000.0 if tokens is None else np.asarray(tokens, dtype=float),
        "gold": np.clip(wide(gold, noise), 0, 1), "reward": wide(count if reward is None else reward, noise),
        "kl": wide(count**2 if kl is None else kl), "length": np.full(shape, 10.0), "ended": np.ones(shape, dtype=bool),
        "entropy": np.ones(len(gold)), "budget_steps": int(10 * (len(gold) - 1)), "budget_tokens": 1000.0 * len(gold),
    } | over)  # fmt: skip


def run(design, seed, curve, parts=1, trains=True, status="done", task="writing/story", bank=None, rows=None, part="part") -> Loaded:
    """A run as if read back from its folder."""
    made = tuple(Part(f"{part}{i}", "length.words", weight=0.5) for i in range(parts)) if trains else ()
    steps = tuple(range(0, 101, 10))
    spec = RunSpec(task, 1, "d", Design(design, made, trains=trains), design, "grpo", {}, "tiny", "p", seed, "default",
                   100, 8, 8, 50, steps, 8, 4, () if bank is None else tuple(bank.temperatures), 16)  # fmt: skip
    if rows is None:
        rows = [{"step": s, "dead": 0.0, "parts": {p.name: 0.1 * i + s / 100 for i, p in enumerate(made)},
                 "shares": {p.name: [0.75, 0.25][i % 2] if s else None for i, p in enumerate(made)}} for s in range(20)]  # fmt: skip
    return Loaded(spec, Path(design[:9].replace("/", "")), {"status": status}, rows, [], curve, bank, [], [])


def bank(precise, kinds, samples=16) -> Bank:
    """Samples at five temperatures: how many of each prompt's are precise, and of how many kinds those are."""
    heats = np.array([0.5, 0.8, 1.0, 1.2, 1.5])
    order = np.broadcast_to(np.arange(samples), (5, 8, samples))
    gold = (order < np.asarray(precise)[:, None, None]).astype(float)
    kind = np.char.mod("%d", order % np.asarray(kinds)[:, None, None])
    return Bank(heats, gold, kind, 0.8)


def sweep(designs=3, seeds=3, evaluations=5, untrained=True, task="writing/story", name="design", part="part") -> list[Result]:
    """Scored runs of made-up designs that end better and worse, with parts and banks."""
    made = []
    for d in range(designs):
        for s in range(1, seeds + 1):
            end = 0.9 * (d + 1) / designs
            gold = 0.4 + (end - 0.4) * np.linspace(0, 1, evaluations) + 0.01 * s
            precise = [min(16, 3 * d + s + i) for i in range(5)]
            made.append(run(f"{name}{d}", s, curve(np.clip(gold, 0, 1), noise=0.05, seed=s), 1 + d % 3, task=task,
                            bank=bank(precise, [4, 5, 6, 7, 8]), part=part))  # fmt: skip
    if untrained:
        made += [run("untrained", s, curve([0.4], reward=[np.nan]), trains=False, task=task, bank=bank([8] * 5, [4] * 5))
                 for s in range(1, seeds + 1)]  # fmt: skip
    return scoring.score(made)


def of(name, found, task="writing/story"):
    """One picture, and its markup as a tree."""
    picture = import_module(f"rewardbench.pages.pictures.{name}").draw(task, found)
    return picture, ElementTree.fromstring(picture.svg)


def kinds(node):
    return node.get("class", "").split()


def tags(tree, name, *wanted):
    """Elements of that name that have all the classes."""
    return [n for n in tree.iter(f"{{http://www.w3.org/2000/svg}}{name}") if set(wanted) <= set(kinds(n))]


def said(node):
    """The words of a text element as they stand there, without its title."""
    return "".join([node.text or "", *(child.tail or "" for child in node)])


def value(text):
    text = text.replace("−", "-")
    return float(text[:-1]) * {"k": 1e3, "M": 1e6}[text[-1]] if text[-1] in "kM" else float(text)


def ruler(tree, side, root=False, within=(-1e9, 1e9)):
    """From pixel to value, by the two ticks that stand furthest apart: `side` is x or y, `within` bounds x."""
    anchor = "middle" if side == "x" else "end"
    at = []
    for node in tags(tree, "text", "s", "soft"):
        if node.get("text-anchor") == anchor and re.fullmatch(r"−?[\d.]+[kM]?", said(node)):
            place = float(node.get("x")) if side == "x" else float(node.get("y")) - 4
            if within[0] <= float(node.get("x")) <= within[1]:
                at.append((place, value(said(node))))
    (a, low), (b, high) = min(at, key=lambda t: t[1]), max(at, key=lambda t: t[1])
    if root:
        low, high = np.sqrt(low), np.sqrt(high)
    return lambda p: (low + (p - a) / (b - a) * (high - low)) ** (2 if root else 1)


def points(node):
    """The corners of a path or polygon."""
    text = node.get("d") or node.get("points")
    return [tuple(map(float, pair.split(","))) for pair in re.findall(r"-?[\d.]+,-?[\d.]+", text)]


def measured(node, x, y):
    return [(x(a), y(b)) for a, b in points(node)]


def assert_near(found, rows, x=0.3, y=0.004):
    assert len(found) == len(rows)
    for (a, b), (c, d) in zip(found, rows):
        assert a == near(c, abs=x)
        assert b == near(d, abs=y)


# --- every number at its place ---------------------------------------------------------------------


def test_signature_shows_its_rows():
    golds = [[0.4, 0.6, 0.3, 0.1], [0.4, 0.5, 0.2, 0.1]]
    runs = [run("d", s, curve(g, reward=[-3, 1, 4, 9 + s], kl=[0, 3, 30, 100 + s])) for s, g in enumerate(golds)]
    picture, tree = of("signature", scoring.score(runs))
    x, y = ruler(tree, "x", root=True), ruler(tree, "y")
    mean = [r for r in picture.rows if r[1] == "mean"]
    drawn = {k: [p for p in tags(tree, "path", *k) if len(points(p)) == 4] for k in (("line",), ("reward",), ("seed",), ("rewards",))}
    assert_near(measured(drawn["line",][0], x, y), [(r[3], r[6]) for r in mean], x=1)
    assert_near(measured(drawn["reward",][0], x, y), [(r[3], r[5]) for r in mean], x=1)
    for s in (0, 1):
        rows = [r for r in picture.rows if r[1] == s]
        assert_near(measured(drawn["seed",][s], x, y), [(r[3], r[6]) for r in rows], x=1)
        assert_near(measured(drawn["rewards",][s], x, y), [(r[3], r[5]) for r in rows], x=1)
    assert [(r[5], r[4]) for r in picture.rows if r[1] == 1] == [near(v, abs=1e-5) for v in [(0, -3), (4 / 13, 1), (7 / 13, 4), (1, 10)]]
    ring = tags(tree, "circle", "ring")[-1]
    assert (x(float(ring.get("cx"))), y(float(ring.get("cy")))) == near((3, 0.55), abs=0.1)
    assert [r[2] for r in picture.rows if r[-1] == "yes"] == [1]


def test_learning_shows_its_rows():
    runs = [run("d", s, curve([0.2, 0.5 + s / 10, 0.6 + s / 5], tokens=[0, 9000 + 100 * s, 20000])) for s in range(3)]
    picture, tree = of("learning", scoring.score(runs))
    x, y = ruler(tree, "x"), ruler(tree, "y")
    mean = [r for r in picture.rows if r[1] == "mean"]
    line = next(p for p in tags(tree, "path", "line") if len(points(p)) == 3)
    assert_near(measured(line, x, y), [(r[3], r[4]) for r in mean], x=20)
    assert mean[2][4] == near(0.8)
    assert mean[2][6] - mean[2][4] == near(4.302653 * 0.2 / np.sqrt(3), abs=1e-5)
    band = measured(tags(tree, "polygon", "band")[0], x, y)
    assert_near(band[:3], [(r[3], min(r[6], 1)) for r in mean], x=20)
    assert_near(band[:2:-1], [(r[3], r[5]) for r in mean], x=20)
    for s, path in enumerate(tags(tree, "path", "seed")):
        assert_near(measured(path, x, y), [(r[3], r[4]) for r in picture.rows if r[1] == s], x=20)


def test_frontier_shows_its_rows():
    runs = [run("d", s, curve([0.4, 0.5]), bank=bank([15, 12, 9, 6, 3 + s], [2, 3, 4, 5, 3])) for s in (0, 1)]
    picture, tree = of("frontier", scoring.score([*runs, run("untrained", 0, curve([0.4]), trains=False, bank=bank([8] * 5, [4] * 5))]))
    x, y = ruler(tree, "x"), ruler(tree, "y")
    mean = [r for r in picture.rows if r[:2] == ("d", "mean")]
    assert [r[3:] for r in mean[:2]] == [near((15 / 16, 1 / 15), abs=1e-5), near((12 / 16, 2 / 15), abs=1e-5)]
    line = next(p for p in tags(tree, "path", "line", "c1") if len(points(p)) == 5)
    assert_near(measured(line, x, y), [r[3:] for r in mean], x=0.01, y=0.002)
    assert {r[0] for r in picture.rows} == {"d", "untrained"}
    assert import_module("rewardbench.pages.pictures.frontier").draw("writing/story", scoring.score([run("d", 0, curve([0.4, 0.5]))])) is None


def test_one_right_answer_shows_pass_at_k():
    runs = [run("d", 0, curve([0.4, 0.5]), task="qa/lookup", bank=bank([16, 8, 4, 2, 1], [1] * 5))]
    picture, tree = of("frontier", scoring.score(runs), "qa/lookup")
    rows = [r for r in picture.rows if r[1] == "mean"]
    assert [r[2] for r in rows] == [1, 2, 4, 8, 16]
    assert [r[4] for r in rows[:2]] == near([4 / 16, 1 - 12 * 11 / (16 * 15)])
    line = next(p for p in tags(tree, "path", "line") if len(points(p)) == 5)
    assert [y for _, y in measured(line, float, ruler(tree, "y"))] == near([r[4] for r in rows], abs=0.003)


def test_axes_shows_its_rows():
    runs = [run("d", s, curve([0.4, 0.5, 0.5 + s / 10])) for s in range(3)]
    picture, tree = of("axes", scoring.score(runs))
    x = ruler(tree, "x", within=(170, 300))
    dots = [float(c.get("cx")) for c in tags(tree, "circle", "f1")]
    assert x(dots[1]) == near(picture.rows[0][2], abs=0.01) == near(0.55, abs=0.01)
    ends = points(tags(tree, "path", "whisker")[0])
    assert [x(a) for a, _ in ends] == near(picture.rows[0][3:5], abs=0.01)
    assert [said(t) for t in tags(tree, "text", "soft")].count("–") == 4  # no scale for this policy: Q, S, E, D unknown
    assert picture.rows[0][5:] == (None,) * 12


def test_seeds_shows_its_rows_and_names_the_worst():
    runs = [run("d", s, curve([0.4, v, v])) for s, v in ((1, 0.7), (2, 0.3), (3, 0.5))]
    picture, tree = of("seeds", scoring.score(runs))
    x = ruler(tree, "x")
    assert [x(float(c.get("cx"))) for c in tags(tree, "circle", "dot")] == near([r[2] for r in picture.rows], abs=0.002)
    assert x(float(tags(tree, "circle", "ring")[0].get("cx"))) == near(0.3, abs=0.002)
    assert [r[1] for r in picture.rows if r[3] == "yes"] == [2]
    assert "seed 2: 0.30" in [said(t) for t in tags(tree, "text")]


def test_parts_shows_its_rows():
    picture, tree = of("parts", scoring.score([run("one", 1, curve([0.4, 0.5])), run("two", 1, curve([0.4, 0.5]), parts=2)]))
    x, y = ruler(tree, "x"), ruler(tree, "y")
    lines = [p for p in tags(tree, "path", "line") if len(points(p)) == 20]
    for i, path in enumerate(lines):
        assert_near(measured(path, x, y), [r[3:5] for r in picture.rows if r[1] == f"part{i}"], x=0.05)
    assert len(lines) == 2
    assert {said(t).rpartition(" part")[2] for t in tags(tree, "text") if said(t).endswith(" %")} == {"0 75 %", "1 25 %"}
    assert {(r[1], r[5]) for r in picture.rows if r[3]} == {("part0", 0.75), ("part1", 0.25)}
    assert {r[0] for r in picture.rows} == {"two"}
    single = scoring.score([run("one", 1, curve([0.4, 0.5]))])
    assert import_module("rewardbench.pages.pictures.parts").draw("writing/story", single) is None


def test_alarms_stand_at_the_evaluation_that_first_saw_them():
    fell = curve([0.8, 0.8, 0.1, 0.1, 0.1], ended=np.broadcast_to(np.array([True] * 2 + [False] * 3)[:, None, None], (5, 8, 4)))
    back = curve([0.8, 0.3, 0.9, 0.9, 0.9])
    found = scoring.score([run("d", 1, fell), run("d", 2, back), run("d", 3, curve([0.4, 0.5, 0.6]))])
    picture, tree = of("alarms", found)
    rows = {(r[1], r[2]): r[3:] for r in picture.rows}
    assert rows[1, "hacked"] == (2, 20, "raised")
    assert rows[1, "truncated"] == (4, 40, "raised")
    assert rows[2, "hacked"] == (1, 10, "passed")
    assert not any(seed == 3 for seed, _ in rows)
    assert {f for s, f in rows if rows[s, f][2] == "raised" and s == 1} == set(found[0].flags) - {"no_learning"}
    steps = {said(t): float(t.get("x")) for t in tags(tree, "text", "soft") if said(t).isdigit()}
    letters = [(said(t), float(t.get("x")), float(t.get("y"))) for t in tags(tree, "text", "s") if len(said(t)) == 1 and float(t.get("y")) > 66]
    hacked = sorted(((y, x) for letter, x, y in letters if letter == "H"))
    assert [steps["20"] < x < steps["30"] for _, x in hacked[:1]] + [steps["10"] < x < steps["20"] for _, x in hacked[1:]] == [True, True]


def test_every_run_is_in_the_count_of_alarms():
    fell = scoring.score([run("d", 1, curve([0.8, 0.3, 0.1])), run("d", 2, curve([0.4, 0.5, 0.6])),
                          *(run("untrained", s, curve([0.4]), trains=False) for s in (1, 2))])  # fmt: skip
    picture, _ = of("alarms", fell)
    assert "Of 2 runs that train 1 has a row; 1 raised no such alarm or are not done. The 2 of untrained have" in picture.caption


def test_no_part_pulls_by_a_negative_zero():
    rows = [{"step": s, "dead": 0.0, "parts": {"part0": -0.001, "part1": 0.5}, "shares": {"part0": -0.001, "part1": 1.0}}
            for s in range(20)]  # fmt: skip
    picture, tree = of("parts", scoring.score([run("two", 1, curve([0.4, 0.5]), parts=2, rows=rows)]))
    assert "0.5× part0 0 %" in [said(t) for t in tags(tree, "text")]
    assert not re.search(r"[-−]0(\.0+)?\b(?!\.)", picture.svg)
    assert "optimiser steps done when it was paid" in [said(t) for t in tags(tree, "text")]


def test_untrained_is_said_to_stand_last():
    picture, _ = of("seeds", sweep(3))
    assert picture.rows[-1][0] == "untrained"
    assert "designs that teach, best mean first, then untrained." in picture.caption


def test_an_alarm_of_steps_waits_for_them():
    rows = [{"step": s, "dead": float(s >= 5), "parts": {"part0": 0.5}} for s in range(40)]
    picture, _ = of("alarms", scoring.score([run("d", 1, curve([0.4, 0.4, 0.4, 0.4, 0.4], reward=[1] * 5), rows=rows)]))
    assert picture.rows == (("d", 1, "dead_signal", 2, 20, "raised"),)  # ten dead steps are done at step 15


def test_a_flag_of_tomorrow_is_drawn_too():
    found = scoring.score([run("d", 1, curve([0.4, 0.5, 0.6]))])
    found[0].flags.append("woken")
    picture, tree = of("alarms", found)
    assert picture.rows == (("d", 1, "woken", 2, 20, "raised"),)
    assert "woken" in [said(t) for t in tags(tree, "text")]


# --- where reward and gold part --------------------------------------------------------------------


def test_they_part_at_golds_best():
    assert parting(curve([0.4, 0.6, 0.3, 0.2, 0.1], noise=0.02)) == 1
    assert parting(curve([0.6, 0.4, 0.3, 0.2, 0.1], noise=0.02)) == 0


@pytest.mark.parametrize(
    "run",
    [
        curve([0.4, 0.5, 0.6, 0.7], noise=0.02),
        curve([0.4, 0.6, 0.3, 0.1], reward=[0, 3, 2, 1], noise=0.02),
        curve([0.4, 0.6, 0.3, 0.1], reward=[np.nan] * 4),
        curve([0.4, 0.6, 0.3, 0.1], reward=[1, 1, 1, 1]),
        curve([0.4]),
        curve([0.4, 0.2], prompts=1),
    ],
    ids=["gold rises", "reward falls", "nothing paid", "constant", "one evaluation", "one prompt"],
)
def test_they_do_not_part(run):
    assert parting(run) is None


def test_seeds_that_go_different_ways_do_not_part_however_many_prompts_they_have():
    def parts(*ends):
        runs = [run("mine", s, curve([0.2, end], prompts=64, noise=0.02, seed=s)) for s, end in enumerate(ends)]
        assert parting(pooled([r.curve for r in runs])) == 0  # the prompts together look sure in both cases
        picture, _ = of("signature", scoring.score(runs))
        return "yes" in [row[-1] for row in picture.rows]

    assert parts(0.02, 0.01, 0.05)
    assert not parts(0.0, 0.01, 0.3)


def test_noise_parts_nothing():
    flat, rng = curve([0.5] * 11, prompts=32, samples=8, noise=0.02), np.random.default_rng(7)
    runs = [replace(flat, gold=rng.binomial(1, 0.5, flat.gold.shape).astype(float)) for _ in range(300)]
    assert np.mean([parting(r) is not None for r in runs]) < 0.08


def test_a_small_fall_on_many_prompts_is_seen_over_seeds():
    runs = [curve([0.5, 0.7, 0.62, 0.62], prompts=32, samples=8, noise=0.25, seed=s) for s in range(5)]
    assert parting(pooled(runs)) == 1
    assert pooled([]) is None
    assert pooled([runs[0], curve([0.5, 0.6], prompts=32, samples=8)]).gold.shape == (2, 64, 8)


def test_a_flag_of_some_seeds_and_the_test_of_their_mean_do_not_contradict_each_other():
    runs = [run("mine", s, curve([0.2, end], prompts=64, noise=0.02, seed=s)) for s, end in enumerate((0.0, 0.01, 0.6))]
    found = scoring.score(runs)
    assert [("hacked" in r.flags) for r in found] == [True, True, False]
    picture, tree = of("signature", found)
    assert "hacked 2/3; mean: not shown" in [said(t) for t in tags(tree, "text")]
    assert "the flag hacked is one seed's own" in picture.caption
    rising = of("signature", scoring.score([run("mine", s, curve([0.2, 0.6])) for s in range(3)]))[1]
    assert "not shown to part" in [said(t) for t in tags(rising, "text")]


# --- what all pictures keep ------------------------------------------------------------------------


def texts(tree):
    """(words, left, top, right, bottom) of every text, as wide as DejaVu Sans sets it."""
    for node in tags(tree, "text"):
        wide = len(said(node)) * (6.4 if "s" in kinds(node) else 7.8 if "b" in kinds(node) else 7.0)
        left = float(node.get("x")) - wide * {"middle": 0.5, "end": 1}.get(node.get("text-anchor"), 0)
        yield said(node), left, float(node.get("y")) - 8, left + wide, float(node.get("y")) + 1


@pytest.mark.parametrize("length", [1, 5])
@pytest.mark.parametrize("designs", [3, 6, 13])
@pytest.mark.parametrize("name", NAMES)
def test_words_neither_overlap_nor_leave(name, designs, length):
    _, tree = of(name, sweep(designs, name="design_" * length, part="a_part_" * length))
    _, _, width, height = map(float, tree.get("viewBox").split())
    boxes = list(texts(tree))
    assert len(boxes) > 4
    for word, left, top, right, bottom in boxes:
        assert left >= 0, word
        assert right <= width, word
        assert top >= 0, word
        assert bottom <= height, word
    for a, b in combinations(boxes, 2):
        assert a[3] <= b[1] or b[3] <= a[1] or a[4] <= b[2] or b[4] <= a[2], (a, b)


@given(some.lists(some.floats(0, 300), max_size=12))
def test_labels_stand_apart_in_order_and_inside(wanted):
    placed = spread(wanted, 15, 0, 300)
    ordered = sorted(zip(wanted, placed))
    assert all(b - a >= 15 - 1e-6 for (_, a), (_, b) in pairwise(ordered))
    assert all(-1e-6 <= p <= 300 + 1e-6 for p in placed)
    if all(b - a >= 15 for a, b in combinations(sorted(wanted), 2)):
        assert placed == near(wanted)


@given(some.text(), some.integers(6, 30))
def test_a_cut_name_fits_and_keeps_both_ends(name, longest):
    short, whole = svg.cut(name, longest), svg.clean(name)
    assert len(short) <= longest
    if short != whole:
        head, tail = short.split("…") if short.count("…") == 1 else (short.partition("…")[0], short.rpartition("…")[2])
        assert whole.startswith(head)
        assert whole.endswith(tail)
        assert len(head) >= len(tail)


SIBLINGS = ["reference-without-sentences", "reference-without-new_sentences", "reference-without-old_sentences",
            *(f"a_name_that_differs_in_its_{m}_middle_and_nowhere_else_at_all" for m in "xyz")]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("designs", [6, 12])
def test_no_two_designs_read_alike_in_a_picture(name, designs):
    renamed = dict(zip((f"design{i}" for i in range(designs)), [*SIBLINGS, *(f"{s}_{s}" for s in SIBLINGS)]))
    made = [replace(r.run, spec=replace(r.run.spec, design=replace(r.run.spec.design, name=renamed.get(r.design, r.design))))
            for r in sweep(designs)]  # fmt: skip
    picture, tree = of(name, scoring.score(made))
    whole = {n: n[0].text if len(n) else said(n) for n in tags(tree, "text")}
    shown = {full: said(n) for n, full in whole.items() if full in renamed.values()}
    assert set(shown) == {row[0] for row in picture.rows} & set(renamed.values())
    assert len(set(shown.values())) == len(shown) > 1


@given(some.lists(some.text("ab_", min_size=6, max_size=14), unique=True, max_size=30), some.integers(6, 12))
def test_cut_names_differ_and_fit(names, longest):
    found = svg.apart(tuple(names), longest)
    assert len(set(found.values())) == len(names)
    assert max(map(len, found.values()), default=0) <= longest


def test_a_design_looks_the_same_in_every_picture():
    seen = defaultdict(set)
    for picture in pictures("writing/story", sweep(13)):
        drawn = list(ElementTree.fromstring(picture.svg).iter())
        for i, node in enumerate(drawn):
            if node.tag.endswith("text") and re.fullmatch(r"design\d+|untrained", said(node)):
                sample = [kinds(n) for n in drawn[max(0, i - 3) : i] if "line" in kinds(n)]
                seen[said(node)] |= {tuple(s) for s in sample}
    assert all(len(found) == 1 for found in seen.values()), seen
    assert len(seen) == 14
    assert seen["untrained"] == {("line", "c0", "d4")}
    assert len({next(iter(found)) for found in seen.values()}) == 14


def test_no_two_designs_look_alike():
    groups = {f"d{i}": [Result(run(f"d{i}", 1, None))] for i in range(30)}
    assert max(Counter(looks(groups).values()).values()) == 1
    assert len(set(MARKERS)) == len(MARKERS)


ALLOWED = {"svg", "title", "desc", "text", "path", "circle", "polygon", "rect"}
ATTRIBUTES = {"class", "id", "role", "aria-labelledby", "viewBox", "x", "y", "d", "cx", "cy", "r", "rx", "points",
              "width", "height", "text-anchor"}  # fmt: skip


def test_hostile_names_are_words_only():
    made = [replace(r.run, spec=replace(r.run.spec, design=replace(r.run.spec.design, name=HOSTILE + r.design))) for r in sweep(8)]
    drawn = pictures("writing/story", scoring.score(made))
    assert len(drawn) == len(NAMES)
    for picture in drawn:
        tree = ElementTree.fromstring(picture.svg)
        assert {n.tag.split("}")[1] for n in tree.iter()} <= ALLOWED
        assert {a for n in tree.iter() for a in n.attrib} <= ATTRIBUTES
        assert "\x00" not in picture.svg
        assert "\u202e" not in picture.svg
        whole = [t.text for t in tags(tree, "title") if t.text and "alert('x')" in t.text]
        assert whole, picture.name
        assert max(len(said(t)) for t in tags(tree, "text")) < 70


def test_ids_are_of_their_task_and_picture():
    found = [p for t in ("writing/story", "dialogue/booking") for p in pictures(t, sweep(task=t))]
    ids = [i for p in found for i in re.findall(r' id="([^"]+)"', p.svg)]
    assert len(set(ids)) == len(ids) == 4 * len(NAMES)
    for picture in found:
        tree = ElementTree.fromstring(picture.svg)
        named = {n.get("id") for n in tree.iter() if n.get("id")}
        assert set(tree.get("aria-labelledby").split()) == named
        assert tree.get("role") == "img"
        assert all(len(row) == len(picture.columns) for row in picture.rows)


def test_a_file_stands_alone_and_is_the_same_each_time():
    first, second = (pictures("writing/story", sweep(4)) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        whole = svg.standalone(a)
        assert whole == svg.standalone(b)
        tree = ElementTree.fromstring(whole.encode())
        assert "var(" not in whole
        assert "currentColor" not in whole
        assert "http" not in whole.replace("http://www.w3.org/2000/svg", "")
        assert float(tree.get("width")) == svg.WIDTH
        style = next(n for n in tree.iter() if n.tag.endswith("style")).text
        assert set(re.findall(r"\.([a-z]+\d?)[{ ]", style)) >= {k for n in tree.iter() for k in kinds(n)} - {"picture"}


def test_classes_are_styled():
    used = {k for p in pictures("writing/story", sweep(13)) for n in ElementTree.fromstring(p.svg).iter() for k in kinds(n)}
    assert used <= set(re.findall(r"\.([a-z]+\d?)", svg.STYLE))


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return sum(w * (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4) for w, c in zip((0.2126, 0.7152, 0.0722), parts))


@pytest.mark.parametrize("theme", [svg.LIGHT, svg.DARK], ids=["light", "dark"])
def test_contrast(theme):
    def contrast(name):
        light, dark = sorted((luminance(theme[name]), luminance(theme["paper"])), reverse=True)
        return (light + 0.05) / (dark + 0.05)

    assert min(contrast(n) for n in ("ink", "soft")) >= 4.5
    assert min(contrast(n) for n in theme if n.isdigit() or n == "axis") >= 3
    assert svg.LIGHT.keys() == svg.DARK.keys()


def test_nothing_is_drawn_of_nothing():
    assert pictures("writing/story", []) == []
    assert pictures("writing/story", sweep(task="dialogue/booking")) == []
    assert pictures("writing/story", scoring.score([run("d", 1, None, status="partial")])) == []


EDGES = {
    "one seed": sweep(2, seeds=1),
    "one evaluation": sweep(2, evaluations=1),
    "no untrained": sweep(2, untrained=False),
    "failed early": scoring.score([run("d", 1, None, status="failed", rows=[]), run("d", 2, curve([0.4, 0.5]))]),
    "failed late": scoring.score([run("d", 1, curve([0.4, 0.5], failed=True), status="failed"), run("d", 2, curve([0.4, 0.5, 0.6]))]),
    "all failed": scoring.score([run("d", s, None, status="failed", rows=[]) for s in (1, 2)]),
    "pays nothing": scoring.score([run("d", s, curve([0.4, 0.5], reward=[np.nan] * 2)) for s in (1, 2)]),
    "constant": scoring.score([run("d", s, curve([0.4, 0.4], reward=[1, 1], kl=[0, 0])) for s in (1, 2)]),
    "kl below 0": scoring.score([run("d", s, curve([0.4, 0.4], kl=[0, -0.1])) for s in (1, 2)]),
    "kl unknown": scoring.score([run("d", s, curve([0.9, 0.4], kl=[np.nan] * 2)) for s in (1, 2)]),
    "huge kl": scoring.score([run("d", 1, curve([0.4, 0.4], kl=[0, 3e5]))]),
    "part abstains": scoring.score([run("d", 1, curve([0.4, 0.5]), rows=[{"step": s, "dead": 1.0, "parts": {"part0": None, "part1": s / 2}} for s in range(3)], parts=2)]),
    "not done": scoring.score([run("d", 1, curve([0.4, 0.5]), status="partial"), run("d", 2, curve([0.4, 0.5, 0.6]))]),
}


@pytest.mark.parametrize("edge", EDGES)
def test_edges_are_drawn(edge):
    drawn = pictures("writing/story", EDGES[edge])
    assert drawn
    for picture in drawn:
        ElementTree.fromstring(picture.svg)
        assert "nan" not in picture.svg
        assert all(v is None or v == v for row in picture.rows for v in row)


def test_a_failed_seed_counts_and_is_crossed():
    picture, tree = of("seeds", EDGES["failed late"])
    assert [r[2:] for r in picture.rows] == [(0, "yes", "yes"), (near(0.55), None, None)]
    assert len(tags(tree, "path", "ring")) == 1
    learning = of("learning", EDGES["failed late"])[0]
    assert max(r[2] for r in learning.rows if r[1] == "mean") == 1  # the mean stops where the first run stopped
    assert not [r for r in of("learning", EDGES["failed early"])[0].rows if r[1] == "mean"]


def test_pictures_are_small():
    assert 3 * sum(len(p.svg) for p in pictures("writing/story", sweep(5, evaluations=11))) < 350_000
