"""How is anybody's reward function called? One file a convention, chosen by the function's signature.

A convention's file defines `fits(signature)`: why a function follows it, or "" if it does not; and
`adapt(function, task)`: the function as the scorer calls it (`calling`: keywords, lists, a score a completion).
The first that fits is taken, in the order of `ORDER`; a function may name one itself, in an attribute `convention`.
"""

from rewardbench.conventions.reading import ORDER, Reading, read

__all__ = ["ORDER", "Reading", "read"]
