import numpy as np
import pytest
from onnx import helper

from bridge.agreement import assert_agrees, model_of, one_node, rand

X = rand(3, 4, 5)
POSITIVE = np.abs(X) + 0.1

UNARY = ["Abs", "Atan", "Ceil", "Cos", "Erf", "Exp", "Floor", "Neg", "Reciprocal", "Sign", "Sin"]
UNARY += ["Asinh", "Cosh", "Sinh", "Round", "Tan"]


@pytest.mark.parametrize("op_type", UNARY)
def test_functions_of_one_element(op_type):
    assert_agrees(one_node(op_type, X), X)


@pytest.mark.parametrize("op_type", ["Acos", "Asin", "Atanh"])
def test_functions_of_a_fraction(op_type):
    x = np.tanh(X) * np.float32(0.9)
    assert_agrees(one_node(op_type, x), x)


@pytest.mark.parametrize("op_type", ["Log", "Sqrt"])
def test_functions_of_a_positive_element(op_type):
    assert_agrees(one_node(op_type, POSITIVE), POSITIVE)


def test_acosh():
    assert_agrees(one_node("Acosh", POSITIVE + 1), POSITIVE + 1)


def test_is_nan():
    x = X.copy()
    x[0, 0, 0] = np.nan
    assert_agrees(one_node("IsNaN", x), x)


OTHERS = {
    "scalar": np.float32(1.5).reshape(()),
    "one element": np.full(1, 1.5, np.float32),
    "vector": rand(5),
    "per channel": rand(4, 1),
    "full": rand(1, 4, 5),
}
BINARY = ["Add", "Sub", "Mul", "Div", "Greater", "Less", "GreaterOrEqual", "LessOrEqual", "Equal"]


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
@pytest.mark.parametrize("op_type", BINARY)
def test_a_tensor_and_a_constant(op_type, other):
    assert_agrees(one_node(op_type, X, other), X)


@pytest.mark.parametrize("op_type", ["Add", "Sub", "Mul", "Div"])
@pytest.mark.parametrize("opset", [7, 13, 14])
def test_a_constant_and_a_tensor(op_type, opset):
    node = helper.make_node(op_type, ["c", "x"], ["y"])
    constants = {"c": np.float32(2).reshape(())}
    assert_agrees(model_of([node], {"x": POSITIVE}, constants, opset), POSITIVE)


def test_integers_are_divided_towards_zero():
    x = np.array([[-7, 7, -6]], np.int64)
    assert_agrees(one_node("Div", x, np.array(2, np.int64)), x)


@pytest.mark.parametrize("fmod", [0, 1])
def test_mod(fmod):
    x = np.array([[-7, 7, -6]], np.int64)
    assert_agrees(one_node("Mod", x, np.array([4], np.int64), fmod=fmod), x)


@pytest.mark.parametrize("exponent", [2.0, 3.0, 0.5, -1.5])
def test_pow(exponent):
    other = np.float32(exponent).reshape(())
    assert_agrees(one_node("Pow", POSITIVE, other), POSITIVE)


def test_pow_of_two_tensors():
    assert_agrees(one_node("Pow", POSITIVE, rand(5)), POSITIVE)


@pytest.mark.parametrize("op_type", ["Max", "Min", "Sum", "Mean"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_any_number_of_tensors(op_type, count):
    constants = [rand(4, 5), rand(5)][: count - 1]
    assert_agrees(one_node(op_type, X, *constants), X)


@pytest.mark.parametrize("op_type", ["And", "Or", "Xor"])
def test_logic(op_type):
    x = X > 0
    assert_agrees(one_node(op_type, x, rand(5) > 0), x)


def test_not():
    assert_agrees(one_node("Not", X > 0), X > 0)


def test_where():
    assert_agrees(one_node("Where", X > 0, rand(5), rand(4, 5)), X > 0)


@pytest.mark.parametrize("positive", [0, 1])
@pytest.mark.parametrize("negative", [0, 1])
def test_infinities(positive, negative):
    x = np.array([[1, np.inf, -np.inf, np.nan]], np.float32)
    attributes = {"detect_positive": positive, "detect_negative": negative}
    assert_agrees(one_node("IsInf", x, **attributes), x)


@pytest.mark.parametrize("op_type", ["BitwiseAnd", "BitwiseOr", "BitwiseXor"])
def test_bits(op_type):
    x = np.array([[5, 12, -3]])
    assert_agrees(one_node(op_type, x, np.array([[3, 10, 7]]), opset=18), x)
    assert_agrees(one_node("BitwiseNot", x, opset=18), x)


@pytest.mark.parametrize("direction", ["LEFT", "RIGHT"])
def test_shifted_bits(direction):
    x = np.array([[5, 12, 255]], np.uint8)
    shifts = np.array([[1, 2, 3]], np.uint8)
    assert_agrees(one_node("BitShift", x, shifts, direction=direction), x)
