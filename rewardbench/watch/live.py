"""How does a sweep look in a terminal while it goes on? A table of its runs, the alarms below it."""

from __future__ import annotations

import os
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from rewardbench import alarms, progress
from rewardbench.progress import Alarm, Row, View
from rewardbench.watch.words import Pace, alarm_line, head, paced, safe

BARS = "▁▂▃▄▅▆▇█"
MARKS = {"running": "▸", "done": "✓", "failed": "✗", "lost": "?"}
STYLES = {"failed": "red", "lost": "red", "done": "dim"}
NARROW = 96
"""Columns below which the live table leaves something out."""

COLUMNS = ("", "task", "design", "seed", "step", "gold", "", "reward", "KL", "dead", "cut", "abst")
LEFT = (0, 1, 2, 5, 6)
"""Of these the columns of words and bars: set to the left."""
NAMES = (1, 2)
"""Those that may be cut."""
GO = (11, 10, 9, 8, 6, 7)
"""Those that a narrow window leaves out, the first one first."""
LEGEND = (
    "",
    "gold: the latest evaluation, bars of all (one scale a task)",
    "reward: mean of a step · KL: from the start policy, nats a sequence",
    "dead: prompts whose completions are all paid alike",
    "cut: at the length limit · abst: the part that abstains most",
)


