"""Known values of blobs: those of Caffe 1.0, and some that are wrong."""

from pathlib import Path

import numpy as np
import pytest

from cortado.caffe import import_caffe, read_caffemodel
from cortado.errors import CortadoError, LimitNotMetError
from cortado.inspect.fidelity import check_blobs, check_limit
from cortado.model.graph.blobs import blobs_of
from nets import mlp

DATA = Path(__file__).parents[1] / "caffe" / "data"


@pytest.fixture(scope="module")
def inner():
    weights = read_caffemodel((DATA / "inner.caffemodel").read_bytes())
    return import_caffe((DATA / "inner.prototxt").read_text(), weights)


@pytest.fixture
def known():
    """Give every blob that Caffe held after a run."""
    return dict(np.load(DATA / "inner.npz"))


def verdicts(imported, known, **options):
    return {
        blob.name: blob.verdict
        for blob in check_blobs(imported.model, imported.blobs, known, **options)
    }


def test_every_blob_of_caffe(inner, known):
    """In-place versions, a view that is overwritten, a Dropout, what leads to no output.

    The copies that Caffe makes of pool1, which two layers read, are passed over.
    """
    assert verdicts(inner, known) == {
        "data": "input",
        "conv1": "same",
        "pool1": "same",
        "norm": "overwritten",
        "flat": "same",
        "fc": "same",
        "drop": "same",
        "prob": "same",
        "sum": "not in the model",
    }


def test_the_first_that_differs_is_named_with_its_layer(inner, known):
    known["flat"][0, 3] += 0.01
    known["prob"] = known["prob"][:1]
    checked = check_blobs(inner.model, inner.blobs, known)
    found = {blob.name: blob for blob in checked}
    assert found["flat"].verdict == "differs"
    scale = np.abs(known["flat"]).max()
    assert found["flat"].difference == pytest.approx(0.01 / scale, rel=1e-3)
    assert (found["prob"].verdict, found["prob"].difference) == ("other shape", None)
    with pytest.raises(LimitNotMetError) as error:
        check_limit(checked, 1e-5)
    assert str(error.value) == (
        f"blob 'flat' of layer 'tanh' differs by {0.01 / scale:.2g} of its scale, "
        "more than 1e-05; it is the first of 2 that differ"
    )


def test_a_name_that_no_layer_has_is_unknown(inner, known):
    known["conv9"] = known["conv1"]
    checked = check_blobs(inner.model, inner.blobs, known)
    assert checked[-1].verdict == "unknown"
    with pytest.raises(LimitNotMetError, match="the net has no blob 'conv9'; near it: conv1"):
        check_limit(checked, 1e-5)


def test_a_blob_that_is_left_out_is_not_taken_for_the_input(inner, known):
    with pytest.raises(CortadoError, match="there are no values of the input 'data'"):
        check_blobs(inner.model, inner.blobs, {name: known[name] for name in ("sum", "prob")})


def test_the_tolerance_decides(inner, known):
    known = {name: known[name] for name in ("data", "flat")}
    known["flat"] = known["flat"] + np.float32(1e-3)
    assert verdicts(inner, known)["flat"] == "differs"
    assert verdicts(inner, known, tolerance=1e-2)["flat"] == "same"
    check_limit(check_blobs(inner.model, inner.blobs, known, tolerance=1e-2), 1e-2)


@pytest.mark.parametrize(("value", "same"), [(np.nan, False), (np.inf, False), (None, True)])
def test_values_that_are_not_finite_must_agree(value, same, inner, known):
    if value is not None:
        known["fc"][0, 0] = value
    assert (verdicts(inner, known)["fc"] == "same") is same


def test_not_finite_on_both_sides():
    model = mlp()
    x = np.full((1, 6), np.inf, np.float32)
    w = model.graph.initializers["fc1.weight"].const_value.numpy()
    b = model.graph.initializers["fc1.bias"].const_value.numpy()
    with np.errstate(invalid="ignore"):
        expected = x @ w.T + b
    (_, h) = check_blobs(model, blobs_of(model), {"x": x, "h": expected})
    assert (h.verdict, h.difference) == ("same", 0)


def test_values_of_an_onnx_file():
    model = mlp()
    x = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    weights = {name: v.const_value.numpy() for name, v in model.graph.initializers.items()}
    hidden = np.maximum(x @ weights["fc1.weight"].T + weights["fc1.bias"], 0)
    checked = check_blobs(model, blobs_of(model), {"x": x, "r": hidden, "z": hidden})
    assert [(blob.name, blob.layer, blob.verdict) for blob in checked] == [
        ("x", "", "input"),
        ("r", "relu", "same"),
        ("z", "", "unknown"),
    ]


def test_an_array_of_another_name_may_be_the_only_input(inner, known):
    known["image"] = known.pop("data")
    found = verdicts(inner, {name: known[name] for name in ("image", "prob")})
    assert found == {"image": "input", "prob": "same"}


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["prob"], "there are no values of the input 'data': prob"),
        (["data"], "none of the arrays is a blob that the net makes: data"),
        (["data", "norm"], "none of the arrays is a blob that the net makes: data, norm"),
    ],
)
def test_too_little_is_known(names, reason, inner, known):
    with pytest.raises(CortadoError) as error:
        check_blobs(inner.model, inner.blobs, {name: known[name] for name in names})
    assert str(error.value) == reason


def test_the_model_is_left_as_it_is(inner, known):
    outputs = [value.name for value in inner.model.graph.outputs]
    check_blobs(inner.model, inner.blobs, known)
    assert [value.name for value in inner.model.graph.outputs] == outputs
