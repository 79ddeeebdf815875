"""Facts remembered between commands, in the model's `metadata_props`.

Each key begins with ``cortado.`` and holds one JSON object with a ``version``; everything
else that a stage needs is re-derived from the weights. A mean image is stored without loss: the
differences of neighbouring values, as integers of their bits, byte by byte, packed by zlib, and
written in base 85.

cortado.input     {"version": 2, "scale": s, "mean": [m, …], "image": {"shape": [c, h, w],
                  "data": …}, "crop": n, "mirror": true, "order": "bgr", "std": [d, …],
                  "resize": n, "size": [h, w]}: how pixels become inputs, see `transform`; what
                  is the default is left out. Version 1 always has a scale, and neither std,
                  resize nor size; it is written where it can say all
cortado.criteria  {"version": 1, "list": [{"name": "loss", "kind": "SoftmaxWithLoss",
                  "scores": "fc2", …}, …]}: the losses and metrics of the net's training, see
                  `criteria`; what is the default is left out
cortado.history   {"version": 1, "steps": ["prune --sparsity 0.9", …]}: how the file came to be;
                  a coded file does not keep it
"""

import base64
import json
import math
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
    "read_alphabet",
    "read_criteria",
    "read_history",
    "read_transform",
    "write_criteria",
    "write_transform",
]

T = TypeVar("T")

_VERSIONS = {"input": 2}  # the newest of each key; 1 where it is not here
_MAX_IMAGE = 2**30  # bytes of a mean image


def read_transform(model: ir.Model) -> InputTransform:
    """Return the stored input transform; without one, the identity."""
    return _read(model, "input", _parse_transform) or InputTransform()


def write_transform(model: ir.Model, transform: InputTransform) -> None:
    """Store the input transform in `model`, in place."""
    image = None if transform.image is None else _pack_image(transform.image)
    newer = {
        "std": list(transform.std),
        "resize": transform.resize,
        "size": None if transform.size is None else list(transform.size),
    }
    content = {
        "mean": list(transform.mean),
        "image": image,
        "crop": transform.crop,
        "mirror": transform.mirror,
        "order": transform.order,
        **newer,
    }
    given = {key: value for key, value in content.items() if value}
    if transform.scale is not None:
        given = {"scale": transform.scale, **given}
    is_old = transform.scale is not None and not any(newer.values())
    _write(model, "input", given, version=1 if is_old else 2)


def read_criteria(model: ir.Model) -> tuple[Criterion, ...]:
    """Return the losses and metrics that the net was trained with, in the order of its layers."""
    return _read(model, "criteria", _parse_criteria) or ()


def write_criteria(model: ir.Model, criteria: Sequence[Criterion]) -> None:
    """Store losses and metrics in `model`, in place."""
    _write(model, "criteria", {"list": [criterion.stored() for criterion in criteria]})


def read_alphabet(model: ir.Model) -> tuple[str, ...]:
    """Return the characters of a text recogniser, as PaddleOCR's files store them; else none."""
    text = model.metadata_props.get("character", "")
    return tuple(text.split("\n")) if text else ()


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
    scale = stored["scale"] if stored["version"] == 1 else stored.get("scale")
    return InputTransform(
        scale=None if scale is None else _finite(scale),
        mean=tuple(_finite(m) for m in stored.get("mean", ())),
        image=None if image is None else _unpack_image(image),
        crop=_natural(stored.get("crop", 0)),
        mirror=bool(stored.get("mirror", False)),
        order=order,
        std=tuple(_finite(d) for d in stored.get("std", ())),
        resize=_natural(stored.get("resize", 0)),
        size=_parse_size(stored.get("size")),
    )


def _parse_size(stored: Any) -> tuple[int | None, int | None] | None:
    if stored is None:
        return None
    height, width = (None if each is None else _natural(each) or None for each in stored)
    return height, width


def _finite(stored: Any) -> float:
    number = float(stored)
    if not math.isfinite(number):
        raise ValueError(f"{number} among the numbers of a transform")
    return number


def _natural(stored: Any) -> int:
    number = int(_finite(stored))
    if number < 0:
        raise ValueError(f"{number} pixels")
    return number


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
        if stored["version"] not in range(1, _VERSIONS.get(key, 1) + 1):
            raise CortadoError(f"the model's cortado.{key} is of a newer version of cortado")
        return parse(stored)
    except (ValueError, TypeError, KeyError, OverflowError, zlib.error) as error:
        raise CortadoError(f"the model's metadata cortado.{key} is damaged") from error


def _write(model: ir.Model, key: str, content: dict[str, Any], version: int = 1) -> None:
    text = json.dumps({"version": version, **content}, separators=(",", ":"))
    model.metadata_props[f"cortado.{key}"] = text
