"""Which GPU does the driver itself name? Asked without torch, which takes seconds to load.

The functions are those of NVIDIA's driver API (https://docs.nvidia.com/cuda/cuda-driver-api/); all return 0 if they did
what they were asked.
"""

from __future__ import annotations

import ctypes
import importlib.util
from pathlib import Path
from typing import Any

LIBRARY = "libcuda.so.1"
LONGEST = 256
"""Bytes of a card's name, with room to spare."""


class NotToldError(Exception):
    """The driver did not do what it was asked."""


def first() -> dict[str, Any] | None:
    """The first card's name and its free bytes, as torch would tell them; None where only torch can know: there is no
    driver, it says no, or it is older than what torch was built with.
    """
    built = torch_built_with()
    if built is None:
        return None
    try:
        library = ctypes.CDLL(LIBRARY)
        _ask(library.cuInit, 0)
        too_old = _number(library.cuDriverGetVersion) // 1000 < int(built.split(".")[0])
        if too_old or not _number(library.cuDeviceGetCount):
            return None
        card, context = ctypes.c_int(), ctypes.c_void_p()
        name = ctypes.create_string_buffer(LONGEST)
        free, whole = ctypes.c_size_t(), ctypes.c_size_t()
        _ask(library.cuDeviceGet, ctypes.byref(card), 0)
        _ask(library.cuDeviceGetName, name, LONGEST, card)
        _ask(library.cuDevicePrimaryCtxRetain, ctypes.byref(context), card)  # what a process takes to be there at all
        _ask(library.cuCtxSetCurrent, context)
        _ask(library.cuMemGetInfo_v2, ctypes.byref(free), ctypes.byref(whole))
    except (OSError, AttributeError, ValueError, NotToldError):
        return None
    return {"name": name.value.decode(errors="replace"), "free": free.value}


def torch_built_with() -> str | None:
    """The version of CUDA that the torch at hand was built with ("13.0"), or None: it is one for processors. A file of
    torch's own says so that imports nothing of it.
    """
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return None
    told = importlib.util.spec_from_file_location("version_of_torch", Path(found.origin).parent / "version.py")
    if told is None or told.loader is None:
        return None
    version = importlib.util.module_from_spec(told)
    try:
        told.loader.exec_module(version)
    except Exception:  # whatever stands there: torch itself is asked then
        return None
    return getattr(version, "cuda", None)


def _ask(function: Any, *asked: Any) -> None:
    """Call a function of the driver; raises NotToldError where it says no."""
    if function(*asked) != 0:
        raise NotToldError


def _number(function: Any) -> int:
    """The number that a function of the driver gives."""
    told = ctypes.c_int()
    _ask(function, ctypes.byref(told))
    return told.value
