"""The values that a net's blobs have before any training.

    constant            value
    uniform             uniform in [min, max)
    gaussian            normal with mean and std; with sparse = s ≥ 0, each value is kept with
                        the probability s / (size of axis 0), and 0 otherwise
    xavier              uniform in [-a, a), a = sqrt(3 / n)
    msra                normal with mean 0, std sqrt(2 / n)
    positive_unitball   uniform in [0, 1), then each row divided by its sum
    bilinear            the kernel that upsamples linearly, in every channel

n is the fan-in (count / axis 0), the fan-out (count / axis 1) or their average, as
`variance_norm` says.

Source: BVLC/caffe filler.hpp; Glorot and Bengio 2010 (xavier), He et al. 2015 (msra).
"""

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import TypeAlias

import numpy as np

from cortado.caffe.message import Message
from cortado.errors import CortadoError
from cortado.model.typing import Array, FloatArray

__all__ = ["DETERMINISTIC", "MOST_VALUES", "Fillers", "fill", "generator"]

DETERMINISTIC = ("constant", "bilinear")
"""The types of filler that draw nothing at random."""

MOST_VALUES = 150_000_000
"""The most values that are filled: VGG-19, the largest of the classic nets, has 144 million."""

_VARIANCE_NORMS = ("FAN_IN", "FAN_OUT", "AVERAGE")

_Filler: TypeAlias = Callable[[Message, tuple[int, ...], np.random.Generator], Array]


@dataclass(frozen=True)
class Fillers:
    """Instead of weights: fill every blob as the prototxt says.

    Attributes
    ----------
    seed : int
        Equal seeds give equal weights.
    """

    seed: int = 0


def generator(seed: int, layer: str, index: int) -> np.random.Generator:
    """Return the source of randomness of one blob; it doesn't depend on the rest of the net."""
    return np.random.default_rng([abs(seed), zlib.crc32(layer.encode()), index])


def fill(filler: Message, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    """Return new values for a blob.

    Parameters
    ----------
    filler : Message
        A FillerParameter.
    shape : tuple of int
        The blob's shape.
    rng : numpy.random.Generator
        Drawn from by the fillers that are not `DETERMINISTIC`.

    Raises
    ------
    CortadoError
        If the type is unknown or doesn't suit the shape, or the blob exceeds `MOST_VALUES`.
    """
    kind = filler.text("type", "constant")
    if kind not in _FILLERS:
        raise CortadoError(f"prototxt line {filler.line}: {kind!r} is no type of filler")
    if prod(shape) > MOST_VALUES:
        raise CortadoError(f"a blob of shape {list(shape)} is too large to fill")
    values: FloatArray = _FILLERS[kind](filler, shape, rng).astype(np.float32)
    return values


def _constant(filler: Message, shape: tuple[int, ...], _: np.random.Generator) -> Array:
    return np.full(shape, filler.number("value", 0.0))


def _uniform(filler: Message, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    low, high = filler.number("min", 0.0), filler.number("max", 1.0)
    if not (math.isfinite(high - low) and low <= high):
        raise CortadoError(f"prototxt line {filler.line}: a filler's min exceeds its max")
    return rng.uniform(low, high, shape)


def _gaussian(filler: Message, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    std, sparse = filler.number("std", 1.0), filler.integer("sparse", -1, minimum=-1)
    if not 0 < std < math.inf:
        raise CortadoError(f"prototxt line {filler.line}: a filler's std is {std}")
    values = rng.normal(filler.number("mean", 0.0), std, shape)
    if sparse >= 0:
        values *= rng.random(shape) < sparse / shape[0]
    return values


def _xavier(filler: Message, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    bound = math.sqrt(3.0 / _fan(filler, shape))
    return rng.uniform(-bound, bound, shape)


def _msra(filler: Message, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    return rng.normal(0.0, math.sqrt(2.0 / _fan(filler, shape)), shape)


def _positive_unitball(_: Message, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    values: Array = rng.random((shape[0], prod(shape[1:])))
    values /= values.sum(axis=1, keepdims=True)
    return values.reshape(shape)


def _bilinear(filler: Message, shape: tuple[int, ...], _: np.random.Generator) -> Array:
    if len(shape) != 4 or shape[2] != shape[3]:
        raise CortadoError(
            f"prototxt line {filler.line}: a bilinear filler needs a square kernel, "
            f"not the shape {list(shape)}"
        )
    half = math.ceil(shape[3] / 2)
    centre = (shape[3] - 1) / (2.0 * half)
    line = 1 - np.abs(np.arange(shape[3]) / half - centre)
    return np.broadcast_to(np.outer(line, line), shape)


def _fan(filler: Message, shape: tuple[int, ...]) -> float:
    fan_in = prod(shape) / shape[0]
    fan_out = prod(shape) / (shape[1] if len(shape) > 1 else 1)
    norm = filler.choice("variance_norm", _VARIANCE_NORMS, "FAN_IN")
    return {"FAN_IN": fan_in, "FAN_OUT": fan_out, "AVERAGE": (fan_in + fan_out) / 2}[norm]


_FILLERS: dict[str, _Filler] = {
    "constant": _constant,
    "uniform": _uniform,
    "gaussian": _gaussian,
    "xavier": _xavier,
    "msra": _msra,
    "positive_unitball": _positive_unitball,
    "bilinear": _bilinear,
}
