"""Damaged ONNX files whose weights are in another file: refused, or what onnxruntime makes of them.

Beside the folder of the model lies a file that no model may reach.
"""

import functools
import tempfile
from pathlib import Path
from random import Random

import numpy as np
import onnx

import nets
from cortado import files
from cortado.errors import CortadoError
from cortado.model.onnx_io import serial
from cortado.runtime import Runtime
from fuzz.messages import change_message
from fuzz.onnx_files import compare, open_file

VALUES = [
    "",
    "0",
    "4",
    "-4",
    "48",
    "1e3",
    "0x10",
    "99999999999",
    str(2**63),
    "w.bin",
    "nothing.bin",
]
VALUES += [
    "../secret.bin",
    "./w.bin",
    "sub/../w.bin",
    "sub/w.bin",
    "sub",
    "/etc/passwd",
    "link.bin",
    "\x00",
]


@functools.cache
def seed() -> tuple[bytes, bytes]:
    """Return a model, and the file of its weights."""
    proto = serial.parse(serial.encode(nets.mlp()), "the seed")
    data = b""
    for tensor in proto.graph.initializer:
        entries = {
            "location": "w.bin",
            "offset": str(len(data)),
            "length": str(len(tensor.raw_data)),
        }
        data += tensor.raw_data
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in entries.items():
            tensor.external_data.add(key=key, value=value)
    return proto.SerializeToString(), data


@functools.cache
def folder() -> Path:
    """Return a folder with a file of weights, one in a folder inside, and a link to one outside."""
    outer = Path(tempfile.mkdtemp())
    inner = outer / "model"
    (inner / "sub").mkdir(parents=True)
    data = seed()[1]
    (inner / "w.bin").write_bytes(data)
    (inner / "sub" / "w.bin").write_bytes(data[::-1])
    (outer / "secret.bin").write_bytes(np.full(len(data) // 4, 7, np.float32).tobytes())
    (inner / "link.bin").symlink_to(outer / "secret.bin")
    return inner


def make(number: int) -> bytes:
    rng = Random(f"external {number}")
    proto = onnx.ModelProto.FromString(seed()[0])
    for _ in range(rng.choice((1, 1, 2))):
        tensor = rng.choice(proto.graph.initializer)
        if tensor.external_data and rng.random() < 0.8:
            entry = rng.choice(tensor.external_data)
            entry.value = rng.choice(VALUES)
        else:
            change_message(tensor, rng)
    return proto.SerializeToString()


def judge(data: bytes) -> None:
    path = folder() / "model.onnx"
    path.write_bytes(data)
    model = files.read_model(str(path))
    for value in model.graph.initializers.values():
        assert value.const_value is not None
        assert 7 not in np.asarray(value.const_value.numpy()), "the file outside was read"
    ours = Runtime().open(serial.encode(model))
    try:
        theirs = open_file(path)
    except CortadoError as error:
        raise AssertionError(f"onnxruntime refuses it: {error}") from error
    compare(ours, theirs)
