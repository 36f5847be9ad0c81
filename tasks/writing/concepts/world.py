"""Which words of a sentence are forms of a concept, and is each used there as a noun, as a verb, or bare?

A small reading of English from the left: closed classes by lists, open words by their endings, and one use for every
word, never two. Where the sentence leaves a use open there is none, so that no place in a frame suits every word.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

WORD = re.compile(r"[a-z]+(?:['’][a-z]+)?")


def listed(words: str) -> frozenset[str]:
    """The words of a text as a set.

    >>> sorted(listed("an a"))
    ['a', 'an']
    """
    return frozenset(words.split())


DETERMINERS = listed(
    "a an the this these those his her its their my your our some every each another no any both several many"
)
PREPOSITIONS = listed(
    "in on at of with from into onto by for over under through across near behind beside between along around "
    "inside outside against toward towards among without above below during upon"
)
BE = listed("is are was were am be been being isn't aren't wasn't weren't")
HAVE = listed("has have had")
MODALS = listed(
    "will would can could should may might must shall do does did don't doesn't didn't can't cannot won't couldn't "
    "let's"
)
SUBJECTS = listed("i he she we they who")
SOMEONE = listed("someone somebody everyone everybody nobody anyone")
OBJECTS = listed("him them me us it herself himself themselves itself you")
CONJUNCTIONS = listed("and or but nor")
OPENERS = listed(
    "that which while as when where whenever wherever although though unless because if before after until since "
    "whilst whose what how why than"
)
"""They open a clause, which has a verb of its own."""
PLAIN_VERBS = listed(
    "made make makes went go goes got get gets saw sees see came come comes kept keep keeps let lets took take takes "
    "put puts ran run runs sat sits stood stands held holds fell falls ate eats led leads lost met told tells said "
    "says gave give gives found find finds left leaves won wins need needs needed began begins felt feels hit hits cut "
    "cuts wore wears rode rides threw throws drove drives sang sings swam swims caught catches brought brings taught "
    "teaches love loves like likes want wants decided tried tries try use uses used blew flew knew slept spent bought "
    "broke shook"
)
HOW = listed(
    "please very so too quite really just only also even never always often then once now here there today maybe "
    "perhaps almost still soon again not away back down up out off well far together home inside outside around over"
)
"""Adverbs without -ly."""
TURNED = listed("down up off out past around over across along")
"""Prepositions before a noun phrase, adverbs elsewhere."""
WHICH = listed(
    "big small little large huge tiny long short tall high low old new young good nice great bad best better favorite "
    "red blue green black white brown yellow orange grey gray dark bright pink purple hot cold warm cool dry wet clean "
    "dirty hard soft heavy fair full empty open happy sad silly funny fun angry strong weak pretty beautiful ugly cute "
    "lovely wooden golden plastic metal rich poor deep wide thin thick fat fresh quick slow fast loud quiet safe free "
    "busy easy same other own different next last first second third more most much few such right left wrong whole "
    "main real wild tired scared bored excited broken one two three four five six seven eight nine ten dozen older "
    "younger bigger smaller single local nearby sharp sweet round early late common special strange simple kind brave "
    "proud calm rough all"
)
"""Adjectives and numbers that no ending tells."""
LY_NOUNS = listed("family belly jelly bully reply supply apply rely butterfly dragonfly multiply assembly")
GROUPS = listed("people children men women teenagers kids boys girls feet police couple crowd group team family")
"""With them a verb without -s, or one with it, whatever they look like."""
PLAIN = listed("morning evening ceiling wedding clothing something nothing anything everything hundred")
"""No forms of a verb, though they end like one."""
SAME = listed("cut hit put set let shut spread read")
"""Verbs whose past is their base."""
TOWARDS = listed("listen listens listened listening next close closer belongs according")
"""Before a *to* that is a preposition."""
MOVES = listed("go goes went going walk walks walked walking come comes came coming back way")
"""Before a *to* that may lead to a place: `went to school.`"""
WITNESS = listed(
    "make makes made see sees saw seeing watch watches watched watching let lets help helps helped hear heard"
)
"""Before somebody and a bare verb: `watch the kid slide down`."""
PASTS = {
    "begin": "began begun", "blow": "blew blown", "break": "broke broken", "build": "built", "catch": "caught",
    "come": "came", "deal": "dealt", "dig": "dug", "dive": "dove", "draw": "drew drawn", "drink": "drank drunk",
    "drive": "drove driven", "eat": "ate eaten", "fall": "fell fallen", "feed": "fed", "fly": "flew flown",
    "give": "gave given", "hang": "hung", "hold": "held", "lay": "laid", "lean": "leant", "leap": "leapt",
    "leave": "left", "lie": "lay lain lied", "light": "lit", "ride": "rode ridden", "run": "ran", "say": "said",
    "saw": "sawn", "see": "saw seen", "sell": "sold", "sew": "sewn", "shake": "shook shaken", "shine": "shone shined",
    "shoot": "shot", "sing": "sang sung", "sink": "sank sunk", "sit": "sat", "sleep": "slept", "slide": "slid",
    "spin": "spun span", "stand": "stood", "stick": "stuck", "string": "strung", "sweep": "swept",
    "swim": "swam swum", "swing": "swung", "take": "took taken", "teach": "taught", "tell": "told",
    "throw": "threw thrown", "wake": "woke woken", "wear": "wore worn", "win": "won", "write": "wrote written",
    "go": "went gone", "get": "got gotten", "make": "made", "find": "found", "keep": "kept", "bring": "brought",
    "buy": "bought", "think": "thought", "know": "knew known", "lose": "lost", "meet": "met", "speak": "spoke spoken",
}  # fmt: skip
PLURALS = {
    "foot": "feet", "tooth": "teeth", "knife": "knives", "axis": "axes", "calf": "calves", "policeman": "policemen",
    "leaf": "leaves", "man": "men", "woman": "women", "child": "children", "mouse": "mice", "goose": "geese",
    "dice": "die", "sheep": "sheep", "fish": "fish",
}  # fmt: skip
ROLES = "NVBG"
"""Noun (in a phrase with an article or the like, or a plural), verb, bare noun, and a verb's -ing behind an article."""
CLOSED = {
    "det": DETERMINERS, "prep": PREPOSITIONS, "to": listed("to"), "subject": SUBJECTS | SOMEONE, "object": OBJECTS,
    "and": CONJUNCTIONS, "opener": OPENERS, "be": BE, "modal": MODALS, "how": HOW, "which": WHICH,
}  # fmt: skip
FINITE = HAVE | PLAIN_VERBS
ENDINGS = {
    "ing": re.compile(r"[aeiouy].*ing$"), "past": re.compile(r"[aeiouy].*[^e]ed$"), "s": re.compile(r"..[^sui']s$"),
}  # fmt: skip
OPEN = ("base", "verb", *ENDINGS)
IRREGULAR = {past: "past" for pasts in PASTS.values() for past in pasts.split()}
IRREGULAR |= dict.fromkeys([*PLURALS.values(), *GROUPS], "s") | dict.fromkeys(PLAIN, "base")


