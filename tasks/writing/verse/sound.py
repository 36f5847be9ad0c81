"""How do verses sound: how many syllables, which are stressed, and what rhymes?

English spelling read by rules: no pronouncing dictionary, which would be under the GPL and is the rewards' own way.
Tests hold the rules against such a dictionary and against the sonnets themselves. They read verse kindly: the *-ed* of
*loved* may be a syllable or none, and words that rhyme to the eye (*love*, *prove*) count, as they did.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

WORD = re.compile(r"[a-z]+(?:'[a-z]+)*'?")
VOWELS = "aeiouy"

# --- sounds --------------------------------------------------------------------------------------------

HIDDEN = """
    An one done none son won ton woman | Ans once | on gone shone | Am some come become welcome | Av love above
    dove glove of | Uv prove move approve remove improve | U do to who two unto into through you shoe view | O:
    though although dough thorough sew beau | Af enough rough tough | of cough | au bough plough now how cow brow
    vow allow thou plow bow avow endow wow | Ed said bread head dead instead spread dread thread tread | En again
    | Enst against | Ez says | Ar are | Er were | er where there ere bear wear tear swear pear forbear heir their
    | ir here mere | av have | Iv give live forgive outlive | A the | Az was does | Iz is his | az as has | O:z
    goes those close | eIt great | eIk break steak | Art heart | Arts hearts | erz theirs | End friend | Endz
    friends | aI eye deny reply apply supply ally july defy rely awry espy descry imply comply lie die tie pie
    belie untie | aIz eyes lies dies ties pies skies cries flies tries spies denies replies | aIn eyne sign design
    | i key country beauty quay | il people | Ad blood flood | Ud good stood wood hood | Ut foot soot put | Ul
    pull full bull | US push bush | UT truth youth ruth | O:l soul bowl | O:lz souls | Up soup group | Und wound |
    Or four pour your door floor poor moor war | Orz yours | Ort court | Orn mourn warn | Ors source course | AC
    touch | ANG young tongue among | Od broad | aIt height sleight | aInd wind | Uz lose whose use abuse | O:T
    both | ost lost cost frost | ol doll | Ild build | Ilt guilt built | ont want | ot what | oS wash | oC watch |
    Orm warm | Ord toward reward | Erd word heard | Erdz words | Erk work | Erld world | Erm worm | ErT worth
    earth | Erst worst | Ers worse | Est breast | Et sweat threat debt | aut doubt | ET death breath |
    ElT health wealth | Ent meant | ad bade | O:s dose | aus house | is cease increase decrease grease lease peace |
    eIs base case chase |
    Ols false | O:m comb | Um tomb womb | aIm climb | am lamb | Ok walk talk | af half calf | Am: palm calm psalm
    balm | aIld child mild wild | eI they grey obey prey survey convey disobey | id lead knead | O:n flown own
    grown known shown thrown blown unknown | Ern earn learn | ErC search | Erl pearl | ird beard | aId died lied
    tied cried tried denied | O:st most | Ast dost | AT doth | aT hath | ANGk monk | Ant front | AnT month | Anj
    sponge | In women been | aIl aisle isle | aIr choir | Ot ought"""
"""Sounds in letters of our own, each with the words whose spelling hides that they rhyme on it."""
WHOLE = {word: entry.split()[0] for entry in HIDDEN.split("|") for word in entry.split()[1:]}

RIMES = [
    (r"eigh", "eI"), (r"aigh", "eI"), (r"augh(?=t)|ough(?=t)", "O"), (r"igh", "aI"), (r"ign$", "aIn"),
    (r"eign$", "eIn"), (r"ould$", "Ud"), (r"ind$", "aInd"), (r"old$", "O:ld"), (r"olt$", "O:lt"),
    (r"oll$", "O:l"), (r"ost$", "O:st"), (r"all$|awl$|aul$", "Ol"), (r"alk$", "Ok"), (r"alt$", "Olt"),
    (r"ook$", "Uk"), (r"our$|ower$", "aur"), (r"ear$|eer$|ier$|ere$", "ir"), (r"air$|are$", "er"),
    (r"oor$|oar$|ore$|or$", "Or"), (r"ire$|yre$|iar$|igher$", "aIr"), (r"ure$", "Ur"), (r"iew|ieu", "U"),
    (r"oar", "Or"), (r"ear(?=s|l|n|t|ch)", "Er"), (r"ear", "ir"), (r"air", "er"), (r"er|ir|ur|yr", "Er"),
    (r"ar", "Ar"), (r"or", "Or"), (r"ai|ay|ei|ey(?=.)", "eI"), (r"au|aw", "O"), (r"ee|ea|ie(?=.)", "i"),
    (r"eu|ew|ue|ui|oo", "U"), (r"oa|oe", "O:"), (r"oi|oy", "OI"), (r"ou", "au"), (r"ow$", "O:"), (r"ow", "au"),
    (r"uy|ye$|ie$", "aI"), (r"ey$", "i"),
]  # fmt: skip
"""Spelling of a vowel (and what belongs to it) in the last syllable -> its sound; the first that fits."""

CODAS = [
    (r"tch|ch", "C"), (r"sh", "S"), (r"dge|ge(?=$)", "j"), (r"ng", "NG"), (r"nk", "NGk"), (r"ck|que|q|k", "k"),
    (r"ce(?=$)|ss|sc(?=e)", "s"), (r"ph|gh|ff", "f"), (r"mb$|mn$", "m"), (r"x", "ks"), (r"th", "T"),
    (r"zz|ze", "z"), (r"se(?=$)", "z"), (r"c", "k"), (r"(.)\1", r"\1"), (r"e$", ""),
]  # fmt: skip
LONG = {"a": "eI", "e": "i", "i": "aI", "y": "aI", "o": "O:", "u": "U"}
SHORT = {"a": "a", "e": "E", "i": "I", "y": "I", "o": "o", "u": "A"}
NOW_APART = """
    Am Um | ANG oNG | er ir | An O:n on Un | Art Ert | Arts Erts | Est ist | ast eIst | Az as | Erz aurz | Is Iz |
    O:l ol | O:T auT | Ans Ens | Et eIt | Ild aIld | Iv iv | Or O:r"""
OLD = {sound: frozenset(family.split()) for family in NOW_APART.split("|") for sound in family.split()}
"""Sounds that rhymed in 1600 and no longer do (*tongue, wrong*; *last, taste*; *clear, where*)."""


@lru_cache(maxsize=1 << 16)
def rime(word: str) -> str:
    """The sound from a word's last vowel on, in letters of our own.

    >>> [rime(w) for w in ("night", "white", "day", "weigh", "eyes", "lies", "loved", "increase")]
    ['aIt', 'aIt', 'eI', 'eI', 'aIz', 'aIz', 'Avd', 'is']
    """
    word = re.sub(r"[^a-z]", "", re.sub("'d$", "ed" if not word.endswith("ee'd") else "d", word))
    if word in WHOLE:
        return WHOLE[word]
    for ending, sounds in (("ed", _dental), ("es", _hiss), ("s", _hiss)):
        stem = word.removesuffix(ending)
        ends = stem != word and len(stem) > 1 and not word.endswith(("ss", "us", "eed", "is"))
        said = sounds(stem, ending) if ends and re.search(f"[{VOWELS}]", stem) else ""
        if said:
            return said
    return _last(word)


def _dental(stem: str, ending: str) -> str:
    """The rime of a word in -ed: a syllable of its own after t and d."""
    if stem[-1] in "td":
        return "Id"
    base = stem
    if stem.endswith("i"):
        base = stem[:-1] + "y"
    elif re.search(rf"(?<![{VOWELS}])[{VOWELS}][^{VOWELS}wx]$|[{VOWELS}](?:th|st|ng|[cgsvz])$", stem):
        base = stem + "e"
    elif stem[-1] == stem[-2:-1] and stem[-1] not in "ls":
        base = stem[:-1]
    sound = rime(base)
    return sound + ("t" if re.search(r"[kpfsSC]$", sound) else "d")


def _hiss(stem: str, ending: str) -> str:
    """The rime of a word in -s; `` for -es that is a silent e and s, which the next ending reads."""
    if ending == "es" and re.search(r"(s|x|z|ch|sh|c|g)$", stem):
        return "Iz"
    if ending == "es" and stem[-1] not in "io":
        return ""
    base = stem[:-1] + "y" if ending == "es" and stem.endswith("i") else stem
    sound = rime(base)
    return sound + ("s" if re.search(r"[kptfT]$", sound) else "z")


def _last(word: str) -> str:
    """The rime of a word without endings, by its spelling."""
    word = re.sub(r"qu(?=[aeiou])", "kw", re.sub(r"gu(?=[aeiy])", "g", re.sub(r"(?<=[rnlp])se$", "s", word)))
    word = re.sub(r"^y(?=[aeiou])|(?<=[aeiou])y(?=[aeiou]\w)", "j", word.replace("cei", "cee"))
    if re.fullmatch(rf"[^{VOWELS}]*[ey]", word):
        return "aI" if word.endswith("y") else "i"
    if word.endswith("fy") or (word.endswith("y") and not re.search(rf"[{VOWELS}].*y$", word)):
        return "aI"
    if re.search(rf"[^{VOWELS}]y$", word):
        return "i"
    if re.search(rf"[^{VOWELS}l]le$", word):
        return "Al"
    silent = re.search(rf"(?<![{VOWELS}])([{VOWELS}])(th|st|ng|[^{VOWELS}wx])e$", word)
    if silent and not word.endswith(("are", "ere", "ore", "ire", "ure")):
        return LONG[silent[1]] + _coda(word[silent.end(1) :])
    tail = _tail(word)
    for spelt, sound in RIMES:
        found = re.match(spelt, tail)
        if found:
            return sound + _coda(tail[found.end() :])
    found = re.match(rf"[{VOWELS}]+", tail)
    if not found:
        return _coda(word)
    vowel, rest = found[0], tail[found.end() :]
    return (LONG if not rest else SHORT)[vowel[-1]] + _coda(rest)


def _tail(word: str) -> str:
    """The letters from the last sounded vowel group on."""
    bare = re.sub(rf"(?<=[{VOWELS}])([^{VOWELS}]+)e$", r"\1#", word)
    bare = re.sub(r"(?<=[iu])(?=[aou])(?<!qu)|(?<=i)(?=ent|ence|er$|est|eth)|(?<=[aeouy])(?=ing)", "'", bare)
    found = re.search(rf"[{VOWELS}]+[^{VOWELS}']*$", bare.replace("#", ""))
    return (found[0] if found else word) + ("e" if bare.endswith("#") else "")


def _coda(rest: str) -> str:
    """The sound of the consonants at a word's end."""
    out = ""
    while rest:
        found, sound = next(((m, s) for spelt, s in CODAS if (m := re.match(spelt, rest))), (None, ""))
        out += found.expand(sound) if found else rest[0]
        rest = rest[found.end() :] if found and found.end() else rest[1:]
    return out


