"""How is a picture written? As SVG elements, escaped; with the style that all pictures share; as a file of its own."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import cache
from itertools import combinations, zip_longest
from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rewardbench.pages.picture import Picture

WIDTH = 800
"""Of every picture, in its own units."""
CHARACTER = 7.0
"""What a character of a label is taken to be wide: fonts are the page's, so this errs on the wide side."""

LIGHT = {
    "paper": "#ffffff", "ink": "#1b1b1b", "soft": "#5a5a5a", "axis": "#757575", "grid": "#e6e6e6", "0": "#757575",
    "1": "#0072b2", "2": "#d55e00", "3": "#009e73", "4": "#c0659a", "5": "#b87a00", "6": "#2f8cc7", "7": "#857b00",
}  # fmt: skip
"""Okabe and Ito's hues, darkened where white paper leaves less than 3:1; 0 is the grey of `untrained`."""
DARK = {
    "paper": "#15181c", "ink": "#ececec", "soft": "#b4b8be", "axis": "#8c9096", "grid": "#2c3138", "0": "#9a9a9a",
    "1": "#3d9bd8", "2": "#f07c2a", "3": "#1fb98c", "4": "#de93bc", "5": "#e69f00", "6": "#7ccbf2", "7": "#f0e442",
}  # fmt: skip
COLOURS = 7
DASHES = ("none", "7 3", "2.5 2.5", "9 3 2.5 3")
GREY_DASH = "4 4"


def rules(colours: dict[str, str], text: str) -> str:
    """The style's rules; `colours` is what stands for each name, `text` what stands for the colour of words."""
    c = colours
    lines = [
        f".picture{{color:{c['ink']};background:{c['paper']}}}",
        f".picture text{{font-size:12px;fill:{text}}}.picture .s{{font-size:11px}}.picture .b{{font-weight:600}}",
        f".picture .soft{{fill:{c['soft']}}}.picture .axis{{stroke:{c['axis']};fill:none;stroke-width:1}}",
        f".picture .grid{{stroke:{c['grid']};fill:none;stroke-width:1}}",
        ".picture .line{fill:none;stroke-width:2.2;stroke-linejoin:round}",
        ".picture .seed{fill:none;stroke-width:.7;stroke-linejoin:round}",
        ".picture .band{stroke:none;fill-opacity:.17}.picture .whisker{fill:none;stroke-width:1.6}",
        f".picture .ring{{fill:none;stroke:{c['ink']};stroke-width:1.6}}",
        f".picture .drop{{fill:none;stroke:{c['ink']};stroke-width:.9;stroke-dasharray:1.5 2.5}}",
        f".picture .dotted{{fill:none;stroke:{c['axis']};stroke-width:1.2;stroke-dasharray:1.5 3}}",
        f".picture .reward{{fill:none;stroke:{c['ink']};stroke-width:1.5;stroke-linejoin:round}}",
        f".picture .rewards{{fill:none;stroke:{c['axis']};stroke-width:.7;stroke-linejoin:round}}",
        ".picture .level{fill:none;stroke-width:1.3}",
        f".picture .lead{{fill:none;stroke:{c['axis']};stroke-width:.6;stroke-dasharray:1 3}}",
        f".picture .apart{{fill:{c['grid']};fill-opacity:.6}}",
        f".picture .hollow{{fill:{c['paper']};stroke-width:1.4}}.picture .gone{{stroke-dasharray:2 2}}",
        f".picture .tint{{fill-opacity:.22}}.picture .dot{{stroke:{c['paper']};stroke-width:.7}}",
    ]
    lines += [f".picture .c{i}{{stroke:{c[str(i)]}}}.picture .f{i}{{fill:{c[str(i)]}}}" for i in range(COLOURS + 1)]
    lines += [f".picture .d{i}{{stroke-dasharray:{d}}}" for i, d in enumerate((*DASHES, GREY_DASH))]
    return "\n".join(lines)


