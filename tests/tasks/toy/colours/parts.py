"""Parts of the toy task, good and broken."""

import os
import time


def red(completions, hint):
    return [float(h in c.split()) for c, h in zip(completions, hint)]


def wrong_count(completions):
    return [1.0]


def text(completions):
    return ["good" for _ in completions]


def nan(completions):
    return [float("nan") for _ in completions]


def raises(completions):
    raise KeyError("colour")


def hangs(completions):
    time.sleep(1000)


def kills(completions):
    os._exit(9)


def abstains(completions):
    return [None if len(c) % 2 else 1.0 for c in completions]


async def later(completions, **kwargs):
    return [float("red" in c) for c in completions]


def segments(completions):
    return [[(0, len(c), 0.5)] if c else 0.0 for c in completions]


def several(completions):
    return {"red": [float("red" in c) for c in completions], "cat": [None for _ in completions]}


def reads_truth(completions, truth):
    return [1.0 for _ in completions]