@dataclass(frozen=True)
class Mention:
    """One word of a sentence that is a form of a concept."""

    at: int
    """Which word, from 0."""
    concept: str
    form: str
    """`base`, `s`, `ing` or `past`."""
    role: str
    """How it is used there, a letter of `ROLES`; empty where the words around it fit no use."""
    sure: bool = True
    """Whether the words before it alone tell the use; only such a use counts as evidence of how people use a word."""


@dataclass(frozen=True)
class Sentence:
    """A text's words, the use or the closed class of each, and the concepts among them."""

    words: tuple[str, ...]
    tags: tuple[str, ...]
    mentions: tuple[Mention, ...]


def marked(text: str) -> list[str]:
    """Words, commas and colons, in lower case.

    >>> marked("Up, the kid's hill-side & slide.")
    ['up', ',', 'the', "kid's", 'hill', 'side', 'and', 'slide']
    """
    return re.findall(rf"{WORD.pattern}|[,;:]", text.lower().replace("’", "'").replace("&", " and "))


def words(text: str) -> list[str]:
    """The words in lower case.

    >>> words("The kid's hill-side slide.")
    ['the', "kid's", 'hill', 'side', 'slide']
    """
    return [piece for piece in marked(text) if piece not in ",;:"]


@lru_cache(maxsize=1 << 14)
def forms(concept: str) -> dict[str, str]:
    """Each inflected form of a concept -> `base`, `s`, `ing` or `past`; a word that is two of them has the first.

    By the rules of spelling, so that `raiseing`, `runing` and `throwed` are none. Where the stress decides whether a
    letter is doubled (`visiting`, `beginning`) both ways are forms.

    >>> forms("slide")["sliding"], forms("slide")["slid"], forms("cut")["cutting"], forms("foot")["feet"]
    ('ing', 'past', 'ing', 's')
    >>> {"raiseing", "runing", "throwed", "boxs", "visiting"} & {f for c in ("raise", "run", "box") for f in forms(c)}
    set()
    """
    y = re.search(r"[^aeiou]y$", concept) is not None
    hiss = re.search(r"(s|x|z|ch|sh|[^o]o)$", concept) is not None
    regular = concept[:-1] + "ies" if y else concept + "es" if hiss else concept + "s"
    found = {concept: "base", PLURALS.get(concept, regular): "s", regular: "s"}
    if concept.endswith("o"):
        found[concept + "s"] = "s"
    one = re.search(r"^[^aeiou]*(qu)?[aeiou][^aeiouwxy]$", concept) is not None
    more = not one and re.search(r"[^aeiou][aeiou][^aeiouwxy]$", concept) is not None
    doubled = [concept + concept[-1]] if one or more else []
    stem = concept[:-2] + "y" if concept.endswith("ie") else re.sub(r"(?<![eoy])e$", "", concept)
    for start in [*([] if one else [stem]), *doubled]:
        found.setdefault(start + "ing", "ing")
    weak = [concept + "d"] if concept.endswith("e") else [concept[:-1] + "ied"] if y else [concept + "ed"]
    pasts = PASTS[concept].split() if concept in PASTS else [*([] if one else weak), *(d + "ed" for d in doubled)]
    for past in pasts:
        found.setdefault(past, "past")
    return found


