"""What must be remembered between commands, in the model's `metadata_props`.

Each key begins with ``cortado.`` and holds one JSON object with a ``version``; everything
else that a stage needs is re-derived from the weights.

cortado.input     {"version": 1, "scale": s, "mean": [m, …]}: how pixels become inputs; without
                  a mean, it is zero
cortado.history   {"version": 1, "steps": ["prune --sparsity 0.9", …]}: how the file came to be;
                  a coded file does not keep it
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import onnx_ir as ir

from cortado.errors import CortadoError
from cortado.model.typing import FloatArray

__all__ = [
    "InputTransform",
    "add_history",
    "read_history",
    "read_transform",
    "write_transform",
]

T = TypeVar("T")

_VERSION = 1


@dataclass(frozen=True)
class InputTransform:
    """How Caffe turns pixels (0…255) into inputs: ``(x - mean) * scale``.

    Attributes
    ----------
    scale : float
        The factor, such as 1/256.
    mean : tuple of float
        Nothing, one value for all channels, or one a channel, in units of pixels.
    """

    scale: float = 1.0
    mean: tuple[float, ...] = ()

    def __call__(self, pixels: FloatArray) -> FloatArray:
        """Transform a batch of shape (n, channels, …)."""
        if self.mean:
            pixels = pixels - self._mean_for(pixels)
        return pixels * np.float32(self.scale)

    def _mean_for(self, pixels: FloatArray) -> FloatArray:
        mean = np.asarray(self.mean, np.float32)
        if mean.size not in (1, pixels.shape[1]):
            raise CortadoError(
                f"the model stores a mean of {mean.size} channels; "
                f"the images have {pixels.shape[1]}"
            )
        return mean.reshape(-1, *[1] * (pixels.ndim - 2))


def read_transform(model: ir.Model) -> InputTransform:
    """Return the stored input transform; without one, the identity."""
    return _read(model, "input", _parse_transform) or InputTransform()


def write_transform(model: ir.Model, transform: InputTransform) -> None:
    """Store the input transform in `model`, in place."""
    mean = {"mean": list(transform.mean)} if transform.mean else {}
    _write(model, "input", {"scale": transform.scale, **mean})


def read_history(model: ir.Model) -> tuple[str, ...]:
    """Return the command lines that made the model, oldest first."""
    return _read(model, "history", _parse_history) or ()


def add_history(model: ir.Model, step: str) -> None:
    """Append a command line to the history of `model`, in place."""
    _write(model, "history", {"steps": [*read_history(model), step]})


def _parse_transform(stored: dict[str, Any]) -> InputTransform:
    return InputTransform(float(stored["scale"]), tuple(float(m) for m in stored.get("mean", ())))


def _parse_history(stored: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(step) for step in stored["steps"])


def _read(model: ir.Model, key: str, parse: Callable[[dict[str, Any]], T]) -> T | None:
    text = model.metadata_props.get(f"cortado.{key}")
    if text is None:
        return None
    try:
        stored = json.loads(text)
        if stored["version"] != _VERSION:
            raise CortadoError(f"the model's cortado.{key} is of a newer version of cortado")
        return parse(stored)
    except (ValueError, TypeError, KeyError) as error:
        raise CortadoError(f"the model's metadata cortado.{key} is damaged") from error


def _write(model: ir.Model, key: str, content: dict[str, Any]) -> None:
    text = json.dumps({"version": _VERSION, **content}, separators=(",", ":"))
    model.metadata_props[f"cortado.{key}"] = text