def _variables(colours: dict[str, str]) -> str:
    return "".join(f"--p-{name}:{value};" for name, value in colours.items())


STYLE = "\n".join(
    [
        f":root{{{_variables(LIGHT)}}}",
        f"@media (prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}}}",
        f":root[data-theme=light]{{{_variables(LIGHT)}}}",
        f":root[data-theme=dark]{{{_variables(DARK)}}}",
        f"@media print{{:root,:root[data-theme]{{{_variables(LIGHT)}}}}}",
        ".picture{display:block;width:100%;max-width:60rem;height:auto}",
        rules({name: f"var(--p-{name})" for name in LIGHT}, "currentColor"),
    ]
)
"""CSS of all pictures, for a page to include once. Themes: the reader's, or `data-theme` on the root."""


# --- writing -------------------------------------------------------------------------------------


def clean(text: str) -> str:
    """The text with what XML forbids, or what hides or turns its neighbours, made visible.

    >>> clean("a\\x00b\\u202ec")
    'a�b�c'
    """
    if text.isprintable():
        return text
    return "".join("�" if unicodedata.category(c)[0] == "C" else c for c in text)


def escape(text: str) -> str:
    """The text as XML, also within quotes.

    >>> escape('<a & "b">')
    '&lt;a &amp; &quot;b&quot;&gt;'
    """
    swaps = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
    return "".join(swaps.get(c, c) for c in clean(text))


def number(value: float) -> str:
    """A coordinate, to a tenth.

    >>> number(3.0), number(-0.01), number(2.46)
    ('3', '0', '2.5')
    """
    if not isfinite(value):
        raise ValueError("a coordinate must be finite: leave out what is not known")
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")


def tag(name: str, *inner: str, **attributes: str | float) -> str:
    """An element; `kind` becomes its class, `_` in names `-`; `inner` is markup already.

    >>> tag("text", escape("a<b"), x=1.25, kind="s")
    '<text x="1.2" class="s">a&lt;b</text>'
    """
    shown = {
        ("class" if k == "kind" else k.replace("_", "-")): escape(v) if isinstance(v, str) else number(v)
        for k, v in attributes.items()
        if v != ""
    }
    head = "".join([name, *(f' {k}="{v}"' for k, v in shown.items())])
    return f"<{head}>{''.join(inner)}</{name}>" if inner else f"<{head}/>"


def words(
    x: float, y: float, text: str, kind: str = "", anchor: str = "", longest: int = 0, among: Iterable[str] = ()
) -> str:
    """A line of text; one longer than `longest` characters is cut, told from those `among` which it stands, and keeps
    the whole as its title."""
    short = apart((*among, text), longest)[text] if longest else clean(text)
    inner = [escape(short)] if short == clean(text) else [tag("title", escape(text)), escape(short)]
    return tag("text", *inner, x=x, y=y, kind=kind, text_anchor=anchor)


@cache
def apart(names: tuple[str, ...], longest: int) -> Mapping[str, str]:
    """Name -> what is shown of it in so many characters, no two alike: where heads and tails as usual are those of
    several, these are cut where they differ the most; names that differ in their middle alone are numbered.

    >>> apart(("without-sentences", "without-new_sentences", "short"), 15)
    {'without-sentences': 'w…ut-sentences', 'without-new_sentences': 'w…ew_sentences', 'short': 'short'}
    """
    found = {n: cut(n, longest) for n in names}
    for same in [[n for n in found if found[n] == short] for short in dict.fromkeys(found.values())]:
        if len(same) > 1:
            others = {short for n, short in found.items() if n not in same}
            found |= _told_apart(same, longest, others)
    return found


def _told_apart(names: Sequence[str], longest: int, others: Set[str]) -> dict[str, str]:
    """The names cut where they differ the most from each other, or numbered where no cut tells them apart."""
    ways = [{n: cut(n, longest, heads) for n in names} for heads in (1.0, 0.5, 0.25, 0.0, 4.0, 50.0)]
    best = max(ways, key=lambda way: min(_differ(a, b) for a, b in combinations(way.values(), 2)))
    if len({*best.values()} - others) == len(names):
        return best
    return {n: f"{cut(n, longest - len(f' {i}'))} {i}" for i, n in enumerate(names, 1)}


