"""How does a question become a verdict? From the cache, or from the endpoint after some tries; what fails is named."""

from __future__ import annotations

import json
import os
import re
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from time import monotonic, sleep
from typing import IO, Any, NoReturn
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from rewardbench.policies import settings as policies_
from rewardbench.reward_models.judges.asked import VERSION, Question, verdict
from rewardbench.reward_models.judges.judge import (
    Broken,
    Declined,
    Failing,
    Hijacked,
    Judge,
    JudgeError,
    RateLimited,
    Refused,
    TimedOut,
    Unauthorised,
    Unreachable,
    note,
)
from rewardbench.types import UserError

LONGEST_WAIT = 300.0
"""Seconds that an endpoint may ask us to wait; longer is a failure at once."""
LARGEST = 4_000_000
"""Bytes of a reply that are read."""
_under_way: dict[str, threading.Lock] = {}
_lock = threading.Lock()


def ask(judge: Judge, asked: Question) -> str:
    """The verdict, from the cache or from the endpoint, after at most `retries` further tries.

    Raises JudgeError: with `own` where only this question has no verdict (which is remembered too, so that a resumed
    run repeats itself), else where nobody's would.
    """
    try:
        with _alone(asked.key):
            place = _place(judge, asked.key)
            known = _recall(place)
            note(judge, "asked" if known is None else "cached")
            answer = known or _remember(place, _tried(judge, asked))
        return _read(judge, asked, answer)
    except JudgeError as error:
        note(judge, f"failed {error.kind}")
        raise


@contextmanager
def _alone(key: str) -> Iterator[None]:
    """Held by one thread a question at a time, so that siblings who ask the same wait for one answer."""
    with _lock:
        mine = _under_way.setdefault(key, threading.Lock())
    with mine:
        try:
            yield
        finally:
            with _lock:
                _under_way.pop(key, None)


def heard(judge: Judge, asked: Question) -> str | None:
    """The verdict, or None where this question alone has none (counted); raises JudgeError where nobody's would."""
    try:
        return ask(judge, asked)
    except JudgeError as error:
        if not error.own:
            raise
        return None


def _read(judge: Judge, asked: Question, answer: Mapping[str, Any]) -> str:
    """The verdict in an answer `{"text", "declined"}`."""
    if answer["declined"]:
        raise Declined(f"judge {judge.host} declines to judge this completion")
    return verdict(asked, answer["text"], judge.host)


def _tried(judge: Judge, asked: Question) -> dict[str, Any]:
    """The answer of the first try that has a verdict; of the last one where the completion itself is to blame."""
    for attempt in range(judge.retries + 1):
        last = attempt == judge.retries
        try:
            answer = send(judge, asked)
        except JudgeError as error:
            wait = min(60.0, 0.5 * 2**attempt) if error.wait is None else error.wait
            if last or not error.again or wait > LONGEST_WAIT:
                raise
            sleep(wait)
        else:
            try:
                _read(judge, asked, answer)
            except JudgeError as error:
                if isinstance(error, Hijacked):
                    note(judge, "canaries")
                if last or not error.again:
                    return answer
            else:
                return answer
        note(judge, "retried")
    raise AssertionError("the last try returns or raises")


class _NoRedirect(HTTPRedirectHandler):
    """A redirect would carry the key to another host: it is a refusal instead."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """None: do not follow."""


_opener = build_opener(_NoRedirect)


def send(judge: Judge, asked: Question) -> dict[str, Any]:
    """One request's answer, `{"text", "declined"}`; raises JudgeError of the kind of what went wrong."""
    messages = [{"role": role, "content": content} for role, content in asked.messages]
    body = {**json.loads(judge.options), "model": judge.model, "messages": messages}
    headers, key = {"Content-Type": "application/json"}, _key(judge)
    if key:
        headers["Authorization"] = f"Bearer {key}"
    place = f"{judge.endpoint.rstrip('/')}/chat/completions"
    request = Request(place, json.dumps(body).encode(), headers, method="POST")
    try:
        with _opener.open(request, timeout=judge.timeout) as reply:
            raw = _whole(reply, monotonic() + judge.timeout)
    except HTTPError as error:
        with error:
            _refused(judge, error, key)
    except TimeoutError:
        _late(judge)
    except URLError as error:
        if isinstance(error.reason, TimeoutError):
            _late(judge)
        why = str(getattr(error.reason, "strerror", None) or error.reason)
        line = f"judge {judge.host} cannot be reached ({why}); is it running, is `endpoint` right?"
        raise Unreachable(line) from None
    except (HTTPException, OSError) as error:
        raise Broken(f"judge {judge.host}: the reply broke off ({type(error).__name__})") from None
    return _content(judge, raw)


