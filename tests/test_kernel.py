"""Does our kernel find what stock attention finds? Interpreted on a processor, where Triton is installed."""

from importlib.util import find_spec

import pytest
import torch
from interpreting import interpreted

from rewardbench.engine import kernel, slots

ASK = """
from rewardbench.engine import kernel
for dtype in (torch.float32, torch.float16):
    for shape in ((3, 3, 64), (2, 2, 8), (1, 17, 48), (2, 1, 80)):
        for t in (0, 1, 31, 32, 70):
            assert kernel.tried(torch.device("cpu"), dtype, *shape, t) <= kernel.APART[dtype], (dtype, shape, t)
print("same")
"""


@pytest.mark.skipif(find_spec("triton") is None, reason="needs Triton")
def test_it_finds_what_stock_attention_finds():
    assert interpreted(ASK) == "same\n"


def test_where_it_cannot_be_had_stock_attention_serves_and_it_is_said(monkeypatch, capsys):
    kernel._repeats.cache_clear()
    monkeypatch.setattr(kernel, "triton", None)
    for _ in range(2):
        assert not kernel._repeats(torch.device("cpu"), torch.float32, 2, 8)
    assert capsys.readouterr().err.count("attention of one token is not compiled, which costs speed: ImportError") == 1
    kernel._repeats.cache_clear()


@pytest.mark.parametrize("wrong", [float("nan"), 1.0])
def test_a_kernel_that_says_otherwise_is_not_used(monkeypatch, wrong):
    kernel._repeats.cache_clear()
    monkeypatch.setattr(kernel, "triton", object())
    monkeypatch.setattr(kernel, "tried", lambda *_: wrong)
    assert not kernel._repeats(torch.device("cpu"), torch.float32, 2, 8)
    kernel._repeats.cache_clear()


@pytest.mark.parametrize("kept", [[0, 1, 2, 3], [1, 2, 3], [3], [2, 0]])
def test_who_leads_is_there_and_has_the_same_prompt(kept):
    owner = torch.tensor([5, 5, 2, 5])
    before = slots.led(owner, 6)
    after = slots.led(before[kept], len(before))
    assert (owner[kept][after] == owner[kept]).all()
    assert [after[after[n]] for n in range(len(kept))] == after.tolist()
