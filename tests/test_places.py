"""Do our kernels put words where the stock operations put them? Interpreted on a processor, where Triton is installed."""

from importlib.util import find_spec

import pytest
import torch
from interpreting import interpreted

from rewardbench.engine import places

CPU = torch.device("cpu")
ASK = """
from rewardbench.engine import places
for dtype in (torch.float32, torch.float16):
    for d in (4, 48, 64):
        far = places.tried(torch.device("cpu"), dtype, d)
        assert far <= places.APART[dtype], (dtype, d, far)
print("same")
"""


@pytest.mark.skipif(find_spec("triton") is None, reason="needs Triton")
def test_they_do_what_stock_operations_do():
    assert interpreted(ASK) == "same\n"


def test_words_are_looked_up_and_added_up():
    x = torch.arange(1.0, 13).view(3, 1, 4, 1)  # 4 places in each of 3 texts
    index = torch.tensor([1, places.NOWHERE, 0, 11])
    assert places.gathered(x, index, 2).flatten().tolist() == [2, 0, 1, 12]
    assert places.gathered(x, index, 2).shape == (2, 1, 2, 1)
    copies = torch.tensor([3, 3, 2, 1])
    assert places.collected(x, index, copies, 2, 3).flatten().tolist() == [2 + 6 + 10, 0, 1 + 5, 12]


def test_a_place_of_no_number_spoils_no_other():
    x = torch.full((2, 1, 3, 1), float("nan"))
    x[1] = 1.0
    index, copies = torch.tensor([places.NOWHERE, 3, 4]), torch.tensor([2, 1, 1])
    assert places.gathered(x, index, 1).flatten().tolist() == [0, 1, 1]
    assert places.collected(x, index, copies, 1, 2).flatten().tolist() == [0, 1, 1]


def test_where_they_cannot_be_had_it_is_said_once(monkeypatch, capsys):
    places._repeats.cache_clear()
    monkeypatch.setattr(places, "triton", None)
    for _ in range(2):
        assert not places._repeats(CPU, torch.float32, 8)
    assert capsys.readouterr().err.count("the layout of texts is not compiled, which costs speed: ImportError") == 1
    places._repeats.cache_clear()


@pytest.mark.parametrize("wrong", [float("nan"), 1.0])
def test_kernels_that_say_otherwise_are_not_used(monkeypatch, wrong):
    places._repeats.cache_clear()
    monkeypatch.setattr(places, "triton", object())
    monkeypatch.setattr(places, "tried", lambda *_: wrong)
    assert not places._repeats(CPU, torch.float32, 8)
    places._repeats.cache_clear()