def _differ(one: str, other: str) -> int:
    """In how many places, counted from the end, two texts differ.

    >>> _differ("an-old", "a-new")
    5
    """
    return sum(a != b for a, b in zip_longest(reversed(one), reversed(other)))


def cut(text: str, longest: int, heads: float = 1.7) -> str:
    """The text if it is no wider than so many characters, else its head and its tail: names may differ in either.

    `heads` is how many times as long as the tail the head is.

    >>> cut("a_long_design_10", 12), cut("short", 12)
    ('a_long…n_10', 'short')
    """
    text = clean(text)
    if sum(map(_width, text)) <= longest:
        return text
    head = tail = ""
    while len(head + tail) < len(text):
        more = (head + text[len(head)], tail) if len(head) <= heads * len(tail) else (head, text[-len(tail) - 1] + tail)
        if sum(map(_width, "".join(more) + "…")) > longest:
            break
        head, tail = more
    return f"{head}…{tail}"


def _width(character: str) -> float:
    """About how wide a character is, in those of small letters."""
    if unicodedata.east_asian_width(character) in "WF":
        return 1.8
    return 1.3 if character.isupper() or character in "mw%@…" else 1.0


def path(xs: Iterable[float], ys: Iterable[float], kind: str) -> str:
    """A line through points, broken where one is not known; nothing if none is."""
    pieces: list[list[str]] = [[]]
    for x, y in zip(xs, ys, strict=True):
        if isfinite(x) and isfinite(y):
            pieces[-1].append(f"{number(x)},{number(y)}")
        elif pieces[-1]:
            pieces.append([])
    drawn = [p if len(p) > 1 else [*p, *p] for p in pieces if p]
    return tag("path", d="".join("M" + " ".join(p) for p in drawn), kind=kind) if drawn else ""


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """A straight line."""
    return path([x1, x2], [y1, y2], kind)


def identifier(task: str, name: str) -> str:
    """An id for the picture of a task that no other picture has.

    >>> identifier("qa/math", "seeds"), identifier("qa-math", "seeds")
    ('p-seeds-qa_2f_math', 'p-seeds-qa_2d_math')
    """
    return f"p-{name}-" + re.sub(r"[^A-Za-z0-9]", lambda m: f"_{ord(m[0]):x}_", task)


def whole(
    task: str, name: str, title: str, told: str, height: float, body: Sequence[str], width: float = WIDTH
) -> str:
    """The `<svg>` of a picture, with its title and, in words, what it shows."""
    key = identifier(task, name)
    return tag(
        "svg",
        tag("title", escape(title), id=f"{key}-t"),
        tag("desc", escape(told), id=f"{key}-d"),
        *body,
        xmlns="http://www.w3.org/2000/svg",
        kind="picture",
        viewBox=f"0 0 {number(width)} {number(height)}",
        role="img",
        aria_labelledby=f"{key}-t {key}-d",
    )


def standalone(picture: Picture) -> str:
    """The picture as an SVG file for papers: white, its style within, the same bytes each time."""
    style = ".picture{font-family:Helvetica,Arial,'Liberation Sans','DejaVu Sans',sans-serif}\n" + rules(
        LIGHT, LIGHT["ink"]
    )
    size = re.search(r'viewBox="0 0 (\S+) (\S+)"', picture.svg)
    assert size is not None
    paper = tag("rect", width="100%", height="100%", fill=LIGHT["paper"])
    drawn = picture.svg.replace("<svg ", f'<svg width="{size[1]}" height="{size[2]}" ', 1)
    drawn = drawn.replace("</desc>", f"</desc><style>{style}</style>{paper}", 1)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{drawn}\n'
