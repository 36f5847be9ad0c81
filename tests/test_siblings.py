"""Does attention laid out a completion apart find what a mask over the whole row finds?"""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.nn.functional import scaled_dot_product_attention as sdpa

from rewardbench.engine.siblings import siblings, taken

LAYER = 0
lengths = st.integers(0, 11)
rows = st.lists(st.tuples(st.integers(1, 13), st.lists(lengths, min_size=1, max_size=4)), min_size=1, max_size=3)


def laid(told, K):
    """Positions and parts [rows, S] of rows told as (tokens of a prompt, tokens fed of each completion)."""
    S = max(8, *(-(-(prompt + sum(said)) // 8) * 8 for prompt, said in told))
    position, part = np.zeros((len(told), S), dtype=np.int64), np.full((len(told), S), -1)
    for n, (prompt, said) in enumerate(told):
        at = [range(prompt), *(range(prompt, prompt + length) for length in said)]
        parts = np.repeat(np.arange(len(said) + 1), [len(a) for a in at])
        part[n, : len(parts)] = parts
        position[n, : len(parts)] = np.concatenate(at)
    return position, part


def masked(part, query, key, value, scale):
    """Plain attention over the whole row: back, at the prompt and at one's own completion."""
    part = torch.from_numpy(part)
    back = torch.ones(part.shape[1], part.shape[1], dtype=torch.bool).tril()
    seen = back & ((part[:, :, None] == part[:, None, :]) | (part[:, None, :] == 0))
    found = sdpa(query, key, value, attn_mask=seen[:, None] | torch.eye(part.shape[1], dtype=torch.bool), scale=scale, enable_gqa=True)
    return torch.where((part >= 0)[:, None, :, None], found, 0.0)


def behind(*given, **asked):
    """Attention whose result lies as a GPU's kernel leaves it: heads behind positions."""
    return sdpa(*given, **asked).transpose(1, 2).contiguous().transpose(1, 2)


@pytest.fixture(autouse=True, params=[sdpa, behind], ids=["cpu", "gpu"])
def layout(request, monkeypatch):
    monkeypatch.setattr("rewardbench.engine.siblings.sdpa", request.param)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows, st.sampled_from([(1, 1), (2, 1), (4, 2), (3, 3)]), st.integers(0, 9), st.integers(0, 2**32 - 1))
def test_what_is_found_and_what_is_taught_are_those_of_a_mask_over_the_row(told, heads, spare, seed):
    K = max(len(said) for _, said in told)
    position, part = laid(told, K)
    most = max(p for p, _ in told), max(max(said) for _, said in told)
    if most[0] + spare <= part.shape[1] // 8 * 8:  # a tile has room for more than there is
        most = most[0] + spare, most[1] + spare
    g = torch.Generator().manual_seed(seed)
    shapes = [(len(told), h, part.shape[1], 4) for h in (heads[0], heads[1], heads[1])]
    given_ = [torch.randn(s, generator=g, dtype=torch.float64, requires_grad=True) for s in shapes]
    weight = torch.randn(shapes[0], generator=g, dtype=torch.float64)
    look = siblings(position, part, K, most, torch.device("cpu"))
    ways = [look.attend(LAYER, *given_, 0.7), masked(part, *given_, 0.7)]
    torch.testing.assert_close(*ways)
    slopes = [torch.autograd.grad((found * weight).sum(), given_) for found in ways]
    for one, other in zip(*slopes, strict=True):
        torch.testing.assert_close(one, other)


def test_a_row_of_nothing_is_nothing():
    position, part = laid([(3, [2, 0])], 2)
    position, part = np.vstack([position, 0 * position]), np.vstack([part, 0 * part - 1])
    x = torch.randn(2, 2, part.shape[1], 4, requires_grad=True)
    found = siblings(position, part, 2, (3, 2), torch.device("cpu")).attend(LAYER, x, x, x, 1.0)
    assert found.isfinite().all()
    assert (found[1] == 0).all()
    [slope] = torch.autograd.grad(found.sum(), x)
    assert slope.isfinite().all()
    assert (slope[1] == 0).all()


def test_a_row_that_is_no_number_leaves_the_others_as_they_are():
    position, part = laid([(3, [2, 4]), (5, [1, 3])], 2)
    x = torch.randn(2, 2, part.shape[1], 4)
    look = siblings(position, part, 2, (5, 4), torch.device("cpu"))
    found = []
    for broken in (False, True):
        y = x.clone()
        y[1] = float("nan") if broken else y[1]
        y.requires_grad_()
        out = look.attend(LAYER, y, y, y, 1.0)
        [slope] = torch.autograd.grad(out.sum(), y)
        found.append((out[0].detach(), slope[0]))
    assert torch.equal(found[0][0], found[1][0])
    assert torch.equal(found[0][1], found[1][1])


def test_rows_are_taken_and_given_back():
    x = torch.arange(6.0).view(3, 2).requires_grad_()
    there, back = torch.tensor([2, -1, 0, -1]), torch.tensor([2, -1, 0])
    found = taken(x, there, back)
    assert found.tolist() == [[4, 5], [0, 0], [0, 1], [0, 0]]
    [slope] = torch.autograd.grad((found * torch.arange(1.0, 9).view(4, 2)).sum(), x)
    assert slope.tolist() == [[5, 6], [0, 0], [1, 2]]


@pytest.mark.parametrize("most", [(3, 2), (4, 30), (40, 30)])
def test_texts_are_a_prompt_and_one_completion_each(most):
    position, part = laid([(3, [2, 1])], 2)
    look = siblings(position, part, 2, most, torch.device("cpu"))
    W = -(-sum(most) // 32) * 32
    assert [[n for n in text if n >= 0] for text in look.there.view(2, W).tolist()] == [[0, 1, 2, 3, 4], [0, 1, 2, 5]]
    assert [[n for n in text if n >= 0] for text in look.first.view(2, W).tolist()] == [[0, 1, 2, 3, 4], [5]]
