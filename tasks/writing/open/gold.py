"""Is it one answer, of the asked form, about what was asked? Not: is it true, or good."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from rewardbench.types import Prompt, Said

from .world import SMALL, elsewhere, listed, stem, words

bar = 0.7
HEDGE = re.compile(
    r"(?i)\b(?:as an ai|language model|i (?:can't|cannot|am unable|don't have)|it depends|hard to say|up to you|"
    r"(?:here are|there are) (?:some|a few|many|several)|sure|certainly|of course|for example|such as|let me know)\b"
)
TASK = re.compile(r"(?i)\b(?:one short sentence|says what it is about|the prompt|this question|my answer|be brief)\b")
FILLER = listed(
    "best good great popular favorite favourite cool coolest would could might recommend recommended choose pick "
    "option choice certain known famous well many often really truly definitely probably because considered world "
    "thing things time lot make makes made called named perfect amazing wonderful top first last most number "
    "random"
)
"""Words that many answers share: they tell no answer from another."""
DENIES = re.compile(
    r"(?i)\b(?:there (?:is|are|was|were) (?:no|not|never|nothing)|no ?body|no one|none|not sure|cannot|unable|refuse|"
    r"(?:will|would|do|does|did|can|could|shall|may|must|is|are|was) not|decline|unknown|sorry|prefer not|rather not|"
    r"never|without)\b|n['’]t\b"
)
LEADS = listed("to can could should would will i you we they please me people might")
"""Before a verb in its plain form."""
UNKNOWN = 0.4
"""What an answer is worth that holds no word of the well-known ones: it may be right, it may be noise."""


def gold(prompt: Prompt, completion: Said) -> float:
    """In [0, 1]: how far the answer keeps the asked form x a factor for each fault."""
    text = _text(completion).strip()
    form, topic = str(prompt.truth["form"]), tuple(prompt.truth["topic"])
    if not words(text) and form[0] != "/":
        return 0.0
    if form[0] == "/":
        return _exact(form[1:-1], text)
    said = words(text)
    score = _shape(form, text, topic) * _known(prompt, form, text) * (1.0 if core(prompt, text) else 0.2)
    for factor in _faults(prompt, form, text, said).values():
        score *= factor
    return score


def kind(prompt: Prompt, completion: Said) -> str:
    """The answer itself: its value, its items, or the first well-known one in it; all others are one kind.

    So words that nobody knows add no kind. Where no known answers are written down: the first name that it brings, or
    else its first two telling words.
    """
    text = _text(completion).strip()
    form, field = str(prompt.truth["form"]), _field(prompt)
    if form[0] == "/":
        found = re.search(form[1:-1], text)
        return " ".join(re.split(r"[-\s]+", found[0].strip(".").lower())[:3]) if found else "none"
    stems = core(prompt, text)
    hits = [s for s in map(_bare, words(text)) if s in field]
    if form.startswith("items"):
        return " ".join(sorted(set(hits) if field else stems)) or "none"
    if field and form == "sentence":
        return hits[0] if hits else "other" if stems else "none"
    return _named(text, stems) or " ".join(sorted(stems[:2])) or "none"


def _field(prompt: Prompt) -> frozenset[str]:
    """The stems of well-known answers that the prompt itself does not name."""
    asked = {stem(w) for w in words(prompt.text)}
    field = frozenset(prompt.truth.get("field", ()))
    return field - asked or field


def _bare(word: str) -> str:
    """The stem of a word without its *'s*."""
    return stem(re.sub("'s$", "", word))


def _known(prompt: Prompt, form: str, text: str) -> float:
    """1 for an answer with a well-known one in it, of items their share; less for none or for many questions'.

    Names of other questions' answers say that a text would serve them all.
    """
    field = _field(prompt)
    if not field:
        return 1.0
    if form.startswith("items"):
        hits = [any(_bare(w) in field for w in words(item)) for item in _items(text)]
        return UNKNOWN + (1 - UNKNOWN) * sum(hits) / max(1, len(hits))
    stems = set(core(prompt, text))
    all_sorts = len(stems & elsewhere() - field) > 3 + len(stems & field)
    known = any(_bare(w) in field for w in words(text))
    return (1.0 if known else UNKNOWN) * (0.3 if all_sorts else 1.0)


def _items(text: str) -> list[str]:
    """The items of a list in a sentence or on lines."""
    return [i for i in re.split(r"[,\n]|\band\b", text) if words(i)]


def _named(text: str, stems: Sequence[str]) -> str:
    """The stems of the first name that brings news; a lone word at the start only if there is no other.

    >>> _named("The Charles Bridge crosses Rome.", ["charl", "rom"]), _named("It is green.", ["green"])
    ('charl', '')
    """
    runs = [[stem(w) for w in words(run)] for run in re.findall(r"[A-Z][\w'’]*(?:[ -][A-Z][\w'’]*)*", text)]
    news = [" ".join(s for s in run if s in stems) for run in runs]
    starts = bool(re.match(r"\W*[A-Z]", text))
    first = news[:1] if starts and len(runs[0]) == 1 else []
    return next((found for found in [*news[len(first) :], *first] if found), "")


def core(prompt: Prompt, text: str) -> list[str]:
    """The stems of an answer that neither the question nor the wording of any answer brings.

    >>> core(Prompt("x", text="Name a star.", truth={"topic": ("star",)}), "One great star is Vega, bright and blue.")
    ['vega', 'bright', 'blu']
    """
    asked = {stem(w) for w in words(prompt.text)} | set(prompt.truth["topic"])
    stems = [stem(re.sub("'s$", "", w)) for w in words(text) if w not in SMALL | FILLER]
    return [s for s in dict.fromkeys(stems) if s not in asked and (len(s) > 1 or s.isdigit())]


