"""What must be remembered between commands, in the model's `metadata_props`.

Each key begins with ``cortado.`` and holds one JSON object with a ``version``; everything
else that a stage needs is re-derived from the weights. A mean image is stored without loss: the
differences of neighbouring values, as integers of their bits, byte by byte, packed by zlib, and
written in base 85.

cortado.input     {"version": 1, "scale": s, "mean": [m, …], "image": {"shape": [c, h, w],
                  "data": …}, "crop": n, "mirror": true, "order": "bgr"}: how pixels become
                  inputs; what is the default is left out, but for the scale
cortado.criteria  {"version": 1, "list": [{"name": "loss", "kind": "SoftmaxWithLoss",
                  "scores": "fc2", …}, …]}: the losses and metrics of the net's training, see
                  `criteria`; what is the default is left out
cortado.history   {"version": 1, "steps": ["prune --sparsity 0.9", …]}: how the file came to be;
                  a coded file does not keep it
"""

import base64
import json
import zlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import onnx_ir as ir

from cortado.errors import CortadoError
from cortado.task.criteria import Criterion
from cortado.task.transform import InputTransform, MeanImage

__all__ = [
    "add_history",
    "read_criteria",
    "read_history",
    "read_transform",
    "write_criteria",
    "write_transform",
]

T = TypeVar("T")

_VERSION = 1
_MAX_IMAGE = 2**30  # bytes of a mean image


def read_transform(model: ir.Model) -> InputTransform:
    """Return the stored input transform; without one, the identity."""
    return _read(model, "input", _parse_transform) or InputTransform()


def write_transform(model: ir.Model, transform: InputTransform) -> None:
    """Store the input transform in `model`, in place."""
    image = None if transform.image is None else _pack_image(transform.image)
    content = {
        "mean": list(transform.mean),
        "image": image,
        "crop": transform.crop,
        "mirror": transform.mirror,
        "order": transform.order,
    }
    given = {key: value for key, value in content.items() if value}
    _write(model, "input", {"scale": transform.scale, **given})


def read_criteria(model: ir.Model) -> tuple[Criterion, ...]:
    """Return the losses and metrics that the net was trained with, in the order of its layers."""
    return _read(model, "criteria", _parse_criteria) or ()


def write_criteria(model: ir.Model, criteria: Sequence[Criterion]) -> None:
    """Store losses and metrics in `model`, in place."""
    _write(model, "criteria", {"list": [criterion.stored() for criterion in criteria]})


def read_history(model: ir.Model) -> tuple[str, ...]:
    """Return the command lines that made the model, oldest first."""
    return _read(model, "history", _parse_history) or ()


def add_history(model: ir.Model, step: str) -> None:
    """Append a command line to the history of `model`, in place."""
    _write(model, "history", {"steps": [*read_history(model), step]})


def _parse_transform(stored: dict[str, Any]) -> InputTransform:
    image, order = stored.get("image"), stored.get("order", "")
    if order not in ("", "bgr", "rgb"):
        raise ValueError(order)
    return InputTransform(
        scale=float(stored["scale"]),
        mean=tuple(float(m) for m in stored.get("mean", ())),
        image=None if image is None else _unpack_image(image),
        crop=int(stored.get("crop", 0)),
        mirror=bool(stored.get("mirror", False)),
        order=order,
    )


def _pack_image(image: MeanImage) -> dict[str, Any]:
    bits = np.frombuffer(image.data, "<u4")
    differences = np.diff(bits, prepend=np.uint32(0)).astype("<u4")
    planes = differences.view(np.uint8).reshape(-1, 4).T.tobytes()
    return {
        "shape": list(image.shape),
        "data": base64.b85encode(zlib.compress(planes, 9)).decode(),
    }


def _unpack_image(stored: dict[str, Any]) -> MeanImage:
    channels, height, width = (int(size) for size in stored["shape"])
    unpacker = zlib.decompressobj()
    size = 4 * channels * height * width
    if size > _MAX_IMAGE:
        raise ValueError(f"a mean image of {size} bytes")
    planes = unpacker.decompress(base64.b85decode(stored["data"]), max(size, 1))
    columns = np.frombuffer(planes, np.uint8).reshape(4, -1).T
    differences = np.ascontiguousarray(columns).view("<u4")[:, 0]
    bits = np.cumsum(differences, dtype=np.uint32).astype("<u4")
    return MeanImage((channels, height, width), bits.tobytes())


def _parse_criteria(stored: dict[str, Any]) -> tuple[Criterion, ...]:
    return tuple(Criterion.restored(each) for each in stored["list"])


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
    except (ValueError, TypeError, KeyError, zlib.error) as error:
        raise CortadoError(f"the model's metadata cortado.{key} is damaged") from error


def _write(model: ir.Model, key: str, content: dict[str, Any]) -> None:
    text = json.dumps({"version": _VERSION, **content}, separators=(",", ":"))
    model.metadata_props[f"cortado.{key}"] = text
