"""Is the card that a driver names told without torch, and torch asked wherever that leaves a doubt? The driver is made up."""

import ctypes
import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from rewardbench.engine import driver, trial


def library(count=1, version=13_000, refuses=None, lacks=None):
    """A driver of one card, that refuses one of its functions (code 999) or lacks it."""

    def put(pointer, value):
        pointer._obj.value = value

    does = {
        "cuInit": lambda flags: None,
        "cuDriverGetVersion": lambda told: put(told, version),
        "cuDeviceGetCount": lambda told: put(told, count),
        "cuDeviceGet": lambda card, n: put(card, n),
        "cuDeviceGetName": lambda name, size, card: setattr(name, "value", b"NVIDIA H100 80GB HBM3"),
        "cuDevicePrimaryCtxRetain": lambda context, card: put(context, 7),
        "cuCtxSetCurrent": lambda context: None,
        "cuMemGetInfo_v2": lambda free, whole: (put(free, 78 << 30), put(whole, 80 << 30)),
    }
    does.pop(lacks, None)

    def function(name):
        def call(*asked):
            does[name](*asked)
            return 999 if name == refuses else 0

        return call

    return SimpleNamespace(**{name: function(name) for name in does})


@pytest.fixture
def there(monkeypatch):
    """A machine with such a driver, and a torch that was built for a card."""

    def put(built="13.0", **how):
        monkeypatch.setattr(driver, "torch_built_with", lambda: built)
        monkeypatch.setattr(ctypes, "CDLL", lambda name: library(**how))

    return put


def test_the_card_that_the_driver_names(there):
    there()
    assert driver.first() == {"name": "NVIDIA H100 80GB HBM3", "free": 78 << 30}
    assert trial.card() == driver.first()
    there(built="12.8")  # a newer driver serves an older torch
    assert driver.first() is not None


@pytest.mark.parametrize(
    "how",
    [{"count": 0}, {"version": 12_080}, {"built": None}, {"lacks": "cuMemGetInfo_v2"}]
    + [{"refuses": name} for name in vars(library())],
    ids=lambda how: next(f"{k}={v}" for k, v in how.items()),
)
def test_what_leaves_a_doubt_is_asked_of_torch(there, how, monkeypatch):
    import torch

    there(**how)
    assert driver.first() is None
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda n: "what torch finds")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda n: (5, 6))
    assert trial.card() == {"name": "what torch finds", "free": 5}


def test_without_a_driver_torch_is_asked(monkeypatch):
    monkeypatch.setattr(driver, "torch_built_with", lambda: "13.0")
    monkeypatch.setattr(driver, "LIBRARY", "libcuda-that-is-not-there.so.1")
    assert driver.first() is None


def test_what_torch_was_built_with_is_read_without_loading_it():
    import torch

    asked = "import json, sys\nfrom rewardbench.engine import driver\nprint(json.dumps([driver.torch_built_with(), 'torch' in sys.modules]))"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout
    assert json.loads(told) == [torch.version.cuda, False]