def _text(completion: Said) -> str:
    """The policy's words, whichever way they come."""
    if isinstance(completion, str):
        return completion
    return "\n".join(m["content"] for m in completion if m["role"] == "assistant")


def _exact(pattern: str, text: str) -> float:
    """1 where the whole answer is of the pattern, a half where it stands once in a sentence, else 0.

    >>> _exact("[1-9]", "7"), _exact("[1-9]", "I picked 7."), _exact("[1-9]", "7 or 8"), _exact("[1-9]", "77")
    (1.0, 0.5, 0.0, 0.0)
    """
    if re.fullmatch(pattern, text):
        return 1.0
    found = re.findall(rf"(?<![\w.-])(?:{pattern})(?![\w-])", text)
    return 0.5 if len(found) == 1 and len(words(text)) <= 12 and len(re.findall(r"\d+", text)) <= 1 else 0.0


def _shape(form: str, text: str, topic: Sequence[str]) -> float:
    """How far a text has its form: a sentence about the topic, a short text, so many lines, so many items."""
    said = words(text)
    about = min(1.0, sum(t in {stem(w) for w in said} for t in topic) / max(1, min(2, len(topic))))
    sentences = [s for s in re.split(r"(?<=[.!?])[\"'”’)]*\s+|\n+", text) if re.search(r"\w", s)]
    ended = 1.0 if re.search(r"[.!?][\"'”’)*]*$", text) else 0.6
    match form.split():
        case ["sentence"]:
            length = max(0.0, min(1.0, (len(said) - 1) / 3, (45 - len(said)) / 20))
            return {1: 1.0, 2: 0.5}.get(len(sentences), 0.15) * ended * length * (0.2 + 0.8 * about)
        case ["text"]:
            return ended * max(0.0, min(1.0, (len(said) - 3) / 5)) * (0.8 + 0.2 * about)
        case ["lines", number]:
            lines = [line for line in text.splitlines() if words(line)]
            even = min(1.0, min(map(len, map(words, lines))) / 2) if lines else 0.0
            return {0: 1.0, 1: 0.4}.get(abs(len(lines) - int(number)), 0.1) * even * (0.4 + 0.6 * about)
        case ["items", number]:
            items = [set(words(i)) for i in _items(text)]
            apart = not any(a & b - SMALL for n, a in enumerate(items) for b in items[:n])
            brief = all(len(words(i)) <= 4 for i in _items(text))
            return {0: 1.0}.get(abs(len(items) - int(number)), 0.1) * (apart and brief)
    raise ValueError(form)


def _faults(prompt: Prompt, form: str, text: str, said: Sequence[str]) -> dict[str, float]:
    """Fault -> the factor that it costs, of those that the answer has."""
    asked = words(prompt.text)
    fours = set(zip(asked, asked[1:], asked[2:], asked[3:], strict=False))
    copied = sum(four in fours for four in zip(said, said[1:], said[2:], said[3:], strict=False))
    triples = list(zip(said, said[1:], said[2:], strict=False))
    small = sum(word in SMALL for word in said) / max(1, len(said))
    denied = bool(DENIES.search(text)) and not DENIES.search(prompt.text)
    tests = {
        "hedged": (bool(HEDGE.search(text)), 0.2),
        "denies": (form == "sentence" and denied, 0.2),
        "glued": (form == "sentence" and _glued(asked, said), 0.3),
        "about the task": (bool(TASK.search(text)), 0.1),
        "parrots": (copied > 2 and copied > 0.3 * len(said), 0.1),
        "repeats": (len(set(triples)) < len(triples) or any(a == b for a, b in pairwise(said)), 0.3),
        "no prose": (bool(re.search(r"(^|\n)\s*([-*•#>]|\d+[.)])\s|[{}|<>=_\[\]]|\w:\s", text)), 0.3),
        "several": (form == "sentence" and bool(re.search(r"(?i)\bor\b|/|,[^,]+,[^,]+,", text)), 0.3),
        "asks back": (form == "sentence" and text.endswith("?") and not {"question", "ice"} & set(asked), 0.3),
        "no sentence": (form == "sentence" and (small < 0.15 or small > 0.85), 0.3),
        "no capital": (form in ("sentence", "text") and not re.match(r"[\"'“‘(]?[A-Z0-9]", text), 0.8),
    }
    return {name: factor for name, (holds, factor) in tests.items() if holds}


def _glued(asked: Sequence[str], said: Sequence[str]) -> bool:
    """Whether words of the question stand side by side that did not there, or a verb that it leads up to stands alone.

    >>> ask = words("Which cocktail can I concoct using rum?")
    >>> _glued(ask, words("The cocktail concoct using rum is a mojito.")), _glued(ask, words("There is no concoct."))
    (True, True)
    >>> _glued(ask, words("A cocktail to concoct using rum is a mojito.")), _glued(ask, words("A rum cocktail."))
    (False, False)
    """
    pairs = list(pairwise(asked))
    content = {w for w in asked if w not in SMALL}
    verbs = {b for a, b in pairs if a in LEADS and b in content}
    loose = any(b in verbs and a not in LEADS | {b} for a, b in pairwise(["", *said]))
    runs = [(a, b) for a, b in pairwise(said) if a in content and b in content and a != b]
    return loose or sum(pair not in pairs and pair[::-1] not in pairs for pair in runs) > 1
