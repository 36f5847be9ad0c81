"""The division is what the parts make it: closed means registered parts alone; open brings each source, hashed.

Why: a closed entry can be scored and trained again by anybody without running a stranger's code. An open one is
reproduced in a container, from exactly the files that its spec names. Gold is no part of a contestant.
Mend: say `division = open` for a design with code of its own (`rbench submit pack` does); put parts of an installed
module into a file of your own.
"""

from __future__ import annotations

from rewardbench import find
from rewardbench.boards.checks._case import Case, Piece
from rewardbench.boards.finding import Finding, shown
from rewardbench.policies.settings import file_digest
from rewardbench.types import Part

CODE = "V27"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ("V17",)


def check(case: Case) -> list[Finding]:
    """Parts, sources and a division that do not belong together."""
    parts = [(piece, part) for piece in case.all for part in piece.design.parts]
    own = [(piece, part) for piece, part in parts if ":" in part.use]
    found = [f for piece, part in own for f in _source(case, piece, part)]
    for piece, part in parts:
        if ":" not in part.use and part.use != "oracle" and part.use not in find.parts():
            found.append(Finding(CODE, f"{piece.where}: {shown(part.use)} is no registered part"))
        if ":" not in part.use and part.source:
            found.append(Finding(CODE, f"{piece.where}: the registered part {shown(part.use)} brings a source"))
        if part.use == "oracle" and case.about["kind"] != "control":
            found.append(Finding(CODE, f"{piece.where}: a part uses gold; only the arm `oracle` may"))
    if (case.about["division"] == "open") != bool(own):
        what = f"{len(own)} parts are the entry's own" if own else "every part is registered"
        found.append(Finding(CODE, f"the division is {case.about['division']}, and {what}"))
    named = {_place(part) for _, part in own}
    for path in sorted(case.folder.glob("sources/*/*")):
        if (told := path.relative_to(case.folder).as_posix()) not in named:
            found.append(Finding(CODE, f"{told} is the source of no part"))
    return found


def _place(part: Part) -> str:
    return f"sources/{part.source[:16]}/{part.use.rpartition(':')[0]}"


def _source(case: Case, piece: Piece, part: Part) -> list[Finding]:
    """What is wrong with the source of a part of the entry's own."""
    file = part.use.rpartition(":")[0]
    if not file.endswith(".py") or "/" in file or not part.source:
        return [Finding(CODE, f"{piece.where}: {shown(part.use)} is no function of a file in sources/")]
    path = case.folder / _place(part)
    if not path.is_file() or file_digest(path) != part.source:
        return [Finding(CODE, f"{piece.where}: {shown(_place(part))} is missing, or not the file that was run")]
    return []
