"""Do numbers that are sent together arrive as they are? A GPU's way of sending is tried without one."""

from types import SimpleNamespace

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from rewardbench.engine import send

KINDS = st.sampled_from([np.float32, np.int64, np.int16, np.bool_])
ARRAYS = st.lists(KINDS.flatmap(lambda kind: arrays.arrays(kind, arrays.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4))), max_size=6)


@given(ARRAYS)
def test_what_is_sent_together_is_what_is_sent_alone(told):
    card = SimpleNamespace(type="cuda")
    whole, calls = send.sent, []
    send.sent = lambda values, device: calls.append(values) or torch.from_numpy(np.ascontiguousarray(values))
    try:
        found = send.sent_together(told, card)
    finally:
        send.sent = whole
    for array, tensor in zip(told, found, strict=True):
        assert tensor.shape == array.shape
        np.testing.assert_array_equal(tensor.numpy(), array)
    assert len(calls) == len({array.dtype for array in told})


def test_on_a_processor_nothing_is_copied():
    array = np.arange(6.0)
    [tensor] = send.sent_together([array], torch.device("cpu"))
    array[0] = 7
    assert tensor[0] == 7