def _late(judge: Judge) -> NoReturn:
    """Raise TimedOut."""
    raise TimedOut(f"judge {judge.host}: no whole reply within {judge.timeout:g} s; raise `timeout` if it is only slow")


def _whole(reply: Any, end: float) -> bytes:
    """The body; raises TimeoutError when the clock passes `end`, HTTPException where it is cut off or too long."""
    pieces, size = [], 0
    while piece := reply.read1(65536):
        pieces.append(piece)
        size += len(piece)
        if monotonic() > end:  # the socket's own limit is for each piece: a drip would never meet it
            raise TimeoutError
        if size > LARGEST:
            raise HTTPException("too long")
    said = reply.headers.get("Content-Length")
    if said is not None and said.isdecimal() and size < int(said):
        raise HTTPException("cut off")
    return b"".join(pieces)


def _refused(judge: Judge, error: HTTPError, key: str) -> NoReturn:
    """Raise what an HTTP status means."""
    status, who = error.code, f"judge {judge.host}"
    try:
        told = error.read(2000).decode("utf-8", "replace")
    except (OSError, HTTPException):  # the status is known, and says enough without its explanation
        told = ""
    why = " ".join((told.replace(key, "***") if key else told).split())[:160]
    said = f"{status}: {why}" if why else str(status)
    if status in (401, 403):
        named = f"the key in ${judge.key_env}" if judge.key_env else "a key: name its variable in `key_env`"
        raise Unauthorised(f"{who} does not let us in ({status}); check {named}")
    if status == 429:
        raise RateLimited(f"{who} says it is asked too often (429); go on later, or raise `retries`", _wait(error))
    if status in (408, 504):
        raise TimedOut(f"{who} timed out by itself ({status}); look at its own log", _wait(error))
    if status >= 500:
        raise Failing(f"{who} fails ({said}); look at its own log", _wait(error))
    raise Refused(f"{who} refuses the request ({said}); check `endpoint`, `model` = {judge.model!r} and `options`")


def _wait(error: HTTPError) -> float | None:
    """Seconds that `Retry-After` asks for: a number, or a date; None where it says nothing that can be read."""
    said = error.headers.get("Retry-After", "")
    if re.fullmatch(r"\d+(\.\d+)?", said):
        return float(said)
    try:
        return max(0.0, (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


def _content(judge: Judge, raw: bytes) -> dict[str, Any]:
    """The answer in a chat completion; raises Broken where it is none."""
    try:
        choice = json.loads(raw)["choices"][0]
        text, message = choice["message"].get("content"), choice["message"]
        declined = bool(message.get("refusal")) or choice.get("finish_reason") == "content_filter"
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        line = f"judge {judge.host}: the reply is no chat completion; is `endpoint` an OpenAI-style one?"
        raise Broken(line) from error
    if not isinstance(text, str) and not declined:
        raise Broken(f"judge {judge.host}: the reply holds no text")
    return {"text": text if isinstance(text, str) else "", "declined": declined}


def _key(judge: Judge) -> str:
    """The key, from the environment, or `` where none is asked for; raises Unauthorised without saying it."""
    if not judge.key_env:
        return ""
    key = os.environ.get(judge.key_env, "").strip()
    if not key:
        raise Unauthorised(f"judge {judge.host}: the variable ${judge.key_env} with its key is not set")
    if not re.fullmatch(r"[!-~]+", key):
        raise Unauthorised(f"judge {judge.host}: what ${judge.key_env} holds is no key (blanks, or beyond ASCII)")
    return key


# --- remembering ---------------------------------------------------------------------------------------


def _place(judge: Judge, key: str) -> Path:
    """The file of an answer."""
    folder = policies_.expanded(judge.cache) if judge.cache else policies_.cache() / "judges"
    return folder / key[:2] / f"{key}.json"


def _recall(place: Path) -> dict[str, Any] | None:
    """The answer in a file of the cache, or None."""
    try:
        found = json.loads(place.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UserError(f"judge: the cached answer {place.name} cannot be read; delete it", 4) from error
    if not isinstance(found, dict) or not isinstance(found.get("text"), str) or "declined" not in found:
        raise UserError(f"judge: the cached answer {place.name} is none; delete it", 4)
    return found


def _remember(place: Path, answer: dict[str, Any]) -> dict[str, Any]:
    """The answer that stands in the cache: the first one written, should two processes have asked at once."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=place.parent, encoding="utf-8", delete=False) as file:
            json.dump({"version": VERSION, **answer}, file)
        try:
            os.link(file.name, place)
        except FileExistsError:
            return _recall(place) or answer
        except OSError:  # a file system without hard links: the last one written stays, whole as well
            os.replace(file.name, place)
        finally:
            Path(file.name).unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"judge: no answer can be kept in {place.parent.parent.name}: {error.strerror}", 4) from error
    return answer
