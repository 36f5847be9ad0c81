"""What does a design pay? Pure: text -> Design, scores of parts -> reward, Design -> hash."""

from rewardbench.design.hashing import canonical, design_hash, values
from rewardbench.design.paying import Running, compose, no_history, observe, prepared, shares, weights
from rewardbench.design.reading import (
    COMBINE,
    CONVENTIONS,
    FORMS,
    LEVELS,
    NORMALISE,
    check_keys,
    nearest,
    parse,
    read,
    validate,
    variables,
    written,
)

__all__ = [
    "COMBINE",
    "CONVENTIONS",
    "FORMS",
    "LEVELS",
    "NORMALISE",
    "Running",
    "canonical",
    "check_keys",
    "compose",
    "design_hash",
    "nearest",
    "no_history",
    "observe",
    "parse",
    "prepared",
    "read",
    "shares",
    "validate",
    "values",
    "variables",
    "weights",
    "written",
]
