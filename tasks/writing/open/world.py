"""Which open questions are there, in which wordings, and which form of answer does each ask for?

NoveltyBench's layout: rows `{"id", "category", "prompt", "prompt_paraphrases"}`, under $REWARDBENCH_DATA.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from rewardbench import data
from rewardbench.types import UserError

from .known import FIELDS

PLACE = "writing/noveltybench/curated.jsonl"
WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
LONG = re.compile(
    r"(?i)^(?:tell me (?:a story|the plot)|write a short (?:fable|story)|your task is|i am working on a game|recipe)"
)
"""What cannot be answered in a sentence or two."""


def listed(words: str) -> frozenset[str]:
    """The words of a text as a set.

    >>> sorted(listed("an a"))
    ['a', 'an']
    """
    return frozenset(words.split())


SMALL = listed(
    "a an the and or but nor if as so than that this these those of in on at to for from by with without into "
    "about i you he she it we they me him her us them my your his its our their is are was were be been am do "
    "does did have has had will would shall should can could may might must not no who whom whose which what when "
    "where how why all each every any some there here i'm it's what's don't one's up out just only very more most "
    "other also too than then please give name list suggest pick choose tell provide single one answer like think "
    "need want asked something"
)
"""Words that say nothing of the matter."""
OF_FORM = listed(
    "poem poems haiku riddle joke jokes line lines words short brief write compose create sentence sentences text"
)
"""Words that say what sort of text is asked for: it need not say them itself."""


@dataclass(frozen=True)
class Question:
    """One open question: its wordings, the form of its answer, and what it is about."""

    wordings: tuple[str, ...]
    form: str
    """`sentence`, `text`, `lines 4`, `items 3`, or a pattern that the whole answer must match, as `/[1-9]/`."""
    topic: tuple[str, ...]
    """Stems that more than half of its wordings share."""
    field: tuple[str, ...]
    """Stems of well-known answers."""
    about: frozenset[str]
    """Stems that a quarter of its wordings share: by these two questions are told to be of the same matter."""


def words(text: str) -> list[str]:
    """The words and numbers in lower case.

    >>> words("It's 7 o'clock, Ann.")
    ["it's", '7', "o'clock", 'ann']
    """
    return WORD.findall(text.lower().replace("’", "'"))


def stem(word: str) -> str:
    """A word without its commonest endings.

    >>> stem("cities"), stem("fighter"), stem("naming")
    ('cit', 'fight', 'nam')
    """
    return re.sub(r"(?<=...)(?:ies|ings?|ers?|ed|es|s|e|y)$", "", word)


RANKS = "[Aa]ce|[Tt]wo|[Tt]hree|[Ff]our|[Ff]ive|[Ss]ix|[Ss]even|[Ee]ight|[Nn]ine|[Tt]en|[Jj]ack|[Qq]ueen|[Kk]ing"
FACE = (
    "(?:[\u231a\u231b\u23e9-\u23ec\u23f0\u23f3\u25fd\u25fe\u2614\u2615\u2648-\u2653\u267f\u2693\u26a1\u26aa\u26ab"
    "\u26bd\u26be\u26c4\u26c5\u26ce\u26d4\u26ea\u26f2\u26f3\u26f5\u26fa\u26fd\u2705\u270a\u270b\u2728\u274c\u274e"
    "\u2753-\u2755\u2757\u2795-\u2797\u27b0\u27bf\u2b1b\u2b1c\u2b50\u2b55\U0001f300-\U0001f320\U0001f32d-\U0001f335"
    "\U0001f337-\U0001f37c\U0001f37e-\U0001f393\U0001f3a0-\U0001f3ca\U0001f3cf-\U0001f3d3\U0001f3e0-\U0001f3f0"
    "\U0001f3f4\U0001f3f8-\U0001f43e\U0001f440\U0001f442-\U0001f4fc\U0001f4ff-\U0001f53d\U0001f550-\U0001f567"
    "\U0001f5a4\U0001f5fb-\U0001f64f\U0001f680-\U0001f6c5\U0001f6eb\U0001f6ec\U0001f6f4-\U0001f6fc\U0001f7e0-"
    "\U0001f7eb\U0001f90c-\U0001f93a\U0001f93c-\U0001f945\U0001f947-\U0001f9ff\U0001fa70-\U0001fa74\U0001fa80-"
    "\U0001fa86][\U0001f3fb-\U0001f3ff]?\ufe0f?|[\u2600-\u2604\u260e\u2611\u2618\u2620\u2639\u263a\u2660\u2663"
    "\u2665\u2666\u2702\u2708\u2709\u270c\u270f\u2744\u2764\u27a1\u2b05-\u2b07\u2194-\u2199]\ufe0f)"
)
"""One picture: what is an emoji by itself, with a skin or none, or a sign made one by the selector behind it."""
FORMS = (
    (r"chess move", r"/(?:1\.\.\.\s?)?(?:[a-h][56]|N[acfh]6)\.?/"),
    (r"20-sided", r"/(?:1[0-9]|20|[1-9])\.?/"),
    (r"prime number between 1 and 50", r"/(?:2|3|5|7|11|13|17|19|23|29|31|37|41|43|47)\.?/"),
    (r"number between 1 and 100", r"/(?:100|[1-9][0-9]?)\.?/"),
    (r"zip code", r"/[0-9]{5}\.?/"),
    (r"4-digit", r"/[0-9]{4}\.?/"),
    (r"4 character password", r"/(?=\S*[a-z])(?=\S*[^a-z\s])\S{4}/"),
    (r"first digit", r"/[0-9]\.?/"),
    (r"passphrase", r"/[A-Za-z]{2,}(?:-[A-Za-z]{2,}){4}\.?/"),
    (r"emoji", rf"/(?:{FACE}(?:\u200d{FACE})*|[\U0001f1e6-\U0001f1ff]{{2}})/"),
    (r"deck of cards", rf"/(?:[Tt]he )?(?:{RANKS}|[2-9]|10) of (?:[Hh]earts|[Ss]pades|[Cc]lubs|[Dd]iamonds)\.?/"),
    (r"\b4 lines", "lines 4"),
    (r"haiku", "lines 3"),
    (r"one random fruit and one random vegetable", "items 2"),
    (r"list (?:3|three)|first 3", "items 3"),
    (r"joke|riddle|imagine you are|invent|sound effect", "text"),
)  # fmt: skip
"""What the first wording says -> the form of its answer; all others are answered in one sentence."""


def form_of(prompt: str) -> str:
    """The form of answer that a question asks for.

    >>> form_of("Roll a make-believe 20-sided die.")[:5], form_of("Tell me a riddle."), form_of("Name a star.")
    ('/(?:1', 'text', 'sentence')
    """
    return next((form for sign, form in FORMS if re.search(sign, prompt, re.I)), "sentence")


def field_of(prompt: str) -> tuple[str, ...]:
    """The stems of well-known answers to a question; none where nobody wrote any down.

    >>> field_of("Name one cocktail I can make with rum.")[:2], field_of("Name a fish.")
    (('mojito', 'daiquiri'), ())
    """
    found = next((some for sign, some in FIELDS if re.search(sign, prompt, re.I)), "")
    return tuple(dict.fromkeys(stem(word) for word in words(found)))


@cache
def elsewhere() -> frozenset[str]:
    """The stems of the answers to all questions: many that are of others make a text that would answer them all."""
    return frozenset(stem(word) for _, some in FIELDS for word in words(some))


def topic_of(wordings: Sequence[str], share: float = 0.5) -> tuple[str, ...]:
    """The stems that more than a share of the wordings have, the commonest first; small words left out.

    >>> topic_of(["Name a star.", "Which star comes to mind?", "Say a star's name."])
    ('star',)
    """
    skip = SMALL | OF_FORM
    stems = [dict.fromkeys(stem(re.sub("'s$", "", w)) for w in words(text) if w not in skip) for text in wordings]
    counts = Counter(s for some in stems for s in some if len(s) > 2)
    return tuple(s for s, n in counts.most_common() if n > share * len(wordings))


def parse(line: str, where: str) -> Question:
    """One row of the file; a damaged one is named by file and line (code 5).

    >>> parse('{"prompt": "Name a star.", "prompt_paraphrases": ["Which star?"]}', "x").topic
    ('star',)
    """
    try:
        row = json.loads(line)
        wordings = tuple(dict.fromkeys(text.strip() for text in (row["prompt"], *row["prompt_paraphrases"])))
    except (ValueError, KeyError, TypeError, AttributeError):
        wordings = ()
    if not wordings or not all(wordings):
        raise UserError(f'writing/open: {where} is no row {{"prompt", "prompt_paraphrases": [text, …]}}', 5)
    about = frozenset(topic_of(wordings, 0.25))
    return Question(wordings, form_of(wordings[0]), topic_of(wordings), field_of(wordings[0]), about)


@cache
def questions(text: str) -> tuple[Question, ...]:
    """The questions of a file that a sentence or two can answer."""
    lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    found = [parse(line, f"{PLACE}, line {n},") for n, line in lines]
    return tuple(q for q in found if not LONG.search(q.wordings[0]))


def grouped(some: Sequence[Question]) -> Iterator[list[Question]]:
    """The questions in groups: two of different groups have other exact forms and share little of what they ask."""
    groups: list[list[Question]] = []
    for question in some:
        near = [g for g in groups if any(_near(question, other) for other in g)]
        groups = [g for g in groups if g not in near]
        groups.append([q for g in near for q in g] + [question])
    yield from groups


def _near(a: Question, b: Question) -> bool:
    """Whether two questions ask nearly the same: an exact form, for the same answers, or of the same matter."""
    same_form = a.form == b.form and a.form not in ("sentence", "text")
    shared = len(a.about & b.about)
    same_answers = bool(a.field) and a.field == b.field
    return same_form or same_answers or (shared > 0 and shared >= 0.4 * min(len(a.about), len(b.about)))


@cache
def split_questions(text: str) -> dict[str, tuple[Question, ...]]:
    """Split -> its questions with all their wordings: group by group, till dev and test have one in five each."""

    def drawn(group: Sequence[Question]) -> bytes:
        return hashlib.sha256(f"writing/open {min(q.wordings[0] for q in group)}".encode()).digest()

    some = questions(text)
    found: dict[str, list[Question]] = {"dev": [], "test": [], "train": []}
    for group in sorted(grouped(some), key=drawn):
        free = [split for split in ("dev", "test") if 5 * (len(found[split]) + len(group)) <= len(some) + 5]
        found[free[0] if free else "train"] += group
    return {split: tuple(found[split]) for split in ("train", "dev", "test")}


def read(split: str) -> tuple[Question, ...]:
    """The questions of a split; an empty one is said (code 5)."""
    found = split_questions(data.text(__file__, PLACE)).get(split, ())
    if not found:
        raise UserError(f"writing/open: {PLACE} holds no question of split {split!r}", 5)
    return found
