"""Who is asked, what can go wrong with it, and how often did it? A judge as a value, its errors and its counts."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, fields
from urllib.parse import urlsplit

from rewardbench.types import UserError

RUBRIC = "How well does the completion do what the prompt asks: is it right, to the point, and well written?"


@dataclass(frozen=True)
class Judge:
    """Whom to ask, and how. Holds the name of the variable with the key, never the key."""

    endpoint: str
    """Base address, e.g. `https://api.openai.com/v1` or `http://127.0.0.1:8000/v1`."""
    model: str
    rubric: str = RUBRIC
    key_env: str = ""
    """Environment variable with the key; empty: none is sent."""
    timeout: float = 60.0
    """Seconds for a whole reply."""
    retries: int = 4
    """Further tries of one question."""
    cache: str = ""
    """Folder of the answers; empty: the user's cache folder."""
    options: str = '{"temperature": 0}'
    """JSON object of more fields of each request."""

    @property
    def host(self) -> str:
        """What messages call the endpoint.

        >>> Judge("https://api.example.org/v1", "m").host
        'api.example.org'
        """
        return urlsplit(self.endpoint).netloc.rpartition("@")[2] or self.endpoint[:60]


def checked(judge: Judge) -> Judge:
    """The judge, if what it says of itself can be; raises UserError (code 2) otherwise."""
    for name in ("endpoint", "model"):
        if not isinstance(getattr(judge, name), str) or not getattr(judge, name):
            raise UserError(f"judge: no `{name}` is given; a judge needs `endpoint` and `model` in its params")
    try:
        place = urlsplit(judge.endpoint)
        right = place.scheme in ("http", "https") and place.hostname and (place.port or 1)
    except ValueError:
        right = False
    if not right or place.query or place.fragment:
        raise UserError(f"judge: endpoint = {judge.endpoint[:80]!r} is no address such as 'http://127.0.0.1:8000/v1'")
    if place.username is not None:
        raise UserError("judge: the endpoint holds a name or a key; put the key into a variable, named in `key_env`")
    for name in ("rubric", "key_env", "cache"):
        if not isinstance(getattr(judge, name), str):
            raise UserError(f"judge: {name} = {getattr(judge, name)!r} is not a text")
    numbers = isinstance(judge.timeout, (int, float)) and type(judge.retries) is int
    if not numbers or not judge.timeout > 0 or judge.retries < 0:
        raise UserError("judge: `timeout` must be a number above 0 and `retries` a whole number, at least 0")
    return judge


# --- what goes wrong -----------------------------------------------------------------------------------


class JudgeError(UserError):
    """A judge that gives no verdict. One clear line; never the key."""

    kind = "failed"
    again = False
    """Whether another try may help."""
    own = False
    """Whether it is about this one completion, not about everybody's."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message, 5)
        self.wait = wait


class Unauthorised(JudgeError):
    """401, 403, or no key."""

    kind = "unauthorised"


class Refused(JudgeError):
    """The endpoint understood the request and does not serve it: 400, 404, 422, a redirect."""

    kind = "refused"


class RateLimited(JudgeError):
    """429, after every try."""

    kind, again = "rate_limited", True


class Failing(JudgeError):
    """5xx, after every try."""

    kind, again = "failing", True


class TimedOut(JudgeError):
    """No whole reply in time."""

    kind, again = "timed_out", True


class Unreachable(JudgeError):
    """No connection."""

    kind, again = "unreachable", True


class Broken(JudgeError):
    """Half a reply, or one that is no chat completion."""

    kind, again = "broken", True


class Nonsense(JudgeError):
    """An answer outside the grammar."""

    kind, again, own = "nonsense", True, True


class Hijacked(Nonsense):
    """A verdict without the canary: perhaps the completion's own words."""

    kind = "hijacked"


class Declined(JudgeError):
    """The judge will not speak of this completion (a content filter)."""

    kind, own = "declined", True


@dataclass(frozen=True)
class Counts:
    """What a judge did in this process."""

    asked: int = 0
    """Questions that were sent."""
    cached: int = 0
    """Questions whose answer was known."""
    retried: int = 0
    """Further tries."""
    orders: int = 0
    """Completions that held words to a judge."""
    moved: int = 0
    """Of those, graded higher with these words than without."""
    canaries: int = 0
    """Verdicts without the canary's code."""
    flips: int = 0
    """Pairs judged differently when their order was turned round."""
    failed: tuple[tuple[str, int], ...] = ()
    """(kind, how many) of the questions that ended without a verdict."""


_ledger: dict[Judge, Counter[str]] = {}
_lock = threading.Lock()


def counts(judge: Judge) -> Counts:
    """What the judge did in this process so far."""
    with _lock:
        seen = dict(_ledger.get(judge, {}))
    named = {f.name: seen.get(f.name, 0) for f in fields(Counts) if f.name != "failed"}
    failed = tuple(sorted((k.removeprefix("failed "), n) for k, n in seen.items() if k.startswith("failed ")))
    return Counts(**named, failed=failed)


def note(judge: Judge, what: str) -> None:
    """Count one more of `what`."""
    with _lock:
        _ledger.setdefault(judge, Counter())[what] += 1
