"""Every file has the bytes and the SHA-256 that manifest.json lists, and the digest is that of the list.

Why: the digest names the bundle; whoever cites it must get the same bytes. It proves that nothing was damaged on the
way, not that the content is true: whoever edits a file can write a new manifest, and other checks see that.
Mend: pack the entry anew; if it came from the net, fetch it again.
"""

from __future__ import annotations

import json

from rewardbench.boards import entries
from rewardbench.boards.checks._case import Case
from rewardbench.boards.finding import Finding, shown
from rewardbench.design import canonical
from rewardbench.policies.settings import file_digest

CODE = "V02"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ()


def check(case: Case) -> list[Finding]:
    """Files that are not listed, not there or not the same; and a digest of another list."""
    told = json.loads((case.folder / "manifest.json").read_text(encoding="utf-8"))
    there = {p.relative_to(case.folder).as_posix(): p for p in entries.files(case.folder)}
    listed = told["files"]
    found = [Finding(CODE, f"{shown(n)} is not in the manifest") for n in sorted(there.keys() - listed.keys())]
    found += [Finding(CODE, f"{shown(n)} is listed and missing") for n in sorted(listed.keys() - there.keys())]
    for name in sorted(there.keys() & listed.keys()):
        path = there[name]
        if (path.stat().st_size, file_digest(path)) != (listed[name]["bytes"], listed[name]["sha256"]):
            found.append(Finding(CODE, f"{name} is not the file that the manifest lists"))
    if canonical(listed) != told["digest"]:
        found.append(Finding(CODE, "the digest is not that of the list of files"))
    return found
