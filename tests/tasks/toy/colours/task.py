"""Does the policy name a colour? A task of the tests: so easy that random weights learn it in seconds."""

from rewardbench.seeds import split_of, stream
from rewardbench.types import Prompt, Task

WORDS = "Ann Ben Cid has a the fox cat dog runs sleeps sees".split()


def prompts(split, seed):
    index = 0
    while True:
        rng = stream(f"toy/{split}/{seed}/{index}")
        text = " ".join(rng.choices(WORDS, k=4))
        while split_of(text) != split:
            text = " ".join(rng.choices(WORDS, k=4))
        yield Prompt(text.replace(" ", "-"), text=text, columns={"hint": "red"}, truth={"colour": "red"})
        index += 1


task = Task(prompts=prompts, max_tokens=6)
