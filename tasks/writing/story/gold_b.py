"""Does a second reading find a short story around the three words, and not only the words?

Written from the task's card without sight of `gold.py`. Read differently by choice:

- One small automaton reads every sentence, in whatever vocabulary: closed lists give words their parts of speech, the
  prompt's words are nouns, a word of no list may be any content word. A sentence holds if some path leads from a
  subject over a verb to a complete end; there is no second, stricter grammar for known words.
- A sentence that repeats another's frame counts as no sentence, and only sentences that count can use the words.
- Order is read from articles and openers, not from recognised plots: "a dragon" after "the dragon", "Long ago" late,
  "At last" early, a pronoun before anybody is named.
- Links, events and restraint are averaged, not multiplied: one weakness costs a share of a third.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from typing import Any

bar = 0.8

LISTS = {  # one letter a part of speech
    "D": "a an the his their its my your our this that every some no another each two three many these those",
    "H": "her",  # an article or an object
    "S": "he she they we i everyone everybody someone somebody nobody",
    "E": "there",
    "O": "him them me us himself herself",
    "T": "it you all one both",
    "B": "was were is are had has did could would can will became seemed felt got",
    "K": """met took made found saw stole feared kept tricked wanted thanked heard caught guarded chased hit held
        carried opened used loved shared built wore put fought left won sang played ate drank helped knew hid""",
    "Y": "gave told sold taught showed brought bought sent offered asked made",  # may take two objects
    "V": """came went lived rode ran fell hid won worked danced jumped walked smiled cheered sang fought dreamed stood
        slept woke flew sat left swam spoke laughed cried died stayed returned played ate helped looked""",
    "M": "named called",
    "G": "lost crying find be",
    "I": """in into on at near under over of with without from by behind through across around for after before about
        against between among along toward towards inside outside beside onto during past off out up down as like""",
    "J": "to",
    "C": "and but or so then",
    "W": "that which who when while because until where if",
    "A": """brave old young huge angry kind lonely clever poor silver golden strange hungry magic sly cold quiet
        broken little big small good great new happy safe tired sad wise gentle rich green wild lost afraid asleep""",
    "R": """again home away never once suddenly soon together ever now not always often still too later back finally
        very forever here far alone long ago""",
    "P": "home people friends bread wood",  # nouns that need no article
    "N": """dragon king queen castle forest sword boy girl woman man road wall hill grass door tree stranger word story
        sentence cup coin book key egg pen stamp apple""",
}
PARTS: dict[str, str] = {}
for _letter, _words in LISTS.items():
    PARTS |= {word: PARTS.get(word, "") + _letter for word in _words.split()}
NOUNS = set(LISTS["N"].split())
UNKNOWN = "NPAVKYRG"

SUBJECT = "DH:d STP:n X:x A:j RCWG,:B E:l IJ:p"
VERB = "V:v K:t Y:y B:k"
OBJECT = "DH:e HOTXP:o A:e"
TAIL = "I:f J:h C:c ,:c W:r"
STATES = {
    "B": SUBJECT, "j": "A:j P:n", "d": "A:u NP:n", "u": "AC,:u NP:n", "l": f"V:t B:k {SUBJECT}",
    "n": f"{VERB} R,:n I:a M:m C:B W:r", "x": f"{VERB} RX,:x D:d I:a C:B W:r", "m": "X:n",
    "a": "DHA:b OTXP:n I:a", "b": "A:b NP:n", "p": "DHA:q PXOT:B IG:p", "q": "A:q NP:B",
    "v": f"RGA:v {TAIL}", "t": f"{OBJECT} R:t J:h W:r", "y": "DHA:i HOTXP:w",
    "k": f"AGVKP:v K:t Y:y RB:k I:f J:h W:r M:g {OBJECT}",
    "e": "AC,:e NP:o", "o": f"RG:o M:z {TAIL}", "z": "X:o", "i": "A:i NP:w", "w": f"{OBJECT} R:o G:o A:o M:z {TAIL}",
    "h": f"{VERB} G:vt DHA:g PXOT:o", "f": "DHA:g HPXOT:o IR:f G:vt W:r", "g": "A:g NPX:o",
    "c": f"{SUBJECT} {VERB} {OBJECT} I:f J:h G:v R:c W:r", "r": f"{VERB} {SUBJECT}",
}  # fmt: skip
STEPS = {state: [tuple(move.split(":")) for move in moves.split(" ")] for state, moves in STATES.items()}
TIME = re.compile(
    r"\b(?:(?:one|that|every|each|the next|the same|all) (?:day|night|morning|evening|time|year)|from then on|"
    r"once upon a time|at last|in the end)\b",
    re.I,
)
PRONOUNS = frozenset(("he", "she", "it", "they", "him", "her", "them", "his", "their"))
STILL = ("lived", "stood", "kept", "knew")  # verbs by which nothing happens
TOLD = re.compile(  # the instruction, or a list
    r"\b(?:write a story|short sentences|use the word|the words|keywords?|three to five)\b|^\s*(?:[-*•]|\d+[.)])\s",
    re.I | re.M,
)
LATE = re.compile(r"long ago|once upon|once there|one (?:day|night)", re.I)
EARLY = re.compile(r"at last|from then on|in the end|finally|.*\bever after", re.I)
SHAPE = {1: 0.2, 2: 0.6, 3: 1.0, 4: 1.0, 5: 1.0, 6: 0.6, 7: 0.3}


def _parts(word: str, first: bool, nouns: set[str]) -> str:
    """The parts of speech that a word may be, one letter each.

    >>> _parts("dragon", False, {"dragon"}), _parts("Nora", False, set()), _parts(",", False, set())
    ('N', 'X', ',')
    """
    low = word.lower()
    if low == ",":
        return ","
    if low in nouns or (low not in PARTS and low.removesuffix("s") in nouns | NOUNS):
        return "N" if low in nouns else "P"
    if low.endswith("'s"):
        return "DA"
    if low in PARTS:
        return PARTS[low] if first or word[0].islower() or low == "i" else ""  # a capital: a second sentence runs in
    return (UNKNOWN + "X" if first else "X") if word[0].isupper() else UNKNOWN


def _read(sentence: str, nouns: set[str]) -> list[tuple[str, str]]:
    """The words and commas in small letters, each with its parts of speech; a phrase of time is one adverb."""
    told = TIME.sub(lambda time: " Again " if time[0][0].isupper() else " again ", sentence)
    words = re.findall(r"[^\W_]+(?:'[^\W_]+)?|,", told)
    return [(word.lower(), _parts(word, i == 0, nouns)) for i, word in enumerate(words)]


def _holds(sentence: str, read: list[tuple[str, str]]) -> bool:
    """Whether a sentence is well-formed: capital, end mark, length, no doubled word, no list, and a way through."""
    words = [word for word, _ in read if word != ","]
    if not (sentence.lstrip("\"'“‘")[:1].isupper() and sentence.rstrip("\"'”’").endswith((".", "!", "?"))):
        return False
    doubled = any(a == b for a, b in pairwise(words)) or words.count("and") > 2
    if not 3 <= len(words) <= 25 or doubled or any(words.count(word) > 2 for word, part in read if part in ("N", "P")):
        return False
    states = {"B"}
    for _, parts in read:
        states = {to for state in states for letters, ends in STEPS[state] if set(letters) & set(parts) for to in ends}
    return bool(states & set("vow"))


def _frame(read: list[tuple[str, str]]) -> tuple[str, ...]:
    """A sentence with names, adjectives and what stands as a noun left open."""
    before, frame = "", []
    for word, parts in read:
        noun = parts == UNKNOWN and before in ("D", "H", "A")
        frame.append("_" if noun or parts in ("N", "P", "A") or "X" in parts else word)
        before = parts
    return tuple(frame)


def _nouns(read: list[tuple[str, str]], articles: tuple[str, ...]) -> set[str]:
    """The nouns that stand behind one of the articles."""
    found = set()
    for i, (word, _) in enumerate(read):
        rest = [after for after, parts in read[i + 1 :] if parts != "A"]
        if word in articles and rest:
            found.add(rest[0])
    return found


def _misplaced(sentences: list[str], reads: list[list[tuple[str, str]]]) -> int:
    """How often something stands too late or too early for a story."""
    faults = sum(bool(LATE.match(told)) for told in sentences[2:])
    faults += sum(bool(EARLY.match(told)) for told in sentences[:-2])
    ahead = next((i for i, (word, _) in enumerate(reads[0]) if word in PRONOUNS), None)
    faults += ahead is not None and not any(set(parts) & set("DX") for _, parts in reads[0][:ahead])
    known: set[str] = set()
    for read in reads:
        faults += bool(_nouns(read, ("a", "an")) & known)
        known |= _nouns(read, ("the",))
    return faults


def _acts(word: str, parts: str) -> bool:
    """Whether a word tells that something happens."""
    if parts.startswith(UNKNOWN):
        return word.endswith(("ed", "ing"))
    return word in ("crying", "became") or bool(set(parts) & set("VKY") and word not in STILL)


def _manner(reads: list[list[tuple[str, str]]], keywords: set[str]) -> float:
    """The mean of three shares: later sentences that take something up, things that happen, restraint."""
    words = [word for read in reads for word, _ in read if word != ","]
    earlier, taken = set(PRONOUNS), 0
    for i, read in enumerate(reads):
        taken += i > 0 and bool({word for word, _ in read} & earlier)
        earlier |= {word for word, parts in read if set(parts) & set("NX")}
    acts = sum(any(_acts(*word) for word in read) for read in reads)
    happens = min(1.0, acts / 2) * min(1.0, len(words) / 20)
    most = max((words.count(keyword) for keyword in keywords), default=0)
    return (taken / max(1, len(reads) - 1) + happens + 3 / max(3, most)) / 3


def gold(prompt: Any, completion: str) -> float:
    """Words used × sentences that count × number of sentences × manner × order, in [0, 1]."""
    keywords = {str(word).lower() for word in prompt.truth}
    text = unicodedata.normalize("NFKC", completion).replace("’", "'")
    cut = re.findall(r"[^.!?]+[.!?]*[\"”]?", " ".join(text.split()))
    sentences = [s.strip() for s in cut if re.search(r"[^\W_]", s)]
    if not sentences:
        return 0.0
    reads, counted = [_read(sentence, keywords) for sentence in sentences], dict[tuple[str, ...], set[str]]()
    for sentence, read in zip(sentences, reads, strict=True):
        if _holds(sentence, read):
            counted.setdefault(_frame(read), {word for word, _ in read} | {word.removesuffix("s") for word, _ in read})
    used = len(keywords & set().union(*counted.values())) / max(1, len(keywords))
    whole = len(counted) / len(sentences) * SHAPE.get(len(sentences), 0.1)
    tidy = 0.2 if TOLD.search(completion) else 0.8 ** _misplaced(sentences, reads)
    return min(1.0, used * whole * _manner(reads, keywords) * tidy)
