"""Cases that do to a process what no reader may: what the watch must see."""

import os

import numpy as np

from cortado.errors import CortadoError


def make(number: int) -> int:
    return number


def judge(number: int) -> None:
    if number == 0:
        raise CortadoError("refused")
    if number == 2:
        assert number == 3, "another value"
    if number == 3:
        raise RuntimeError("nobody thought of it")
    if number == 4:
        np.empty(2**31, np.uint8)
    if number == 5:
        try:
            np.empty(2**31, np.uint8)
        except MemoryError as error:
            raise CortadoError("too large") from error
    if number == 6:
        os.abort()
    while number == 7:
        pass