@lru_cache(maxsize=1 << 16)
def syllables(word: str) -> tuple[int, int]:
    """The least and the most syllables that a word may have in verse.

    >>> [syllables(w) for w in ("night", "loved", "beauty", "memory", "heaven", "viewest", "flower")]
    [(1, 1), (1, 2), (2, 2), (2, 3), (1, 2), (2, 2), (1, 2)]
    """
    letters = re.sub(r"[^a-z']", "", word)
    bare = letters.replace("'", "")
    some = re.sub(r"^y(?=[aeiou])|(?<=[aeiou])y(?=[aeiou])", "j", bare)
    some = re.sub(r"qu|(?<=g)u(?=[aeiy])", "k", some)
    groups = len(re.findall(r"[aeiouy]+", some)) + len(HIATUS.findall(some))
    silent = re.search(r"[^aeiouyl]e$|[aeiouy]le$|[^aeiouy]rle$", some)
    silent_s = re.search(r"(?:[^aeiouysxzcgh]|[tp]h)es$", some) and not re.search(r"[^aeiouyl]les$", some)
    mute = groups > 1 and re.search(r"[^aeiouytd]ed$", some) is not None and "'" not in letters
    least = max(1, groups - (groups > 1 and bool(silent or silent_s or mute)))
    least = max(1, least - bool(INNER.search(some)))
    return least - (least > 1 and ELIDED.search(bare) is not None), least + mute


