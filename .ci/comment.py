"""What is written under a pull request? One comment, out of an artefact that anybody could have made.

    python3 .ci/comment.py number verdict.zip
    python3 .ci/comment.py body verdict.zip

Standard library alone. One member of the archive is read, up to a size; every value is checked for its type and its
letters; what is shown stands between backquotes, or is one of our own words. Anything else ends with code 3.
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from collections.abc import Sequence
from typing import Any, NoReturn

MOST_BYTES = 1_000_000
MOST_TEXT = 60_000  # characters of a comment: hosts refuse longer ones
MOST_ROWS, MOST_FINDINGS, LONGEST = 20, 15, 240
NAME = re.compile(r"[a-z0-9][a-z0-9._@=-]{0,63}")
LEVELS = ("reported", "consistent", "rescored")
SEVERITIES = ("reject", "flag", "mark")
MARK = "<!-- rbench-verdict -->"


def refuse(why: str) -> NoReturn:
    """End here: the artefact is not what our own check writes."""
    print(f"comment: {why}", file=sys.stderr)
    raise SystemExit(3)


def read(path: str) -> dict[str, Any]:
    """The verdict in the archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            if [i.filename for i in archive.infolist()] != ["verdict.json"]:
                refuse("the artefact holds something else than verdict.json")
            with archive.open("verdict.json") as file:
                data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            refuse(f"verdict.json has more than {MOST_BYTES} bytes")
        found = json.loads(data)
    except (zipfile.BadZipFile, ValueError, RecursionError, OSError, NotImplementedError, RuntimeError) as error:
        refuse(f"the artefact cannot be read ({type(error).__name__})")
    if not isinstance(found, dict) or found.get("schema_version") != 1:
        refuse("verdict.json is of no known version")
    return found


def whole(value: Any, most: int) -> int:
    """A whole number from 0 to `most`."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        refuse(f"{str(value)[:40]!r} is no whole number up to {most}")
    return value


def one_of(value: Any, known: Sequence[str]) -> str:
    """One of our own words."""
    if value not in known:
        refuse(f"{str(value)[:40]!r} is none of {', '.join(known)}")
    return str(value)


def name(value: Any) -> str:
    """A name of a board or entry."""
    if not isinstance(value, str) or not NAME.fullmatch(value):
        refuse(f"{str(value)[:40]!r} is no name")
    return value


def quoted(value: Any) -> str:
    """A text as code on one line: nothing in it marks up, mentions or links.

    >>> quoted("a `b`\\n@c")
    "`a 'b' @c`"
    """
    if not isinstance(value, str):
        refuse("a text is none")
    plain = "".join(c if c.isprintable() else " " for c in value).replace("`", "'")
    return "`" + (" ".join(plain.split())[:LONGEST] or "-") + "`"


def number(found: dict[str, Any]) -> int:
    """The pull request that the verdict says it is of; the workflow holds its head against the run's."""
    return whole(found.get("pull_request"), 10**9) or refuse("no pull request")


def listed(value: Any, most: int) -> list[dict[str, Any]]:
    """A list of tables, the first of them."""
    if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
        refuse("a list is none")
    return value[:most]


def row(told: dict[str, Any]) -> list[str]:
    """What is said of one entry."""
    head = f"**{quoted(name(told.get('board')))} / {quoted(name(told.get('entry')))}**"
    if "reason" in told:
        return [f"{head}: not judged: {quoted(told['reason'])}", ""]
    verdict = told.get("verdict")
    if not isinstance(verdict, dict):
        refuse("an entry has neither a verdict nor a reason")
    level = one_of(verdict.get("level"), LEVELS)
    state = "accepted" if verdict.get("accepted") is True else "rejected"
    findings = listed(verdict.get("findings"), 10**6)
    lines = [f"{head}: *{level}*, {state}", ""]
    for severity in SEVERITIES:
        for finding in [f for f in findings if one_of(f.get("severity"), SEVERITIES) == severity][:MOST_FINDINGS]:
            code = finding.get("code")
            if not isinstance(code, str) or not re.fullmatch(r"V[0-9]{2}", code):
                refuse("a finding has no code")
            lines.append(f"- {severity} {code}: {quoted(finding.get('message'))}")
    return [*lines, ""] if len(lines) > 2 else lines


def body(found: dict[str, Any]) -> str:
    """The comment."""
    rows = listed(found.get("entries"), MOST_ROWS)
    lines = [MARK, "### Entries", ""]
    for told in rows:
        lines += row(told)
    if not rows:
        lines += ["No entry is changed.", ""]
    if unread := whole(found.get("unread"), 10**6):
        lines += [f"{unread} more entries were not read: hand them in apart.", ""]
    if others := whole(found.get("other_files"), 10**6):
        lines += [f"{others} files of leaderboards that are no entry's are changed too: a person looks at those.", ""]
    lines += ["`rbench explain CODE` says what a check asks and how to mend it. A flag asks for a person's look."]
    text = "\n".join(lines)
    if len(text) <= MOST_TEXT:
        return text
    whole_lines = text[:MOST_TEXT].rpartition("\n")[0]  # a line cut in two could leave a code span open
    return whole_lines + "\n\n… cut: the artefact has all of it."


def main(arguments: Sequence[str]) -> int:
    """Print the number or the comment."""
    if len(arguments) != 2 or arguments[0] not in ("number", "body"):
        refuse("say number or body, and the archive")
    found = read(arguments[1])
    print(number(found) if arguments[0] == "number" else body(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
