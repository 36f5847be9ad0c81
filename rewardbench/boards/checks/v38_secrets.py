"""No key, token or password, and no path of somebody's home, is in a text file of the bundle.

Why: a bundle is public for ever. A key in it has to be taken back, a path tells who ran it on which machine.
Mend: take the key back where it was issued, remove it, pack anew. Paths stand in error messages of failed runs and in
sources: use relative ones.
"""

from __future__ import annotations

import re

from rewardbench.boards import entries
from rewardbench.boards.checks._case import Case
from rewardbench.boards.finding import Finding

CODE = "V38"
LEVEL = "consistent"
SEVERITY = "reject"
AFTER: tuple[str, ...] = ()


SECRETS = {
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "an AWS key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,})",
    "a GitLab token": r"\bglpat-[A-Za-z0-9_-]{20,}",
    "a Hugging Face token": r"\bhf_[A-Za-z0-9]{30,}",
    "an API key": r"\bsk-(?:[a-z]+-)*[A-Za-z0-9_-]{20,}",
    "a Google key": r"\bAIza[0-9A-Za-z_-]{35}",
    "a Slack token": r"\bxox[abposr]-[A-Za-z0-9-]{10,}",
    "a password in an address": r"://[^/\s:@]{1,64}:[^/\s:@]{3,64}@",
    "a password": r"(?i)\b(?:api_?key|secret|passw(?:or)?d|token)\b\s*[=:]\s*[\"'][^\"'\s]{12,}[\"']",
}
HOME = re.compile(r"(?:/home/|/Users/|/root/|/mnt/|/private/|[A-Za-z]:\\{1,2}Users\\{1,2})[^\s\"':/\\]+")


def check(case: Case) -> list[Finding]:
    """Places of secrets (which are not repeated) and of paths."""
    found = []
    for path in entries.files(case.folder):
        if path.suffix == ".parquet":
            continue
        name, text = path.relative_to(case.folder).as_posix(), path.read_text(encoding="utf-8")
        for what, pattern in SECRETS.items():
            if hit := re.search(pattern, text):
                found.append(Finding(CODE, f"{name}, line {text.count(chr(10), 0, hit.start()) + 1} holds {what}"))
        if hit := HOME.search(text):
            line = text.count("\n", 0, hit.start()) + 1
            found.append(Finding(CODE, f"{name}, line {line} holds a path of a machine's", severity="flag"))
    return found
