"""Nets that only a caffemodel describes, beside the same nets from their prototxts."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caffe.running import GOLDENS, caffemodel, field, load, prototxt, run, varint
from cortado.caffe import (
    CaffeOptions,
    import_caffe,
    read_caffemodel,
    read_stored_net,
    read_weights,
)
from cortado.caffe.prototxt import parse_prototxt
from cortado.errors import CortadoError
from cortado.inspect.fidelity import check_blobs, check_limit
from support import SHARED, needs_shared

DATA = Path(__file__).parent / "data"
INNER = (DATA / "inner.caffemodel").read_bytes()


def imported(data, **options):
    return import_caffe(read_stored_net(data), read_weights(data), CaffeOptions(**options))


def test_the_net_is_the_one_of_the_prototxt():
    found = imported(INNER)
    expected = import_caffe((DATA / "inner.prototxt").read_text(), read_caffemodel(INNER))
    assert found.model.graph.name == "inner"
    assert [value.name for value in found.model.graph.outputs] == ["prob"]
    known = dict(np.load(DATA / "inner.npz"))
    check_limit(check_blobs(found.model, found.blobs, known), 1e-5)
    assert list(run(found.model, data=known["data"])["prob"].flat) == list(
        run(expected.model, data=known["data"])["prob"].flat
    )


@needs_shared
@pytest.mark.parametrize(
    ("weights", "golden"),
    [
        ("lenet5/lenet_iter_10000.caffemodel", "lenet5"),
        ("cifar10-quick-v1/cifar10_quick_iter_5000.caffemodel", "cifar10-quick-v1"),  # V1
    ],
)
def test_training_nets_as_one_uses_them(weights, golden):
    known = dict(np.load(GOLDENS / "nets" / f"{golden}.npz"))
    data = (SHARED / "caffe" / weights).read_bytes()
    found = imported(data, input_shapes={"data": known["data"].shape})
    check_limit(check_blobs(found.model, found.blobs, known), 1e-5)
    with pytest.raises(CortadoError, match="does not say the shape of its top 'data'"):
        imported(data)


@needs_shared
def test_the_splits_and_sinks_of_a_real_net():
    """MTCNN's own training net: three outputs, HDF5Data, explicit Split layers."""
    data = (SHARED / "caffe/mtcnn-det1/det1.caffemodel").read_bytes()
    found = imported(data, input_shapes={"data12face": (1, 3, 12, 12)})
    deployed = import_caffe(
        prototxt("mtcnn-det1/det1.prototxt"), load("mtcnn-det1/det1.caffemodel")
    )
    x = np.random.default_rng(0).normal(size=(1, 3, 12, 12)).astype(np.float32)
    expected = run(deployed.model, data=x)["conv4-2"]
    results = [y for y in run(found.model, data12face=x).values() if y.size == expected.size]
    assert any(np.array_equal(y.ravel(), expected.ravel()) for y in results)


def layer(name, kind, bottom, top, *fields):
    blobs = (field(3, bottom) if bottom else b"") + field(4, top)
    return field(100, field(1, name) + field(2, kind) + blobs + b"".join(fields))


INPUT = layer(b"in", b"Input", b"", b"x", field(143, field(1, field(1, b"\x02\x03"))))


def test_what_a_number_means_depends_on_the_type():
    """140 is ELU's message in BVLC Caffe; in another layer it is a fork's, and is reported."""
    alpha = field(140, varint(1 << 3 | 5) + np.float32(0.5).tobytes())
    data = INPUT + layer(b"e", b"ELU", b"x", b"e", alpha) + layer(b"t", b"TanH", b"e", b"t", alpha)
    found = imported(data)
    assert found.notes == ("layer 't' (TanH, line 26): the field field_140 is unknown and ignored",)
    x = np.array([[-1, 0, 1], [2, -3, 4]], np.float32)
    elu = np.where(x > 0, x, 0.5 * np.expm1(x))
    np.testing.assert_allclose(run(found.model, x=x)["t"], np.tanh(elu), rtol=1e-5)


def test_phases_and_rules_of_the_training_are_gone():
    train = varint(10 << 3) + b"\x00"
    rule = field(8, varint(1 << 3) + b"\x00")
    data = INPUT + layer(b"t", b"TanH", b"x", b"t", train, rule)
    assert "phase" not in read_stored_net(data)
    assert [node.op_type for node in imported(data).model.graph] == ["Tanh"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x89HDF\r\n\x1a\n", "HDF5 weights store no net; give its prototxt, too"),
        (
            caffemodel({"l": [np.ones(3)]}),
            "layer 'l' is of type '', which only a prototxt can explain; give one",
        ),
        (
            field(100, field(1, b"l") + field(2, b"TanH")),
            "the caffemodel stores blobs, but no net; give its prototxt, too",
        ),
        (
            layer(b"l", b"CConvolution", b"x", b"l"),
            "layer 'l' is of type 'CConvolution', which only a prototxt can explain; give one",
        ),
        (
            field(2, field(4, b"l") + varint(5 << 3) + varint(77)),
            "layer 'l' is of the unknown type 77",
        ),
        (b"\x0b", "the caffemodel is damaged or truncated: a field is of wire type 3"),
    ],
)
def test_refusals(data, reason):
    with pytest.raises(CortadoError) as error:
        read_stored_net(data)
    assert str(error.value) == reason


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_any_name_is_kept(name):
    data = INPUT + layer(name.encode(), b"TanH", b"x", b"t")
    assert parse_prototxt(read_stored_net(data)).messages("layer")[1].text("name") == name


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(INNER) - 1), st.integers(0, 255)), max_size=4))
def test_mutations_are_read_or_refused(changes):
    data = bytearray(INNER)
    for position, byte in changes:
        data[position] = byte
    try:
        parse_prototxt(read_stored_net(bytes(data)))
    except CortadoError as error:
        reason = str(error)
    else:
        reason = ""
    assert "\n" not in reason
