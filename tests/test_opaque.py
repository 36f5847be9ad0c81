"""Is attention that a compiler sees from outside the attention that it is, on both ways?"""

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention as sdpa

from rewardbench.engine import opaque

SHAPE = (2, 3, 5, 4)
LAYER = torch.tensor(1)


@pytest.fixture
def within():
    """Attention that is causal, and louder the higher its layer and its `loud`."""
    entered = []

    def enter(loud):
        def how(layer, query, key, value, scale):
            return (1 + layer) * loud * sdpa(query, key, value, is_causal=True, scale=scale)

        opaque.enter(how)
        entered.append(how)

    yield enter
    for _ in entered:
        opaque.leave()


def asked():
    g = torch.Generator().manual_seed(0)
    return [torch.randn(SHAPE, generator=g, dtype=torch.float64).requires_grad_() for _ in range(3)]


def ways(own):
    return opaque.plain(1, *own, 0.5), opaque.whole(LAYER, *own, 0.5)


def slopes(found, own):
    return torch.autograd.grad((found * torch.linspace(-1, 1, found.numel()).view(found.shape)).sum(), own)


def test_it_finds_and_teaches_the_same(within):
    within(1.0)
    own = asked()
    plain, whole = ways(own)
    torch.testing.assert_close(plain, whole)
    assert whole.is_contiguous()
    for one, other in zip(slopes(plain, own), slopes(whole, own), strict=True):
        torch.testing.assert_close(one, other)


def test_a_way_back_is_that_of_its_own_pass(within):
    own, found = asked(), []
    for loud in (1.0, 3.0):
        within(loud)
        found.append(opaque.whole(LAYER, *own, 0.5))
    once, thrice = (slopes(f, own) for f in found)
    for one, three in zip(once, thrice, strict=True):
        torch.testing.assert_close(3 * one, three)


def test_a_pass_that_is_long_gone_has_no_way_back(within):
    own = asked()
    within(1.0)
    found = opaque.whole(LAYER, *own, 0.5)
    for _ in range(opaque.KEPT):
        within(2.0)
    with pytest.raises(RuntimeError, match="4 others came after"):
        slopes(found, own)


def test_reading_alone_is_not_kept(within):
    before = list(opaque._given)
    with torch.no_grad():
        within(1.0)
    assert list(opaque._given) == before


def test_a_compiler_is_told_the_shapes():
    own = [x.detach().requires_grad_() for x in asked()]
    opaque.enter(lambda layer, query, key, value, scale: sdpa(query, key, value, scale=scale))
    try:
        torch.library.opcheck(torch.ops.rewardbench.attend, (*own, LAYER, 0.5), test_utils=("test_schema", "test_faketensor"))
    finally:
        opaque.leave()