HIATUS = re.compile(
    r"(?<=[^tcsgx])ia|io(?!u|n|r)|(?<=[^gqk])ua|eo(?=[^u])|(?<=[aeouy])ing|[iy]e(?=t$)|ue(?=l|st|th)|ie(?=st|th)|"
    r"ye(?=st|th)|uo|ao|ea(?=t[eo])"
)
"""Two vowels side by side that are two syllables."""
INNER = re.compile(
    r"(?<=[aeiouy][^aeiouy])e(?=ly|ness|ful|less|ment|some|wise|ye|bo)|(?<=[aeiouy]st)e(?=ful|ly)"
)
"""A silent e inside a word."""
ELIDED = re.compile(
    r"(?:[ao]we|ea?ve|i[vr]e|ou|owe)[rn]s?$|[aeiouy][^aeiouy]*(?:ery|ory|ary|eri|ori|ow?er|uri|iou|ia|ie)"
)
"""What verse says in a syllable less: heaven, memory, glorious."""
STRESSED_END = re.compile(r"(?:een?|eer|ese|ique|oon|self|selves|[^aeiouy]ade)$")
PREFIX = re.compile(
    r"^(?:a(?=[bcdfglmnprstvw][aeiouyhlr])|be|de|re|con|com|col|cor|dis|ex|en|em|im|un|for(?=[bgsl])|pre|pro|per|sub|"
    r"in(?![dfgjkns][aeiouy]*[^aeiouy]*$)|sur|sus|sup|up(?=on)|with|mis|ad|ap|at|ac|as|af|al(?=o)|ob|oc|op|trans|"
    r"e(?=[lrnvm][aeiou])|to(?=[dgw]|night))(?=[a-z]{2})"
)


