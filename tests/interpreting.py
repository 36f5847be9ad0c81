"""Triton's interpreter: kernels of our own as a processor computes them, in a process of their own."""

import os
import subprocess
import sys
from pathlib import Path

BEFORE = """
import torch
from triton.runtime import interpreter

whole = interpreter._patch_lang_tensor

def patched(tensor, *scope):
    whole(tensor, *scope)
    tensor.__index__ = lambda self: int(self.handle.data.item())  # NumPy 2.4 makes no number of an array of one

interpreter._patch_lang_tensor = patched
"""


def interpreted(code):
    """What a program prints whose kernels are interpreted; its errors, if it ends in one."""
    env = os.environ | {"TRITON_INTERPRET": "1"}
    words = [sys.executable, "-c", BEFORE + code]
    done = subprocess.run(words, capture_output=True, text=True, env=env, cwd=Path(__file__).parents[1])
    return done.stdout if done.returncode == 0 else done.stderr
