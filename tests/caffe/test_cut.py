"""Nets that end where the user says; types that nobody converts, or a module of the user's."""

import numpy as np
import pytest

from caffe.running import NO_WEIGHTS, caffemodel, one_layer, run
from cortado.caffe import CaffeOptions, Context, Fillers, import_caffe, layer, read_caffemodel
from cortado.caffe.layers import registry
from cortado.caffe.layers.forks.refused import REFUSED
from cortado.errors import CortadoError, UsageError

NET = """
layer { name: "data" type: "Data" top: "data" top: "label" }
layer { name: "abs" type: "AbsVal" bottom: "data" top: "conv" }
layer { name: "relu" type: "Power" bottom: "conv" top: "conv" power_param { scale: 2 } }
layer { name: "left" type: "Sigmoid" bottom: "conv" top: "left" }
layer { name: "right" type: "TanH" bottom: "conv" top: "right" }
layer { name: "odd" type: "Wonder" bottom: "left" bottom: "right" top: "odd" odd_param { a: 1 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "right" bottom: "label" top: "loss" }
"""
X = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)


def imported(*cut_at):
    return import_caffe(NET, NO_WEIGHTS, CaffeOptions({"data": (2, 4)}, cut_at=cut_at))


@pytest.mark.parametrize(
    ("cut_at", "expected"),
    [
        (["conv"], [2 * np.abs(X)]),  # the last version of a blob that is overwritten
        (["right", "left"], [np.tanh(2 * np.abs(X)), 1 / (1 + np.exp(-2 * np.abs(X)))]),
        (["right", "conv"], [np.tanh(2 * np.abs(X)), 2 * np.abs(X)]),
        (["right", "right"], [np.tanh(2 * np.abs(X))]),
    ],
)
def test_a_cut_net(cut_at, expected):
    results = run(imported(*cut_at).model, data=X)
    assert list(results) == list(dict.fromkeys(cut_at))
    for result, array in zip(results.values(), expected, strict=True):
        np.testing.assert_allclose(result, array, rtol=1e-5, atol=1e-6)


def test_what_comes_later_is_left_out():
    found = imported("left")
    assert [node.name for node in found.model.graph] == ["abs", "relu/times_scale", "left"]
    assert found.notes == ("cut at 'left': 3 layers are left out",)


def test_an_activation_in_place_of_a_loss_can_be_cut_at():
    (result,) = run(imported("prob").model, data=X).values()
    np.testing.assert_allclose(result.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("blob", "reason"),
    [
        ("lefd", "the net has no blob 'lefd'; near it: left"),
        ("zzz", "the net has no blob 'zzz'; the last are: conv, left, right, odd, prob"),
        ("data", "cannot cut at 'data', which is an input of the net"),
    ],
)
def test_blobs_that_cannot_be_cut_at(blob, reason):
    with pytest.raises(CortadoError) as error:
        imported(blob)
    assert str(error.value).startswith(reason)
    assert isinstance(error.value, UsageError)


def test_unknown_types_are_described():
    blobs = [np.ones((3, 4)), np.ones(3)]
    text = NET.replace('"Data" top: "data" top: "label"', '"Input" top: "data"').partition(
        'layer { name: "loss"'
    )[0]
    weights = read_caffemodel(caffemodel({"odd": blobs}))
    with pytest.raises(CortadoError) as error:
        import_caffe(text, weights, CaffeOptions({"data": (2, 4)}))
    assert str(error.value) == (
        "layer 'odd' (Wonder, line 7): layers of type 'Wonder' cannot be converted; it reads "
        "left [2, 4], right [2, 4] and has [3, 4], [3]; leave it out with --cut-at BLOB, or "
        "convert it with --layers MODULE"
    )


@pytest.mark.parametrize("kind", [*REFUSED, "Python"])
def test_types_that_are_refused_by_name(kind):
    with pytest.raises(CortadoError) as error:
        import_caffe(one_layer(f'type: "{kind}"'), Fillers(0))
    text = str(error.value)
    assert REFUSED.get(kind, "Python code") in text
    assert text.endswith("leave it out with --cut-at BLOB, or convert it with --layers MODULE")


