import numpy as np
import pytest
from onnx import helper

from bridge.agreement import assert_agrees, assert_gradients, model_of, one_node, rand
from cortado.bridge import to_torch

BIASES = {"vector": (4,), "row": (1, 4), "column": (3, 1), "scalar": (), "none": None}


@pytest.mark.parametrize("shape", BIASES.values(), ids=BIASES.keys())
@pytest.mark.parametrize("trans_b", [0, 1])
@pytest.mark.parametrize("alpha", [1.0, 0.5])
@pytest.mark.parametrize("beta", [1.0, 2.0])
def test_gemm(shape, trans_b, alpha, beta):
    x, b = rand(3, 5), rand(4, 5) if trans_b else rand(5, 4)
    constants = [b] if shape is None else [b, rand(*shape)]
    model = one_node("Gemm", x, *constants, transB=trans_b, alpha=alpha, beta=beta, opset=11)
    assert_agrees(model, x)


@pytest.mark.parametrize("opset", [7, 9, 13])
def test_gemm_with_transposed_data(opset):
    x = rand(5, 3)
    assert_agrees(one_node("Gemm", x, rand(5, 4), rand(4), transA=1, opset=opset), x)


def test_gemm_of_a_dense_layer_is_one_call():
    module = to_torch(one_node("Gemm", rand(3, 5), rand(4, 5), rand(4), transB=1))
    assert [node.op for node in module.graph.nodes].count("call_function") == 1


@pytest.mark.parametrize("left", [(3, 5), (2, 3, 5), (2, 4, 3, 5)], ids=str)
def test_matmul_by_a_weight(left):
    x = rand(*left)
    assert_agrees(one_node("MatMul", x, rand(5, 6)), x)


def test_matmul_of_two_inputs():
    a, b = rand(3, 4, 5), rand(3, 5, 2)
    node = helper.make_node("MatMul", ["a", "b"], ["y"])
    assert_agrees(model_of([node], {"a": a, "b": b}, {}), a, b)


def test_transposed_weights_keep_the_layout_of_the_file():
    weight = rand(5, 4)
    module = to_torch(one_node("Gemm", rand(3, 5), weight, rand(4)))
    np.testing.assert_array_equal(module.c0.detach().numpy(), weight)


@pytest.mark.parametrize(
    "equation", ["ij,jk->ik", "ij,jk", "ij , kj -> i k", "...j,jk->...k"], ids=str
)
def test_einsum(equation):
    x = rand(4, 4)
    model = one_node("Einsum", x, rand(4, 4) * 2, equation=equation)
    assert_agrees(model, x)
    assert_gradients(model, x)
