"""Damaged prototxts: refused, or a model that says what the prototxt says.

The second opinion on the text is google.protobuf's own text format: what it reads in each field
must be what cortado reads there. What it refuses may become a model only where cortado is lenient
on purpose. The model must pass ONNX's strictest check, whose shapes are computed anew.
"""

import functools
import math
from random import Random
from unittest.mock import patch

import onnx
import onnx_ir as ir
from google.protobuf import text_format
from google.protobuf.descriptor import FieldDescriptor

from cortado.caffe import CaffeWeights, Fillers, import_caffe, read_caffemodel
from cortado.caffe.message import Field, Message
from cortado.caffe.prototxt import parse_prototxt
from cortado.caffe.upgrade import upgrade
from cortado.errors import CortadoError
from cortado.model.onnx_io.serial import encode
from cortado.runtime import Runtime
from fuzz.prototxts import change_text, spell
from fuzz.schema import NetParameter
from support import SHARED

MADE = [
    """name: "made" input: "x" input_shape { dim: 2 dim: 3 dim: 8 dim: 8 } input: "y" input_shape
      { dim: 2 }
    layer { name: "c" type: "Convolution" bottom: "x" top: "c" param { lr_mult: 1 } param {
      lr_mult: 2 }
      convolution_param { num_output: 4 kernel_size: 3 pad: 1 stride: 2 weight_filler { type:
      "xavier" } } }
    layer { name: "n" type: "BatchNorm" bottom: "c" top: "c" batch_norm_param { eps: 0.001 } }
    layer { name: "s" type: "Scale" bottom: "c" top: "c" scale_param { bias_term: true } }
    layer { name: "r" type: "ReLU" bottom: "c" top: "c" relu_param { negative_slope: 0.1 } }
    layer { name: "p" type: "Pooling" bottom: "c" top: "p" pooling_param { pool: AVE kernel_size:
      3 stride: 2 pad: 1 } }
    layer { name: "q" type: "Pooling" bottom: "c" top: "q" pooling_param { pool: MAX kernel_h: 3
      kernel_w: 2 stride_h: 2 stride_w: 2 } }
    layer { name: "e" type: "Eltwise" bottom: "p" bottom: "p" top: "e" eltwise_param { operation:
      SUM coeff: 1 coeff: -1 } }
    layer { name: "k" type: "Concat" bottom: "e" bottom: "p" top: "k" concat_param { axis: 1 } }
    layer { name: "l" type: "LRN" bottom: "k" top: "l" lrn_param { local_size: 3 alpha: 0.1 beta:
      0.75 norm_region: ACROSS_CHANNELS } }
    layer { name: "d" type: "Slice" bottom: "l" top: "d1" top: "d2" slice_param { axis: 1
      slice_point: 3 } }
    layer { name: "f" type: "Flatten" bottom: "d2" top: "f" }
    layer { name: "i" type: "InnerProduct" bottom: "f" top: "i" inner_product_param { num_output:
      7 weight_filler { type: "gaussian" std: 0.1 } } }
    layer { name: "a" type: "Accuracy" bottom: "i" bottom: "y" top: "a" include { phase: TEST } }
    layer { name: "o" type: "Softmax" bottom: "i" top: "o" include { phase: TEST } }""",
    """name: "V0" input: "x" input_dim: 1 input_dim: 2 input_dim: 9 input_dim: 9
    layers { layer { name: "pad" type: "padding" pad: 2 } bottom: "x" top: "padded" }
    layers { layer { name: "c" type: "conv" num_output: 4 kernelsize: 3 group: 2 stride: 1
      weight_filler { type: "gaussian" std: 0.1 } blobs_lr: 1. blobs_lr: 2. } bottom: "padded"
      top: "c" }
    layers { layer { name: "r" type: "relu" } bottom: "c" top: "c" }
    layers { layer { name: "p" type: "pool" pool: MAX kernelsize: 2 stride: 2 } bottom: "c" top:
      "p" }
    layers { layer { name: "i" type: "innerproduct" num_output: 3 biasterm: false weight_filler {
      type: "xavier" } } bottom: "p" top: "i" }
    layers { layer { name: "o" type: "softmax" } bottom: "i" top: "o" }""",
]


@functools.cache
def seeds() -> tuple[tuple[str, CaffeWeights | Fillers], ...]:
    """Return prototxts with their weights; those made here are filled."""
    made = [(text, Fillers()) for text in MADE] * 6
    pairs = [
        (path, path.with_suffix(".caffemodel"))
        for path in sorted(SHARED.glob("caffe-goldens/layers/*.prototxt"))
    ]
    caffe = SHARED / "caffe"
    if caffe.is_dir():
        nets = [
            ("lenet5/deploy.prototxt", "lenet5/lenet_iter_10000.caffemodel"),
            ("lenet5/train_test.prototxt", None),
            (
                "cifar10-quick-v1/cifar10_quick.prototxt",
                "cifar10-quick-v1/cifar10_quick_iter_5000.caffemodel",
            ),
            ("mtcnn-det1/det1.prototxt", "mtcnn-det1/det1.caffemodel"),
            ("dns-lenet5/deploy.prototxt", "dns-lenet5/sparse.caffemodel"),
        ]
        pairs += 4 * [(caffe / net, weights and caffe / weights) for net, weights in nets]
    return (*made, *((text.read_text(), weights_of(path)) for text, path in pairs))


