"""Which people, things and sentences does this task's world hold?"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

NAMES = ("Ann", "Ben", "Cora", "Dan", "Eva", "Finn", "Gus", "Ida", "Leo", "Mia", "Ned", "Zoe")
THINGS = ("apples", "books", "coins", "cups", "eggs", "keys", "pens", "stamps")
NUMBERS = tuple(range(1, 10))
QUESTIONS = ("lookup", "sum", "more")
WANTED = {"lookup": "Answer with one number.", "sum": "Answer with one number.", "more": "Answer with one name."}


@dataclass(frozen=True)
class Facts:
    """Who has how many of one thing, and what is asked about whom."""

    names: tuple[str, ...]
    numbers: tuple[int, ...]
    thing: str
    question: str
    asked: tuple[str, ...]
    """One name for `lookup`, two for `sum` and `more`."""

    def number(self, name: str) -> int:
        """How many that person has.

        >>> Facts(("Ann", "Ben"), (4, 7), "cups", "lookup", ("Ben",)).number("Ben")
        7
        """
        return self.numbers[self.names.index(name)]

    def answer(self) -> str:
        """The one right answer: a number, or for `more` a name.

        >>> Facts(("Ann", "Ben"), (4, 7), "cups", "sum", ("Ben", "Ann")).answer()
        '11'
        """
        if self.question == "more":
            return max(self.asked, key=self.number)
        return str(sum(map(self.number, self.asked)))

    def text(self) -> str:
        """The prompt: the form that is wanted, the facts and the question.

        >>> Facts(("Ann", "Ben"), (4, 7), "cups", "lookup", ("Ben",)).text()
        'Answer with one number. Ann has 4 cups. Ben has 7 cups. How many cups does Ben have?'
        """
        told = [f"{name} has {number} {self.thing}." for name, number in zip(self.names, self.numbers, strict=True)]
        return " ".join([WANTED[self.question], *told, self.ask()])

    def ask(self) -> str:
        """The question alone.

        >>> Facts(("Ann", "Ben"), (4, 7), "cups", "more", ("Ben", "Ann")).ask()
        'Who has more cups, Ben or Ann?'
        """
        first, *rest = self.asked
        if self.question == "lookup":
            return f"How many {self.thing} does {first} have?"
        if self.question == "sum":
            return f"How many {self.thing} do {first} and {rest[0]} have together?"
        return f"Who has more {self.thing}, {first} or {rest[0]}?"


def draw(rng: Random) -> Facts:
    """Random facts, all numbers different: three people for a lookup, the two asked about for the rest.

    >>> draw(Random(1)).question in QUESTIONS
    True
    """
    question = rng.choice(QUESTIONS)
    people = 3 if question == "lookup" else 2
    names = tuple(rng.sample(NAMES, people))
    numbers = tuple(rng.sample(NUMBERS, people))
    asked = (rng.choice(names),) if question == "lookup" else names
    return Facts(names, numbers, rng.choice(THINGS), question, asked)
