"""Which pictures of the README and the docs are of real sweeps? All: this runs the tour and records it.

    python docs/pictures.py [--story DIR]

Runs `rbench demo` in a folder of its own (about 160 CPU seconds) and writes into `docs/images/` the live view half-way
(`live.svg`) and the report in both themes (`report-light.png`, `report-dark.png`; needs Chromium); puts the tour's
closing tables into the README. With `--story`, a finished sweep of writing/story, also the README's first picture.
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

from rich.console import Console

from rewardbench import alarms, progress, results, sweep
from rewardbench.commands import demo
from rewardbench.pages.picture import pictures
from rewardbench.pages.svg import standalone
from rewardbench.spec import read_spec
from rewardbench.watch.live import screen
from rewardbench.watch.words import Pace, paced

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
WIDTH, HEIGHT = 112, 30


def tour(folder: Path) -> str:
    """Run the tour; the live view half-way as an SVG."""
    prepared = sweep.prepare(read_spec(demo.TOUR), folder)
    view, pace, seen = [progress.begin(prepared.id, prepared.runs)], [Pace(time.monotonic())], [""]

    def tell(event: dict[str, Any]) -> None:
        view[0] = alarms.check(progress.advance(view[0], event), event)
        now = time.monotonic()
        pace[0] = paced(pace[0], view[0], event, now)
        if not seen[0] and len(view[0].of(*progress.OVER)) >= len(prepared.runs) // 2:
            console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
            console.print(screen(view[0], WIDTH, HEIGHT, pace[0], now))
            svg = console.export_svg(title="rbench demo")
            seen[0] = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.S)  # a picture fetches nothing

    sweep.execute(prepared, sweep.cores(), tell)
    return seen[0]


def closing(folder: Path) -> str:
    """What the tour says at its end: tables and flags; the paired verdicts left out."""
    said = io.StringIO()
    with redirect_stderr(said):
        demo.command.main(["--out", str(folder), "--display", "plain"], standalone_mode=False)
    text = said.getvalue().replace(str(folder), "runs/demo")
    lines = [line.rstrip() for line in text.splitlines()]
    begin = next(n for n, line in enumerate(lines) if "(mean ±" in line)
    kept, verdicts = [], False
    for line in lines[begin:]:
        if line.endswith("gold, paired by seed"):
            verdicts = True
            continue
        if verdicts and re.match(r"\S+: `", line):  # the flags in words come after them
            kept.append("[…] paired verdicts of every design against `reference` and `untrained`")
            verdicts = False
        if not verdicts and line:
            kept.append(line)
    return "\n".join(kept)


def screenshots(page: Path) -> None:
    """The top of the report in both themes."""
    browser = next((b for n in ("chromium", "chromium-browser", "google-chrome") if (b := shutil.which(n))), None)
    if browser is None:
        sys.exit("docs/pictures.py: no Chromium; `apt-get install chromium`")
    for theme in ("light", "dark"):
        html = page.read_text().replace("<html ", f'<html data-theme="{theme}" ', 1)
        shown = page.with_name(f"{theme}.html")
        shown.write_text(html)
        target = IMAGES / f"report-{theme}.png"
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1100,1500"]
        subprocess.run([browser, *flags, f"--screenshot={target}", shown.as_uri()], check=True, capture_output=True)


def main() -> None:
    """Record the tour."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--story", type=Path, help="A finished sweep of writing/story.")
    asked = parser.parse_args()
    IMAGES.mkdir(exist_ok=True)
    if asked.story is not None:
        scored = results.score(results.load_sweep(asked.story))
        first = pictures("writing/story", scored)[0]
        (IMAGES / "signature-story.svg").write_text(standalone(first))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "demo"
        (IMAGES / "live.svg").write_text(tour(folder))
        text = closing(folder)
        readme = (ROOT / "README.md").read_text()
        before, _, rest = readme.partition("<!-- session -->")
        after = rest.partition("<!-- end -->")[2]
        (ROOT / "README.md").write_text(f"{before}<!-- session -->\n```text\n{text}\n```\n<!-- end -->{after}")
        screenshots(folder / "report.html")


if __name__ == "__main__":  # workers are spawned
    main()
