"""How does a name become a thing? The folder listing is the registry; nothing is imported to list it.

A user's own thing is `path/file.py:name` or `module:name`. The working directory is never searched.
"""

from rewardbench.find.algorithms import algorithm, is_algorithm
from rewardbench.find.catalogue import listing
from rewardbench.find.designs import (
    arm,
    bind,
    check_columns,
    check_params,
    columns,
    design,
    is_users,
    lacking,
    own_file,
    owners,
    task_designs,
    variables,
)
from rewardbench.find.functions import arms, as_named, callable_of, copy_of, is_copied, own_part, parts
from rewardbench.find.names import files, first_line, unknown, why
from rewardbench.find.policies import policy, run_folder
from rewardbench.find.prompts import ends, some
from rewardbench.find.tasks import (
    check_digest,
    demonstrate,
    first_prompt,
    gold,
    own_tasks,
    recall,
    second_gold,
    task,
    task_digest,
    task_folder,
    task_folders,
)

__all__ = [
    "algorithm",
    "arm",
    "arms",
    "as_named",
    "bind",
    "callable_of",
    "check_columns",
    "check_digest",
    "check_params",
    "columns",
    "copy_of",
    "demonstrate",
    "design",
    "ends",
    "files",
    "first_line",
    "first_prompt",
    "gold",
    "is_algorithm",
    "is_copied",
    "is_users",
    "lacking",
    "listing",
    "own_file",
    "own_part",
    "own_tasks",
    "owners",
    "parts",
    "policy",
    "recall",
    "run_folder",
    "second_gold",
    "some",
    "task",
    "task_designs",
    "task_digest",
    "task_folder",
    "task_folders",
    "unknown",
    "variables",
    "why",
]