PROPOSALS = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 4 } } }
layer { name: "features" type: "ReLU" bottom: "data" top: "features" }
layer { name: "proposal" type: "Python" bottom: "features" top: "rois"
        python_param { module: "rpn.proposal_layer" layer: "ProposalLayer" } }
"""


def test_a_net_is_cut_before_its_proposals():
    model = import_caffe(PROPOSALS, NO_WEIGHTS, CaffeOptions(cut_at=("features",))).model
    np.testing.assert_array_equal(run(model, data=X)["features"], X.clip(0))


DETECTOR = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 4 } } }
layer { name: "loc" type: "ReLU" bottom: "data" top: "loc" }
layer { name: "conf" type: "Sigmoid" bottom: "data" top: "conf" }
layer { name: "prior" type: "TanH" bottom: "data" top: "prior" }
layer { name: "label" type: "Input" top: "label" input_param { shape { dim: 1 dim: 8 } } }
"""
EVALUATED = """
layer { name: "out" type: "DetectionOutput" bottom: "loc" bottom: "conf" bottom: "prior"
        bottom: "data" top: "out" }
layer { name: "eval" type: "DetectionEvaluate" bottom: "out" bottom: "label" top: "eval" }
"""
TRAINED = """
layer { name: "loss" type: "MultiBoxLoss" bottom: "loc" bottom: "conf" bottom: "prior"
        bottom: "label" top: "loss" }
"""


@pytest.mark.parametrize("end", [EVALUATED, TRAINED])
def test_nets_that_train_or_test_a_detector(end):
    found = import_caffe(DETECTOR + end, NO_WEIGHTS)
    assert list(run(found.model, data=X)) == ["conf", "loc", "prior"]
    assert "dropped input 'label', which leads to no output" in found.notes


@pytest.mark.parametrize(
    ("kind", "base", "param"),
    [
        (
            "ConvolutionRistretto",
            "Convolution",
            "convolution_param { num_output: 2 kernel_size: 3 }",
        ),
        (
            "DeconvolutionRistretto",
            "Deconvolution",
            "convolution_param { num_output: 2 kernel_size: 3 }",
        ),
        ("FcRistretto", "InnerProduct", "inner_product_param { num_output: 2 }"),
        ("LRNRistretto", "LRN", "lrn_param { alpha: 0.5 }"),
    ],
)
def test_ristretto(kind, base, param):
    texts = [
        one_layer(f'type: "{name}" {param} {extra}')
        for name, extra in ((kind, "quantization_param { bw_params: 8 }"), (base, ""))
    ]
    found, plain = (import_caffe(text, Fillers(1)) for text in texts)
    x = np.random.default_rng(0).normal(size=(2, 6, 7, 8)).astype(np.float32)
    np.testing.assert_array_equal(run(found.model, data=x)["l"], run(plain.model, data=x)["l"])
    assert found.notes == (
        f"layer 'l' ({kind}): its quantization_param is left out: the graph computes in float32",
    )


def test_skimcaffe_says_only_how_it_trained():
    text = one_layer('type: "ReLU" connectivity_mode: DISCONNECTED_ELTWISE')
    assert import_caffe(text, NO_WEIGHTS).notes == ()


def test_a_module_of_the_user_converts_its_own_types(monkeypatch):
    monkeypatch.setattr(registry, "_CONVERTERS", dict(registry._CONVERTERS))

    @layer("Wonder")
    def wonder(context: Context):
        factor = context.scalar(context.settings("odd_param").number("a", 1), "a")
        return context.node("Mul", [context.bottom, factor], context.bottom.shape)

    found = import_caffe(one_layer('type: "Wonder" odd_param { a: 3 }', X.shape), NO_WEIGHTS)
    np.testing.assert_allclose(run(found.model, data=X)["l"], 3 * X)
    assert found.notes == ()  # the fields of its types are its own affair
