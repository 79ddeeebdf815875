"""Damaged caffemodels: refused, or read to the values that google.protobuf finds in them."""

import functools
from math import prod
from random import Random

import numpy as np
from google.protobuf.message import DecodeError

from cortado.caffe import read_caffemodel
from fuzz.damage import damage
from fuzz.messages import change_message
from fuzz.schema import NetParameter, Weights
from fuzz.wire import damage_fields
from support import SHARED


@functools.cache
def seeds() -> tuple[bytes, ...]:
    """Return small caffemodels of every format: real ones where the shared data is at hand."""
    real = sorted(SHARED.glob("caffe-goldens/layers/*.caffemodel"))
    real += [SHARED / "caffe/mtcnn-det1/det1.caffemodel"] if real else []
    return (*made(), *made(), *made(), *(path.read_bytes() for path in real))


def made() -> tuple[bytes, ...]:
    """Return a net in today's format, in V1 with legacy shapes, in V0, in doubles and halves."""
    rng = np.random.default_rng(0)
    arrays = {"c": [(4, 3, 3, 3), (4,)], "f": [(5, 16), (5,)], "s": [()]}
    nets = [NetParameter(name="net") for _ in range(5)]
    for name, shapes in arrays.items():
        layers = nets[0].layer.add(), nets[1].layers.add(), nets[2].layers.add(bottom=["x"]).layer
        layers += nets[3].layer.add(), nets[4].layer.add()
        for layer in layers:
            layer.name = name
        for shape in shapes:
            values = rng.standard_normal(shape).astype(np.float32)
            blobs = [layer.blobs.add() for layer in layers]
            for blob in (blobs[0], blobs[3], blobs[4]):
                blob.shape.dim.extend(shape)
            for blob in blobs[1:3]:
                legacy = (1,) * (4 - len(shape)) + shape
                blob.num, blob.channels, blob.height, blob.width = legacy
            for blob in blobs[:3]:
                blob.data.extend(values.reshape(-1).tolist())
            blobs[3].double_data.extend(values.reshape(-1).tolist())
            blobs[4].raw_data_type, blobs[4].raw_data = 2, values.astype(np.float16).tobytes()
    return tuple(net.SerializeToString() for net in nets)


def make(number: int) -> bytes:
    rng = Random(f"caffemodel {number}")
    data = rng.choice(seeds())
    way = rng.randrange(3)
    if way == 0:
        return damage(data, rng)
    if way == 1:
        return damage_fields(data, rng)
    net = NetParameter.FromString(data)
    change_message(net, rng)
    return net.SerializeToString()


def judge(data: bytes) -> None:
    found = read_caffemodel(data)
    try:
        net = Weights.FromString(data)
    except DecodeError as error:
        raise AssertionError(f"protobuf refuses it: {error}") from error
    expected = {name: [values_of(blob) for blob in blobs] for name, blobs in layers_of(net)}
    assert list(found.layers) == list(expected), (list(found.layers), list(expected))
    for name, blobs in found.layers.items():
        assert len(blobs) == len(expected[name]), f"{name}: {len(blobs)} blobs"
        for blob, values in zip(blobs, expected[name], strict=True):
            assert blob.array.shape == values.shape, (name, blob.array.shape, values.shape)
            assert np.array_equal(blob.array, values, equal_nan=True), f"{name}: other values"


def layers_of(net):
    """Yield the name and the blobs of each layer, as Caffe finds them."""
    assert not (net.layers and net.layer), "`layers` and `layer` are mixed"
    for layer in net.layer:
        yield layer.name, layer.blobs
    for outer in net.layers:
        layer = outer.layer if outer.HasField("layer") else outer
        yield layer.name, layer.blobs


def values_of(blob) -> np.ndarray:
    """Return the values of a blob, as BVLC/caffe blob.cpp and NVIDIA's find them."""
    legacy = any(blob.HasField(name) for name in ("num", "channels", "height", "width"))
    shape = (blob.num, blob.channels, blob.height, blob.width) if legacy else tuple(blob.shape.dim)
    if blob.HasField("raw_data"):
        values = np.frombuffer(blob.raw_data, ("<f8", "<f4", "<f2")[blob.raw_data_type])
    else:
        values = np.array(blob.double_data) if blob.double_data else np.array(blob.data, np.float32)
    assert values.size == prod(shape), (values.size, shape)
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(np.float32).reshape(shape)
