"""Share of the completion's words that are `red`."""

bar = 0.5


def gold(prompt, completion):
    words = completion.split()
    return sum(w == prompt.truth["colour"] for w in words) / max(len(words), 1)


def kind(prompt, completion):
    return str(min(len(completion.split()), 3))
