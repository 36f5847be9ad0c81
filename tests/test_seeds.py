"""Are the numbers of a name its own, however they are asked for?"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rewardbench import seeds

asked = st.lists(st.tuples(st.text(max_size=12), st.integers(0, 41)), min_size=1, max_size=8)


@given(asked)
def test_a_stream_starts_at_its_start_whatever_was_drawn_before(calls):
    for name, count in calls:
        np.testing.assert_array_equal(seeds.uniforms(name, count), seeds.generator(name).random(count))


def test_threads_do_not_draw_from_each_other():
    names = [f"train/1/{n}" for n in range(300)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda name: seeds.uniforms(name, 40), names, chunksize=1))
    for name, numbers in zip(names, found, strict=True):
        np.testing.assert_array_equal(numbers, seeds.generator(name).random(40))


def test_published_numbers_stay():
    """Every board that was ever built depends on them."""
    assert seeds.uniforms("noise/train/1/0/0/0", 3).tolist() == [0.39449083840136145, 0.9818918049293303, 0.11332043303412254]
