"""Products of any rank and transposed convolutions: rows × weights are what onnxruntime gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from nets import build, decoded, normal
from repair.test_patches import check, job_of

RNG = np.random.default_rng(0)


@given(
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.tuples(st.integers(1, 2), st.integers(1, 2)),
    st.tuples(*[st.integers(0, 1)] * 4),
    st.sampled_from([1, 2, 4]),
)
@settings(max_examples=40, deadline=None)
def test_transposed_convolutions(kernel, strides, dilations, pads, groups):
    reach = [(size - 1) * step for size, step in zip(kernel, dilations, strict=True)]
    pads = tuple(min(pad, most) for pad, most in zip(pads, reach * 2, strict=True))
    more = [min(1, stride - 1) for stride in strides]
    x, w, b = normal(RNG, 2, 4, 4, 5), normal(RNG, 4, 3, *kernel), normal(RNG, 3 * groups)
    node = helper.make_node(
        "ConvTranspose",
        ["x", "w", "b"],
        ["y"],
        strides=strides,
        dilations=dilations,
        pads=pads,
        group=groups,
        output_padding=more,
    )
    shapes = ({"x": ["N", 4, 4, 5]}, {"y": ["N", len(b), None, None]})
    assert check(decoded(build([node], {"w": w, "b": b}, *shapes)), x, b).bias == "b"


def test_pads_that_follow_from_the_size_of_the_output_are_refused():
    node = helper.make_node(
        "ConvTranspose", ["x", "w"], ["y"], strides=[2, 2], auto_pad="SAME_UPPER"
    )
    shapes = ({"x": ["N", 2, 4, 4]}, {"y": ["N", 3, 8, 8]})
    found = job_of(decoded(build([node], {"w": normal(RNG, 2, 3, 3, 3)}, *shapes)))
    assert found == "its pads follow from the size of its output (auto_pad or output_shape)"


@pytest.mark.parametrize("rank", [1, 2, 3, 4])
def test_every_position_of_a_product_is_a_row(rank):
    w, x = normal(RNG, 5, 3), normal(RNG, *range(2, rank + 1), 5)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    shapes = ({"x": [None] * (rank - 1) + [5]}, {"y": [None] * (rank - 1) + [3]})
    check(decoded(build(nodes, {"w": w}, *shapes)), x, None)


def test_a_weight_that_is_the_left_factor():
    w, b, x = normal(RNG, 5, 3), normal(RNG, 5, 1), normal(RNG, 2, 3, 7)
    nodes = [
        helper.make_node("MatMul", ["w", "x"], ["h"]),
        helper.make_node("Add", ["h", "b"], ["y"]),
    ]
    model = decoded(build(nodes, {"w": w, "b": b}, {"x": ["N", 3, 7]}, {"y": ["N", 5, 7]}))
    assert check(model, x, b[:, 0]).bias == "b"


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("trans_a", [0, 1])
@pytest.mark.parametrize("trans_b", [0, 1])
def test_gemm_with_its_weight_on_either_side(left, trans_a, trans_b):
    a, b = normal(RNG, 6, 5), normal(RNG, 5, 4)
    a, b = a.T.copy() if trans_a else a, b.T.copy() if trans_b else b
    x, w = (b, a) if left else (a, b)
    names = ["w", "x"] if left else ["x", "w"]
    node = helper.make_node("Gemm", names, ["y"], transA=trans_a, transB=trans_b, alpha=0.5)
    shapes = ({"x": [None, None]}, {"y": [None, None]})
    check(decoded(build([node], {"w": w}, *shapes)), x, None)


def test_a_weight_behind_a_transpose():
    w, x = normal(RNG, 3, 5), normal(RNG, 2, 4, 5)
    nodes = [
        helper.make_node("Transpose", ["w"], ["t"], perm=[1, 0]),
        helper.make_node("MatMul", ["x", "t"], ["y"]),
    ]
    check(decoded(build(nodes, {"w": w}, {"x": ["N", 4, 5]}, {"y": ["N", 4, 3]})), x, None)


def test_a_weight_whose_shape_another_node_reads_is_fitted():
    """PyTorch's newer exporter makes the bias of a convolution from the shape of its weight."""
    nodes = [
        helper.make_node("Shape", ["w"], ["s"]),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    shapes = ({"x": ["N", 5]}, {"y": ["N", 3]})
    assert check(decoded(build(nodes, {"w": normal(RNG, 5, 3)}, *shapes)), normal(RNG, 4, 5), None)


@pytest.mark.parametrize("op_type", ["Conv", "ConvTranspose"])
def test_positions_that_differ_make_no_rows(op_type):
    node = helper.make_node(op_type, ["x", "w"], ["y"])
    shapes = ({"x": ["N", 2, None, None]}, {"y": ["N", 2, None, None]})
    job = job_of(decoded(build([node], {"w": normal(RNG, 2, 2, 3, 3)}, *shapes)))
    size = 4 if op_type == "Conv" else 8
    y = normal(RNG, 3, 2, size, size)
    assert job.rows(normal(RNG, 3, 2, 6, 6), y, 99, RNG) is not None
    for shape in [(2, 2, 6, 6), (3, 2, 7, 6), (3, 2, 2, 2)]:
        assert job.rows(normal(RNG, *shape), y, 99, RNG) is None


def test_products_of_other_positions_make_no_rows():
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    job = job_of(decoded(build([node], {"w": normal(RNG, 5, 3)}, {"x": ["N", 5]})))
    assert job.rows(normal(RNG, 4, 5), normal(RNG, 3, 3), 99, RNG) is None
