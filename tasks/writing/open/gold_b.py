"""Does a second reading find one answer of the asked form, about the question?

Written from the task's card without sight of `gold.py`. Read differently by choice:

- A pattern must match what is left once quotes, stars and the last full stop are gone; in a sentence it is worth .4.
- An answer is about the question if a topic stem begins one of its words; it brings news if at least one longer word
  (or a number, or a capital inside the sentence) is not in the prompt.
- Points are added up and then cut by the worst fault alone, not by all of them.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

bar = 0.65
SMALL = set()
for _words in (
    "a an the and or but if as so that this these those of in on at to for from by with about i you he she it we they",
    "me my your his its our their is are was were be been do does did have has had will would should can could may",
    "not no who what when where how why all one best good great popular first could there",
):
    SMALL |= set(_words.split())
WORST = (
    (re.compile(r"(?i)\bas an ai\b|language model|\bi (?:can't|cannot|am unable|don't have)\b|\bit depends"), 0.2),
    (re.compile(r"(?i)\b(?:here are|there are) (?:some|a few|many|several)\b|\bfor example\b|such as|^sure\b"), 0.2),
    (re.compile(r"(?i)one short sentence|what it is about|\bmy answer\b|this question|the prompt|be brief"), 0.1),
    (re.compile(r"(?:^|\n)\s*(?:[-*•#>]|\d+[.)])\s|[{}<>=_|\[\]]"), 0.3),
)


def _words(text: str) -> list[str]:
    """The words and numbers, in lower case."""
    return re.findall(r"[a-z0-9]+", text.lower().replace("’", "").replace("'", ""))


def _worst(prompt: str, form: str, text: str) -> float:
    """The factor of the worst fault."""
    said, asked = _words(text), _words(prompt)
    found = [factor for pattern, factor in WORST if pattern.search(text)]
    runs = sum(" ".join(said[i : i + 5]) in " ".join(asked) for i in range(len(said) - 4))
    found += [0.1] * (runs > 1 and runs > 0.3 * (len(said) - 4))
    found += [0.3] * any(a == b for a, b in pairwise(said))
    threes = [tuple(said[i : i + 3]) for i in range(len(said) - 2)]
    found += [0.3] * (len(set(threes)) < len(threes))
    if form == "sentence":
        small = sum(word in SMALL for word in said) / max(1, len(said))
        found += [0.3] * (text.count(",") > 2 or " or " in text.lower() or "/" in text)
        found += [0.3] * (text.endswith("?") and not {"question", "questions", "ice"} & set(asked))
        found += [0.3] * (small < 0.12)
    return min(found, default=1.0)


def _news(prompt: str, text: str) -> bool:
    """Whether the answer says something that the prompt does not."""
    asked = set(_words(prompt))
    return any(w not in asked | SMALL and (len(w) > 2 or w.isdigit()) for w in _words(text))


def gold(prompt: Any, completion: str) -> float:
    """Form x topic x the worst fault, in [0, 1]."""
    form, topic, text = str(prompt.truth["form"]), list(prompt.truth["topic"]), completion.strip()
    if form.startswith("/"):
        bare = re.sub(r"^[\"'*`]+|[\"'*`]+$", "", text)
        inside = re.findall(rf"(?<![\w.-])(?:{form[1:-1]})(?![\w-])", text)
        lone = len(inside) == 1 and len(_words(text)) < 13 and len(re.findall("[0-9]+", text)) < 2
        return 1.0 if re.fullmatch(form[1:-1], bare) else 0.4 * lone
    said = _words(text)
    if not said:
        return 0.0
    hits = sum(any(w.startswith(t) for w in said) for t in topic)
    about = min(1.0, hits / max(1, min(2, len(topic))))
    ended = 1.0 if re.search(r"[.!?][\"'”’)*]*$", text) else 0.6
    parts = len([p for p in re.split(r"[.!?]+\s|\n", text) if _words(p)])
    value = 0.0
    if form == "sentence":
        value = (0.25 + 0.75 * about) * ended * {1: 1.0, 2: 0.5}.get(parts, 0.15) * (1 if 3 < len(said) < 28 else 0.5)
    elif form == "text":
        value = (0.8 + 0.2 * about) * ended * min(1.0, len(said) / 8)
    elif form.startswith("lines"):
        lines = [line for line in text.split("\n") if _words(line)]
        off = abs(len(lines) - int(form.split()[1]))
        value = (0.4 + 0.6 * about) * {0: 1.0, 1: 0.4}.get(off, 0.1) * all(len(_words(s)) > 1 for s in lines)
    elif form.startswith("items"):
        items = [i for i in re.split(r",|\n|\band\b", text) if _words(i)]
        whole = len(items) == int(form.split()[1]) and len(set(items)) == len(items)
        value = (1.0 if whole else 0.1) * all(len(_words(i)) < 7 for i in items)
    return value * _worst(prompt.text, form, text) * (1.0 if _news(prompt.text, text) else 0.2)
