import numpy as np
import pytest
from onnx import helper

from bridge.agreement import assert_agrees, assert_gradients, model_of, one_node, rand
from cortado.bridge import to_torch
from cortado.errors import CortadoError

X = rand(3, 6, 5, 4)


def statistics(channels: int) -> list[np.ndarray]:
    """Scale, bias, mean and variance."""
    return [rand(channels), rand(channels) + 1, rand(channels) * 2, np.abs(rand(channels)) + 0.1]


@pytest.mark.parametrize("opset", [7, 9, 14, 15])
@pytest.mark.parametrize("epsilon", [1e-5, 1e-2])
def test_batch_normalization(opset, epsilon):
    assert_agrees(
        one_node("BatchNormalization", X, *statistics(6), opset=opset, epsilon=epsilon), X
    )


def test_batch_normalization_is_the_same_in_training():
    module = to_torch(one_node("BatchNormalization", X, *statistics(6)))
    x = module.c0.new_tensor(X)
    assert (module.train()(x) == module.eval()(x)).all()
    assert [name for name, _ in module.named_parameters()] == ["c0", "c1"]
    assert [name for name, _ in module.named_buffers()] == ["c2", "c3"]


def test_batch_statistics():
    names = ["scale", "bias", "mean", "variance"]
    nodes = [
        helper.make_node(
            "BatchNormalization", ["x", *names], ["n", "m", "v"], training_mode=1, epsilon=0.01
        ),
        helper.make_node("Relu", ["n"], ["y"]),
    ]
    constants = dict(zip(names, statistics(6), strict=True))
    assert_agrees(model_of(nodes, {"x": X}, constants), X)


def test_a_mean_for_each_element():
    shape = X.shape[1:]
    arrays = [rand(*shape), rand(*shape) + 1, rand(*shape) * 2, np.abs(rand(*shape)) + 0.1]
    arrays = [array.astype(np.float32) for array in arrays]
    assert_agrees(one_node("BatchNormalization", X, *arrays, opset=7, spatial=0), X)


def test_instance_normalization():
    assert_agrees(one_node("InstanceNormalization", X, rand(6), rand(6) + 1), X)


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
def test_group_normalization(groups):
    model = one_node("GroupNormalization", X, rand(6), rand(6) + 1, num_groups=groups, opset=21)
    assert_agrees(model, X)


@pytest.mark.parametrize("axis", [-1, 3, 2, 1])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
def test_layer_normalization(axis, bias):
    constants = [rand(*X.shape[axis:])] * (1 + bias)
    assert_agrees(one_node("LayerNormalization", X, *constants, axis=axis), X)


def test_layer_normalization_with_a_scale_that_is_broadcast():
    assert_agrees(one_node("LayerNormalization", X, rand(4), rand(4), axis=2), X)


@pytest.mark.parametrize("size", [1, 3, 5])
def test_lrn(size):
    attributes = {"alpha": 0.5, "beta": 0.6, "bias": 1.5}
    assert_agrees(one_node("LRN", X, size=size, **attributes), X)
    assert_agrees(one_node("LRN", X, size=size), X)


def test_lrn_over_an_even_number_of_channels_is_refused():
    """As onnxruntime refuses it."""
    with pytest.raises(CortadoError, match="even size"):
        to_torch(one_node("LRN", X, size=4))


@pytest.mark.parametrize("axis", [-1, 2, 1])
def test_rms_normalization(axis):
    model = one_node("RMSNormalization", X, rand(*X.shape[axis:]), axis=axis, opset=23)
    assert_agrees(model, X)
    assert_gradients(model, X[:1])


@pytest.mark.parametrize("axes", [None, [0, 2, 3], [2, 3], [1]])
def test_mean_variance_normalization(axes):
    attributes = {} if axes is None else {"axes": axes}
    assert_agrees(one_node("MeanVarianceNormalization", X, **attributes), X)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_lp_normalization(axis, p):
    assert_agrees(one_node("LpNormalization", X, axis=axis, p=p), X)