@lru_cache(maxsize=1 << 14)
def sort(word: str) -> str:
    """The closed class of a word, or an open word's form by its ending.

    >>> [sort(w) for w in "the with and can red dogs spring washing went kid's he's quickly".split()]
    ['det', 'prep', 'and', 'modal', 'which', 's', 'base', 'ing', 'verb', 'det', 'be', 'how']
    """
    for name, some in CLOSED.items():
        if word in some:
            return name
    if word in FINITE:
        return "verb"
    if word.endswith("'s"):
        return "be" if word[:-2] in SUBJECTS | OPENERS | {"it", "there", "here"} else "det"
    if word in IRREGULAR:
        return IRREGULAR[word]
    if re.search(r"...ly$", word) and word not in LY_NOUNS:
        return "how"
    if re.search(r"...(ful|ous|ive|able|ible|ish|less|ical|ese)$", word):
        return "which"
    return next((form for form, ending in ENDINGS.items() if ending.search(word)), "base")


@dataclass
class _Clause:
    """What the words of a clause so far have told."""

    verb: bool = False
    """It has its verb."""
    plain: bool = False
    """That verb is in its base form, as in `they sit` and `to sit`: so is one joined to it."""


class _Reader:
    """Gives every word one use, from the left."""

    def __init__(self, said: Sequence[str], breaks: Collection[int], own: Mapping[int, str]):
        """`own` are the forms of concepts, `breaks` the words behind a comma."""
        self.said, self.breaks = said, breaks
        self.sorts = [own.get(i) or sort(word) for i, word in enumerate(said)]
        self.tags: list[str] = []
        self.sure: set[int] = set()
        self.clause, self.earlier = _Clause(), _Clause()
        for i in range(len(said)):
            self._read(i)

    def _after(self, i: int) -> str:
        """The sort of the next word; `.` before a comma and at the end."""
        return self.sorts[i + 1] if i + 1 < len(self.said) and i + 1 not in self.breaks else "."

    def _passed(self, i: int) -> bool:
        """Whether a word says only which or how: an adjective, an adverb, a participle behind an article."""
        return self.tags[i] in ("how", "which", "participle")

    def _read(self, i: int) -> None:
        """Tell word i."""
        form, after = self.sorts[i], self._after(i)
        if i in self.breaks or form in ("and", "opener"):
            self.clause, self.earlier = _Clause(), self.clause
        if form in CLOSED:
            to = form == "to" and (after == "det" or (i > 0 and self.said[i - 1] in TOWARDS))
            turned = self.said[i] in TURNED and after in (*OPEN, "det", "which")
            self.tags.append("prep" if to or turned else form)
            self.clause.verb |= form in ("be", "modal")
            return
        at = i
        while at > 0 and at not in self.breaks and self._passed(at - 1):
            at -= 1
        passed, at = self.tags[at:i], at - 1
        before = "start" if at < 0 else "," if at + 1 in self.breaks else self.tags[at]
        if before in (",", "and"):
            use = self._joined(i, at if before == "," else at - 1, before)
        elif before in ("N", "V", "B", "G", "") or form == "verb":
            use = self._behind(i, at, before, passed)
        else:
            use = self._opened(i, at, before, passed)
        told = ("det", "prep", "modal", "subject", "to", "object")
        if before in told or form in ("ing", "past") or (before in ("V", "be") and form == "base"):
            self.sure.add(i)
        self.clause.verb |= use == "V" and form != "ing" and before not in ("det", "prep", "to")
        self.clause.plain |= use == "V" and form in ("base", "verb")
        attribute = before == "det" and form in ("ing", "past") and after in (*OPEN, "which")
        self.tags.append("participle" if attribute else use)

    def _opened(self, i: int, at: int, before: str, passed: Sequence[str]) -> str:
        """The use behind a word of a closed class, or at the start."""
        form, after, base = self.sorts[i], self._after(i), self.sorts[i] == "base"
        if form in ("ing", "past"):
            gerund = before == "det" and form == "ing" and after not in (*OPEN, "which")
            return "G" if gerund else "" if before == "modal" else "V"
        if before == "det":
            return "N"
        if before == "to" and not base:
            return "N"
        if before == "to" and ("which" in passed or (self.said[at - 1] in MOVES and after in ("and", "."))):
            return "B"
        if before in ("modal", "subject", "to"):
            third = before == "subject" and self.said[at] in SOMEONE | {"he", "she", "who"}
            return "V" if third or (base and "which" not in passed) else ""
        if before == "object":
            return "V" if base or self.said[at] == "it" else "N"
        if before == "opener" and self.said[at] in ("that", "which"):
            return "N" if after in ("be", "modal", "base", *(OPEN if base else ())) else "V"
        if before == "be" and self.said[i] in SAME:
            return "V"
        if before == "start" and base:
            asks = after in ("det", "object", "how", "to") or (after == "prep" and not self._later(i))
            return "V" if asks else "N" if after in ENDINGS else "B"
        return "B" if base else "N"

    def _behind(self, i: int, at: int, before: str, passed: Sequence[str]) -> str:
        """The use behind an open word: the verb of a subject, one noun more, or what a verb is done to."""
        form, after, verb = self.sorts[i], self._after(i), self.clause.verb
        if form == "verb":
            return "N" if before == "det" else "V"
        if form in ("ing", "past"):
            return "V"
        if before == "V":
            return "N" if form == "s" else "V" if self.said[at] in ("go", "come", "help", "helps") else "B"
        if form == "s":
            return "N" if verb or after in ("past", "verb", "be", "modal") else "V"
        if "which" in passed:
            return "N" if before == "G" else before
        if after in ("det", "object") or (after in ("prep", "how") and not verb and not self._later(i)):
            return "V"
        if (after in ("how", "prep") or self.sorts[at] == "s") and WITNESS & set(self.said[max(0, at - 4) : at]):
            return "V"
        if self.sorts[at] == "s" or self.said[i] in SAME:
            return "B" if verb else "V"
        return before if before in ("N", "B") and "how" not in passed else ""

    def _joined(self, i: int, at: int, before: str) -> str:
        """The use behind *and* or a comma: that of what it is joined to."""
        form, after = self.sorts[i], self._after(i)
        last = next((j for j in range(at, -1, -1) if self.tags[j] in ("N", "V", "B", "G")), -1)
        told, near = (self.tags[last], last == at) if last >= 0 else ("", False)
        acts = after in ("det", "object")
        if form in ("ing", "past", "verb"):
            return "V"
        if form == "s":
            if told == "V" and self.sorts[last] != "ing":
                return "V"
            plural = last >= 0 and self.sorts[last] == "s"
            return "V" if (acts if plural else self.earlier.verb) else "N"
        if before == "and" and (acts or self.earlier.plain):
            return "V"
        if told == "V" and near and self.sorts[last] in ("base", "verb"):
            return "V"
        if near and told in ("N", "V", "B") and self.said[i] not in SAME:
            return told
        return "V" if acts or (self.earlier.verb and self.said[i] in SAME) else "B"

    def _later(self, i: int) -> bool:
        """Whether a verb comes later in the clause, told by its class or its form."""
        ends = (j for j in range(i + 1, len(self.said)) if j in self.breaks or self.sorts[j] in ("and", "opener"))
        return not {"be", "modal", "verb", "past"}.isdisjoint(self.sorts[i + 1 : next(ends, None)])