@functools.cache
def weights_of(path) -> CaffeWeights | Fillers:
    return Fillers() if path is None else read_caffemodel(path.read_bytes())


def make(number: int) -> tuple[str, CaffeWeights | Fillers]:
    rng = Random(f"prototxt {number}")
    text, weights = rng.choice(seeds())
    return change_text(text, rng), weights


def judge(case: tuple[str, CaffeWeights | Fillers]) -> None:
    text, weights = case
    with Watched() as watched:
        imported = import_caffe(text, weights)
    data = encode(imported.model)
    Runtime().open(data)
    compare_text(text, watched)
    onnx.checker.check_model(ir.to_proto(imported.model), full_check=True)


class Watched:
    """Sees the net of an import in today's form, and which of its fields were read."""

    def __enter__(self) -> "Watched":
        self._seen: list[Field] = []
        seen, every = self._seen, Message.every

        def watched_every(message: Message, name: str) -> tuple[Field, ...]:
            fields = every(message, name)
            seen.extend(fields)
            return fields

        def watched_upgrade(net: Message) -> Message:
            self._net = upgrade(net)
            return self._net

        self._patches = [
            patch.object(Message, "every", watched_every),
            patch("cortado.caffe.net.upgrade", watched_upgrade),
        ]
        for patched in self._patches:
            patched.start()
        return self

    def __exit__(self, *_: object) -> None:
        for patched in self._patches:
            patched.stop()

    def what_was_read(self) -> str:
        """Return the text of a net of nothing but the fields that were read."""
        seen = {id(field) for field in self._seen}

        def tree(message: Message) -> list[list]:
            return [[field.name, value(field)] for field in message.fields if id(field) in seen]

        def value(field: Field) -> "list | str":
            if isinstance(field.value, Message):
                return tree(field.value)
            text = field.value.text
            return (
                "'" + "".join(f"\\{byte:03o}" for byte in text.encode()) + "'"
                if field.value.quoted
                else text
            )

        return spell(tree(self._net))


def compare_text(text: str, watched: Watched) -> None:
    """Compare what cortado and google.protobuf read in every field.

    Where protobuf refuses the text as a whole, it must take that part of it that was read: cortado
    leaves open what may be in a field that nobody reads.
    """
    try:
        net = text_format.Parse(
            text.removeprefix("\ufeff"), NetParameter(), allow_unknown_field=True
        )
    except text_format.ParseError as refusal:
        text = watched.what_was_read()
        try:
            net = text_format.Parse(text, NetParameter(), allow_unknown_field=True)
        except text_format.ParseError as error:
            raise AssertionError(f"protobuf refuses it: {error}; as a whole: {refusal}") from error
    compare(parse_prototxt(text), net, "net")


def compare(ours: Message, theirs, path: str) -> None:
    for field in theirs.DESCRIPTOR.fields:
        if field.is_repeated:
            expected = list(getattr(theirs, field.name))
        else:
            expected = [getattr(theirs, field.name)] if theirs.HasField(field.name) else []
        found = ours.every(field.name)
        where = f"{path}.{field.name}"
        assert len(found) == len(expected), f"{where}: {len(found)} instead of {len(expected)}"
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for inner, other in zip(ours.messages(field.name), expected, strict=True):
                compare(inner, other, where)
        else:
            values = [value_of(ours, field, i) for i in range(len(found))]
            same = [equal(one, other) for one, other in zip(values, expected, strict=True)]
            assert all(same), f"{where}: {values} instead of {expected}"


def value_of(ours: Message, field: FieldDescriptor, index: int) -> object:
    """Read a field as cortado's readers do; None where they would refuse it."""
    one = Message((ours.every(field.name)[index],))
    try:
        if field.enum_type is not None:
            names = [value.name for value in field.enum_type.values]
            return names.index(one.choice(field.name, names, ""))
        if field.type == FieldDescriptor.TYPE_STRING:
            return one.text(field.name)
        if field.type == FieldDescriptor.TYPE_BOOL:
            return one.flag(field.name, default=False)
        if field.type in (FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE):
            return one.number(field.name, 0.0)
        return one.integer(field.name, 0)
    except CortadoError:
        return None


def equal(ours: object, theirs: object) -> bool:
    if ours is None:
        return True  # nobody read it
    if isinstance(theirs, float):
        single = ir.tensor([ours], dtype=ir.DataType.FLOAT).numpy()[0] if abs(ours) < 3e38 else ours
        return (
            float(single) == theirs
            or math.isnan(ours) == math.isnan(theirs) is True
            or abs(ours) >= 3e38
        )
    return ours == theirs