@lru_cache(maxsize=1 << 16)
def stress(word: str) -> int | None:
    """Which syllable of a longer word is stressed, from 0, as far as rules can say; None for a word of one syllable.

    >>> [stress(w) for w in ("night", "beauty", "delight", "increase", "memory", "ambition", "myself")]
    [None, 0, 1, 1, 0, 1, 1]
    """
    bare, count = re.sub(r"[^a-z]", "", word), syllables(word)[0]
    count = max(count, syllables(word)[1] if not word.endswith("ed") else count)
    if count < 2:
        return None
    if STRESSED_END.search(bare):
        return count - 1
    if re.search(r"(?:tion|sion|cian|cious|tious|geous|ic|ics|ian|ient|ience|ial|ual)s?$", bare):
        return max(0, count - 2)
    if re.search(r"(?:ity|ety|ify|ical|ically|ograph\w*|ology)s?$", bare):
        return max(0, count - 3)
    stem = re.sub(r"(?:ing|ed|est|eth|er|ers|es|ly|ness|less|ful|ment|able|ance|ence|ous)$", "", bare)
    heavy = re.search(rf"[{VOWELS}]", stem[2:]) and not re.search(r"(?:ty|ry|cy|le|en|on|or|et|er|ow)$", stem)
    return int(bool(PREFIX.match(bare) and heavy))


# --- rhyme and metre ------------------------------------------------------------------------------------


def listed(text: str) -> frozenset[str]:
    """The words of a text as a set.

    >>> sorted(listed("an a"))
    ['a', 'an']
    """
    return frozenset(text.split())