def sentence(text: str, concepts: Sequence[str]) -> Sentence:
    """Read a text with these concepts; a possessive counts as its noun.

    >>> [(m.concept, m.role) for m in sentence("The kid is sliding downhill.", ["kid", "slide"]).mentions]
    [('kid', 'N'), ('slide', 'V')]
    """
    said, breaks = list[str](), set[int]()
    for piece in marked(text):
        if piece in ",;:":
            breaks.add(len(said))
        else:
            said.append(piece)
    named = dict[int, tuple[str, str]]()
    for at, word in enumerate(said):
        bare = re.sub(r"'s$|'$", "", word)
        concept = next((c for c in concepts if bare in forms(c)), None)
        if concept is not None:
            named[at] = concept, forms(concept)[bare]
    owned = {at for at in named if said[at].endswith("'s")}
    reader = _Reader(said, breaks, {at: form for at, (_, form) in named.items() if at not in owned})
    uses = ["V" if tag == "participle" else tag for tag in reader.tags]
    found = (
        Mention(at, concept, form, "N" if at in owned else uses[at], at in owned or at in reader.sure)
        for at, (concept, form) in named.items()
    )
    return Sentence(tuple(said), tuple(reader.tags), tuple(found))


def mentions(text: str, concepts: Sequence[str]) -> tuple[Mention, ...]:
    """Every word of a text that is a form of a concept, in order.

    >>> [m.role for m in mentions("They look at the big look in a look.", ["look"])]
    ['V', 'N', 'N']
    """
    return sentence(text, concepts).mentions
