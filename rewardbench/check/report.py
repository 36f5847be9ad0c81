"""What was asked about, how did it do, and which exit code says so?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rewardbench import fence, find
from rewardbench.check import algorithms, rewards, tasks
from rewardbench.spec import check_timeout
from rewardbench.types import UserError

MARK = {True: "kept  ", False: "BROKEN", None: "      "}


CALLS = 20
"""How often a reward is called by a check, at most, each time within its own limit."""


def examine(thing: str, task: str | None, rows: Path | None, timeout: float) -> dict[str, Any]:
    """The report of whatever the name means: `kind`, `promises`, and for rewards `convention`, `form`, `values`.

    A user's own code is loaded and called in a process of its own, behind the fence of accident protection.
    """
    check_timeout(timeout)
    if not find.is_users(thing):
        return here(thing, task, rows, timeout)
    limits = fence.limits(keep=find.variables(thing))
    name = rewards.portable(thing)
    try:
        found: dict[str, Any] = fence.apart(here, (thing, task, rows, timeout), limits, CALLS * timeout, name)
        return found
    except fence.Ended as error:
        try:
            head: dict[str, Any] = fence.apart(rewards.heading, (thing, task, rows), limits, timeout, name)
        except (fence.Ended, UserError):  # it breaks as it is loaded
            raise UserError(str(error), 6) from error
        return {"schema_version": 1, **head, "values": None, "promises": [], "failure": str(error)}


def here(thing: str, task: str | None, rows: Path | None, timeout: float) -> dict[str, Any]:
    """The report, made in this process."""
    head = {"schema_version": 1}
    if thing in find.task_folders():
        return head | tasks.check(thing, timeout)
    family, _, last = thing.rpartition("/")
    if family in find.task_folders() and not thing.endswith(".toml"):
        return head | rewards.check(last, family, rows, timeout)
    if find.is_algorithm(thing):
        return head | algorithms.check(thing)
    if ":" in thing or thing.endswith(".toml") or task is not None:
        if thing.endswith(".toml") and task is None and rows is None:
            raise UserError(f"{thing!r} is a design: name its task (--task qa/lookup), or give completions (--rows F)")
        return head | rewards.check(thing, task, rows, timeout)
    if thing in find.parts() or thing in find.arms():
        return head | rewards.check(thing, task, rows, timeout)
    if Path(thing).is_file():
        hint = f"name its function, {find.as_named(thing)}" if thing.endswith(".py") else "completions go in by --rows"
        raise UserError(f"{thing!r} is a file: {hint}")
    if owners := find.owners(thing):
        like = f"`rbench check {thing} --task {owners[0]}`"
        raise UserError(f"{thing!r} is a design: name its task too, such as {like}")
    known = [*find.task_folders(), *find.files("algorithms"), *find.parts()]
    raise find.unknown("thing to check", thing, known)


def code(found: dict[str, Any]) -> int:
    """0 if every promise is kept, 3 if one is not, 6 if the user's code broke."""
    if found["failure"]:
        return 6
    return 3 if any(p["kept"] is False for p in found["promises"]) else 0


def lines(found: dict[str, Any]) -> list[str]:
    """The report in words."""
    told = [f"{found['thing']} ({found['kind']})"]
    if "convention" in found:
        told.append(f"read as {found['convention']}, {found['form']}: {found['why']}")
    for part in found.get("parts", ()) if len(found.get("parts", ())) > 1 else ():
        told.append(f"  part {part['name']}: {part['use']} ({part['convention']}, {part['form']})")
    if "rows" in found:
        told.append(f"tried on {found['rows']}" + (f"; {found['chosen']}" if "chosen" in found else ""))
    if found.get("values"):
        shown = ", ".join("None" if v is None else f"{v:.3g}" for v in found["values"][:12])
        more = len(found["values"]) - 12
        told.append(f"pays {shown}" + (f" … ({more} more)" if more > 0 else ""))
    told += [f"{MARK[p['kept']]}  {p['name']}: {p['detail']}" for p in found["promises"]]
    if found["failure"]:
        told.append(f"FAILED: {found['failure']}")
    elif code(found):
        told.append("a promise is broken: mend it before you train")
    return told
