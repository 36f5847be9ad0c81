"""What can a user's code do to a sweep by accident? Little: a worker puts limits on itself before it loads any.

This is accident protection, no security boundary: code that means harm is to be run on a machine that may be harmed.
What is limited: memory, file sizes, open files, processes (not for root, whom the kernel exempts), inherited
secrets, and where files are written and processes signalled (Linux with Landlock). Reading is not limited, and the
network is open unless it is closed on purpose: a judge needs it. What is reached is tried, not assumed. Memory is
what a process may write to privately (RLIMIT_DATA), so that address space that a GPU's driver reserves is free;
shared memory is not counted.
"""

from rewardbench.fence.bounds import (
    LEAST_MEMORY,
    VARIABLE,
    Ended,
    Limits,
    limits,
    memory,
    secret,
    without_secrets,
)
from rewardbench.fence.called import cause, first_line, no_output, raised, spent, users_line, watched
from rewardbench.fence.process import apart, die_with_parent
from rewardbench.fence.up import able, here, lower, put_up, words

__all__ = [
    "LEAST_MEMORY",
    "VARIABLE",
    "Ended",
    "Limits",
    "able",
    "apart",
    "cause",
    "die_with_parent",
    "first_line",
    "here",
    "limits",
    "lower",
    "memory",
    "no_output",
    "put_up",
    "raised",
    "secret",
    "spent",
    "users_line",
    "watched",
    "without_secrets",
    "words",
]