def screen(view: View, width: int, height: int, pace: Pace, now: float) -> Any:
    """The live view, at most `height` lines of `width` columns: head, runs going on or lately over, alarms."""
    from rich.console import Group
    from rich.text import Text

    told = grouped(view.alarms)
    most = max(1, min(len(told), height // 4))
    box = _alarm_box(told, most) if told else []
    room = max(height - 3 - len(box) - 1, 1)
    shown = (view.of("running")[::-1] + view.of(*progress.OVER))[:room]
    rest = _rest(view, shown)
    first = Text(head(view, pace, now), style="bold", no_wrap=True, overflow="ellipsis")
    phase_ = Text(view.phase, style="dim", no_wrap=True, overflow="ellipsis")
    lines = [first, *([phase_] if view.phase else []), _table(view, shown, width)]
    lines += [Text(rest, style="dim", no_wrap=True, overflow="ellipsis")] if rest else []
    spare = height - len(lines) - len(shown) - len(box)  # the table has a line of names above its runs
    legend = LEGEND if spare > len(LEGEND) + 2 else ()
    return Group(*lines, *box, *(Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in legend))


def grouped(told: Sequence[Alarm]) -> list[tuple[Alarm, list[int]]]:
    """Alarms with the seeds of the design that raised the same one; the latest raised first."""
    found: dict[tuple[str, str, str], tuple[Alarm, list[int]]] = {}
    for alarm in told:
        key = (alarm.run.task, alarm.run.design.name, alarm.name)
        seeds = found.pop(key, (alarm, []))[1]
        found[key] = (alarm, sorted({*seeds, alarm.run.seed}))
    return list(found.values())[::-1]


def _alarm_box(told: Sequence[tuple[Alarm, list[int]]], most: int) -> list[Any]:
    """The alarms in a box: a line each, the latest `most` of them, and a count of the others."""
    from rich.text import Text

    title = f"alarms ({len(told)})" + (f", the latest {most}" if most < len(told) else "")
    lines = [alarm_line(alarm, seeds) for alarm, seeds in told[:most]]
    texts = [Text(f"── {title} ──", style="bold yellow", no_wrap=True)]
    return texts + [Text(f"! {line}", style="yellow", no_wrap=True, overflow="ellipsis") for line in lines]


def _rest(view: View, shown: Sequence[Row]) -> str:
    """How many runs the table leaves out, in words."""
    hidden = [r.state for r in view.rows.values() if r not in shown and r.state != "waiting"]
    waiting = len(view.of("waiting"))
    running = hidden.count("running")
    words = [f"{running} more going on"] if running else []
    words += [f"{len(hidden) - running} more over"] if len(hidden) > running else []
    return " · ".join(words + ([f"{waiting} waiting"] if waiting else []))


def _table(view: View, shown: Sequence[Row], width: int) -> Any:
    """The runs as a table, a line each."""
    from rich.table import Table
    from rich.text import Text

    bars = 4 if width < NARROW else 12
    told = [cells(row, spark(row.golds, *_ends(view, row.run.task))[-bars:]) for row in shown]
    kept = room(told, width)
    table = Table(box=None, padding=(0, 1, 0, 0), expand=False, header_style="dim", pad_edge=False)
    for n, most in kept.items():
        side: Any = "left" if n in LEFT else "right"
        table.add_column(COLUMNS[n], justify=side, no_wrap=True, overflow="ellipsis", max_width=most)
    alarmed = {a.run.id for a in view.alarms}
    for row, line in zip(shown, told, strict=True):
        style = "yellow" if row.run.id in alarmed else STYLES.get(row.state, "")
        table.add_row(*(Text(line[n], no_wrap=True, overflow="ellipsis") for n in kept), style=style)
    return table


def room(told: Sequence[Sequence[str]], width: int) -> dict[int, int]:
    """Column -> its width, of those there is room for: names are cut first, then columns go, since a cut number lies.

    >>> room([["▸", "a/task", "name", "1", "1/9", "0.5", "▁█", "+1.00", "3.0", "0%", "0%", "0%"]], 40)
    {0: 1, 1: 6, 2: 6, 3: 4, 4: 4, 5: 4, 7: 6}
    """
    from rich.cells import cell_len

    needed = {n: max(cell_len(line[n]) for line in [COLUMNS, *told]) for n in range(len(COLUMNS))}
    for least in (24, 16, 12, 8):
        needed |= {n: min(needed[n], least) for n in NAMES}
        if sum(needed.values()) + len(needed) <= width:
            return needed
    for gone in GO:
        if sum(needed.values()) + len(needed) > width:
            needed.pop(gone)
    return needed


def _ends(view: View, task: str) -> tuple[float, float]:
    """The lowest and highest gold of a task so far: its runs' bars share this scale."""
    golds = [g for r in view.rows.values() if r.run.task == task for g in r.golds]
    return (min(golds), max(golds)) if golds else (0.0, 1.0)


def spark(values: Sequence[float], low: float, high: float) -> str:
    """The values as a line of bars between low and high.

    >>> spark([0.0, 0.5, 1.0], 0.0, 1.0), spark([0.3, 0.3], 0.3, 0.3)
    ('▁▅█', '▁▁')
    """
    room = max(high - low, 1e-9)
    return "".join(BARS[min(int((v - low) / room * len(BARS)), len(BARS) - 1)] for v in values)


def cells(row: Row, bars: str) -> list[str]:
    """One run's line of the table: a mark, names, steps, gold and its bars, and what the last step told."""
    run, last = row.run, row.last
    kl = row.points[-1]["kl"] if row.points else None
    gold = f"{row.golds[-1]:.2f}" if row.golds else "–"
    step = f"{row.step}/{run.steps}" if run.design.trains else "–"
    ended_ = last.get("ended")
    shares = (row.dead[-1] if row.dead else None, None if ended_ is None else 1 - ended_, row.abstained)
    numbers = [_number(last.get("reward"), "+z.2f"), _number(kl, "z.1f"), *(_number(s, "z.0%") for s in shares)]
    return [MARKS.get(row.state, ""), run.task, safe(run.design.name, 40), str(run.seed), step, gold, bars, *numbers]


def _number(value: float | None, form: str) -> str:
    """The number in that form, or a dash where it is not known; `z` in a form makes a negative zero a zero.

    >>> _number(-0.04, "z.1f"), _number(-0.001, "+z.2f"), _number(None, "z.1f")
    ('0.0', '+0.00', '–')
    """
    return "–" if value is None or value != value else format(value, form)


@contextmanager
def on_terminal(view: View) -> Iterator[Callable[[dict[str, Any]], None]]:
    """The live table on the terminal; what anybody else writes to stderr meanwhile goes above it."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    kept, pace = [view], [Pace(time.monotonic())]

    def tell(event: dict[str, Any]) -> None:
        kept[0] = alarms.check(progress.advance(kept[0], event), event)
        pace[0] = paced(pace[0], kept[0], event, time.monotonic())

    with _stderr_apart() as (terminal, others):
        console = Console(file=terminal, force_terminal=True)

        def draw() -> Any:
            size = os.get_terminal_size(terminal.fileno())
            width = max(size.columns - 3, 20)  # room for the ^C that a terminal echoes: on a full line it would wrap
            console.size = (width, size.lines)
            return screen(kept[0], width, size.lines - 1, pace[0], time.monotonic())

        with (
            Live(console=console, get_renderable=draw, refresh_per_second=2, transient=True,
                 redirect_stdout=False, redirect_stderr=False, vertical_overflow="crop"),
            others(lambda line: console.print(Text(safe(line, 2000)), soft_wrap=True)),
        ):
            yield tell


@contextmanager
def _stderr_apart() -> Iterator[tuple[TextIO, Any]]:
    """(the terminal, a reader of what this process and its workers write to stderr) while the block goes on."""
    sys.stderr.flush()
    saved = os.dup(2)
    read, write = os.pipe()
    os.dup2(write, 2)
    os.close(write)
    try:
        with open(os.dup(saved), "w", encoding="utf-8", errors="backslashreplace") as terminal:
            yield terminal, lambda say: _reading(read, say)
    finally:
        sys.stderr.flush()
        os.dup2(saved, 2)
        for descriptor in (saved, read):
            os.close(descriptor)


@contextmanager
def _reading(read: int, say: Callable[[str], None]) -> Iterator[None]:
    """Hand each line written to the pipe on; to its end, when the block ends."""
    over = threading.Event()

    def go() -> None:
        rest = b""
        while True:
            ready = select.select([read], [], [], 0.1)[0]
            if ready:
                *lines, rest = (rest + os.read(read, 65536)).split(b"\n")
                for line in lines:
                    say(line.decode(errors="backslashreplace"))
            elif over.is_set():
                if rest:
                    say(rest.decode(errors="backslashreplace"))
                return

    reader = threading.Thread(target=go, daemon=True)
    reader.start()
    try:
        yield
    finally:
        sys.stderr.flush()
        over.set()
        reader.join(5)
