"""Is every part in pure Python fast enough not to be felt in training? Floors, by pytest; run on an idle machine.

    python -m pytest benchmarks/test_parts.py -q -p no:cacheprovider
"""

from statistics import median

import pytest
from parts import measured

from rewardbench import find
from rewardbench.types import Part

FLOOR = 10_000
"""Completions a CPU second."""
PURE = [n for n in sorted(find.parts()) if "Cost: pure Python." in (find.callable_of(Part(n, n)).__doc__ or "")]


@pytest.mark.parametrize("name", PURE)
def test_a_part_in_pure_python_is_fast(name):
    """Completions like those that the tasks are answered with."""
    speeds, _ = measured(name)
    assert median(speeds) >= FLOOR