def words(line: str) -> list[str]:
    """The words of a line in lower case, apostrophes kept.

    >>> words("Feed'st thy light's flame;")
    ["feed'st", 'thy', "light's", 'flame']
    """
    return WORD.findall(line.lower().replace("’", "'"))


@lru_cache(maxsize=1 << 16)
def rhyme(one: str, other: str) -> float:
    """How well two words rhyme: 1 to the ear, .8 to the eye or in 1600, .5 on unstressed ends alone; 0 for one word.

    The last of three syllables (*memory*) has a beat in verse: a rhyme on it alone is worth .8.

    >>> rhyme("night", "white"), rhyme("love", "prove"), rhyme("seeing", "loving"), rhyme("pleasure", "treasure")
    (1.0, 0.8, 0.5, 1.0)
    >>> rhyme("eye", "majesty"), rhyme("memory", "injury"), rhyme("day", "day"), rhyme("day", "night")
    (0.8, 0.8, 0.0, 0.0)
    """
    a, b = re.sub(r"[^a-z]", "", one), re.sub(r"[^a-z]", "", other)
    if a == b or not a or not b:
        return 0.0
    ear, eye = heard(one) == heard(other), spelt(a) == spelt(b)
    if not (ear or eye):
        if heard(other) in OLD.get(heard(one), ()):
            return 0.8
        weak = max((one, other), key=_trails)
        fits = {heard(one), heard(other)} == {"i", "aI"} and "y" in (a[-1], b[-1])
        return (0.8 if _trails(weak) else 0.5) * fits
    if _falls(one) and _falls(other):
        before = [re.sub(rf"[{VOWELS}]+[^{VOWELS}]*$", "", re.sub(r"(?<!e)e$", "", word)) for word in (a, b)]
        alone = 0.8 if _trails(one) and _trails(other) else 0.5
        return 1.0 if _tail(before[0]) == _tail(before[1]) else alone
    return 1.0 if ear else 0.8


def _trails(word: str) -> bool:
    """Whether two or more syllables follow the stressed one.

    >>> _trails("memory"), _trails("loving")
    (True, False)
    """
    beat, high = stress(word), syllables(word)[1]
    return beat is not None and high - beat > 2


def _falls(word: str) -> bool:
    """Whether a word ends on an unstressed syllable."""
    beat, low = stress(word), syllables(word)[0]
    return beat is not None and low > 1 and beat < low - 1


def heard(word: str) -> str:
    """The rime, with the vowels that unstressed ends do not tell apart made one."""
    sound = rime(word)
    if not _falls(word):
        return sound
    sound = re.sub(r"^(?:Or|Ar|Ur|aur)(?=[zd]?$)", "Er", sound.replace("aus", "As"))
    return re.sub(r"^[aEo](?=(?:l|n|nt|ns|m)[sz]?$)", "A", sound)


def spelt(word: str) -> str:
    """The letters from the last sounded vowel group on."""
    return _tail(word)


def metre(line: Sequence[str], feet: int = 5) -> tuple[float, int]:
    """(share of the stresses of longer words that fall on even syllables, syllables counted), by the kindest reading.

    The first foot may be turned round, as poets do. Words of one syllable fit anywhere, and one such fit is given, so
    that a line with a single longer word that is out of step is half out of step; each word may have the least or the
    most of its syllables. A line without a longer word shows no metre: a half.

    >>> metre(words("Shall I compare thee to a summer's day"))
    (1.0, 10)
    """
    best = {0: 0.0}
    longer = 0
    for word in line:
        low, high = syllables(word)
        beat = stress(word)
        longer += beat is not None
        reached: dict[int, float] = {}
        for at, fitting in best.items():
            for count in {low, high}:
                on = at + min(beat or 0, count - 1)
                fits = beat is not None and (count < 2 or on % 2 == 1 or on == 0)
                reached[at + count] = max(reached.get(at + count, 0.0), fitting + fits)
        best = reached
    wanted = 2 * feet
    count = min(best, key=lambda n: (abs(n - wanted), -best[n]))
    return (best[count] + 1) / (longer + 1) if longer else 0.5, count
