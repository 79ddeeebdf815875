import numpy as np
import pytest
import torch
from onnx import helper

from bridge.agreement import assert_agrees, assert_close, model_of, one_node, rand, run_torch
from cortado.bridge import to_torch
from cortado.errors import CortadoError

X = rand(3, 4, 5, 2)


def ints(*items: int) -> np.ndarray:
    return np.array(items, np.int64)


TARGETS = [
    (-1, 40),
    (0, -1),
    (0, 4, 10),
    (0, 0, -1),
    (3, 40),
    (-1,),
    (0, -1, 2),
    (2, -1),
    (3, 2, 20),
]


@pytest.mark.parametrize("target", TARGETS, ids=str)
@pytest.mark.parametrize("opset", [7, 14])
def test_reshape(target, opset):
    assert_agrees(one_node("Reshape", X, ints(*target), opset=opset), X)


def test_reshape_of_an_export_for_one_sample_takes_any_batch():
    node = helper.make_node("Reshape", ["x", "c"], ["y"])
    model = model_of([node], {"x": X}, {"c": ints(1, 4, 10)}, batch=1)
    (y,) = run_torch(to_torch(model), X)
    assert_close(y, X.reshape(3, 4, 10))


def test_reshape_to_an_empty_axis():
    x = rand(0, 4)
    assert_agrees(one_node("Reshape", x, ints(4, 0), allowzero=1), x)


def test_flattening_by_reshape_reads_as_flatten():
    assert "torch.flatten(x, 1)" in to_torch(one_node("Reshape", X, ints(0, -1))).code


@pytest.mark.parametrize("axis", [None, 0, 1, 2, 4, -1, -4])
def test_flatten(axis):
    assert_agrees(one_node("Flatten", X, **({} if axis is None else {"axis": axis})), X)


@pytest.mark.parametrize("perm", [None, [0, 2, 3, 1], [0, 1, 2, 3]], ids=str)
def test_transpose(perm):
    assert_agrees(one_node("Transpose", X, **({} if perm is None else {"perm": perm})), X)


@pytest.mark.parametrize("axes", [[1], [1, 3], [-1]], ids=str)
def test_squeeze(axes):
    x = rand(3, 1, 5, 1)
    assert_agrees(one_node("Squeeze", x, opset=11, axes=axes), x)
    assert_agrees(one_node("Squeeze", x, ints(*axes), opset=13), x)


def test_squeeze_everything():
    x = rand(3, 1, 5, 1)
    node = helper.make_node("Squeeze", ["x"], ["y"])
    assert_agrees(model_of([node], {"x": x}, {}, batch=3), x)


@pytest.mark.parametrize("axes", [[1], [1, 3], [-1], [3, 0], [-1, 1]], ids=str)
def test_unsqueeze(axes):
    x = rand(3, 4)
    assert_agrees(one_node("Unsqueeze", x, opset=11, axes=axes), x)
    assert_agrees(one_node("Unsqueeze", x, ints(*axes), opset=13), x)


@pytest.mark.parametrize("target", [(1, 4, 5), (2, 1, 4, 5), (4, 1), (1, 1, 1)], ids=str)
def test_expand(target):
    x = rand(3, 4, 1)
    assert_agrees(one_node("Expand", x, ints(*target)), x)


def test_tile():
    assert_agrees(one_node("Tile", X, ints(1, 2, 1, 3)), X)


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_depth_to_space(mode):
    x = rand(2, 12, 3, 4)
    assert_agrees(one_node("DepthToSpace", x, blocksize=2, mode=mode), x)


def test_space_to_depth():
    x = rand(2, 3, 6, 4)
    assert_agrees(one_node("SpaceToDepth", x, blocksize=2), x)


def test_identity():
    assert_agrees(one_node("Identity", X), X)


@pytest.mark.parametrize("opset", [7, 12])
def test_dropout_drops_in_training_only(opset):
    ratio = {"ratio": 0.75} if opset < 12 else {}
    constants = [] if opset < 12 else [np.array(0.75, np.float32)]
    x = np.ones((100, 100), np.float32)
    model = one_node("Dropout", x, *constants, opset=opset, **ratio)
    assert_agrees(model, x)
    y = to_torch(model).train()(torch.from_numpy(x))
    assert set(y.unique().tolist()) == {0.0, 4.0}
    assert abs((y == 0).float().mean().item() - 0.75) < 0.02


class TestShapesOfShapes:
    """Reshape targets that the graph computes from the shape of its input."""

    def reshaped(self, *nodes, batch="N", opset=17, **constants):
        """A Reshape of x to the shape that the nodes compute from ``s``, the shape of x."""
        first = helper.make_node("Shape", ["x"], ["s"])
        last = helper.make_node("Reshape", ["x", "t"], ["y"], "reshape")
        return model_of([first, *nodes, last], {"x": X}, constants, opset, batch)

    def test_the_batch_and_the_rest(self):
        model = self.reshaped(
            helper.make_node("Gather", ["s", "zero"], ["n"]),
            helper.make_node("Unsqueeze", ["n", "axis"], ["n1"]),
            helper.make_node("Concat", ["n1", "rest"], ["t"], axis=0),
            zero=np.array(0),
            axis=ints(0),
            rest=ints(-1),
        )
        assert_agrees(model, X)
        assert "torch.flatten(x, 1)" in to_torch(model).code

    def test_arithmetic(self):
        model = self.reshaped(
            helper.make_node("Slice", ["s", "zero", "one"], ["n"]),
            helper.make_node("Cast", ["n"], ["n32"], to=7),
            helper.make_node("Mul", ["n32", "two"], ["twice"]),
            helper.make_node("Div", ["twice", "two"], ["once"]),
            helper.make_node("Add", ["once", "zero"], ["added"]),
            helper.make_node("Sub", ["added", "zero"], ["back"]),
            helper.make_node("Identity", ["back"], ["same"]),
            helper.make_node("Squeeze", ["same"], ["scalar"]),
            helper.make_node("Reshape", ["scalar", "one"], ["vector"]),
            helper.make_node("Concat", ["vector", "ten", "four"], ["t"], axis=0),
            zero=ints(0),
            one=ints(1),
            two=ints(2),
            ten=ints(10),
            four=ints(4),
        )
        assert_agrees(model, X)

    def test_half_of_a_declared_length(self):
        nodes = [
            helper.make_node("Shape", ["x"], ["s"]),
            helper.make_node("Gather", ["s", "one"], ["channels"]),
            helper.make_node("Div", ["channels", "two"], ["half"]),
            helper.make_node("Slice", ["x", "zero", "half", "one"], ["y"]),
        ]
        constants = {"zero": ints(0), "one": ints(1), "two": ints(2)}
        model = model_of(nodes, {"x": X}, constants)
        assert_agrees(model, X)
        assert "slice(0, 2, None)" in to_torch(model).code

    def test_all_but_the_last_sample(self):
        nodes = [
            helper.make_node("Shape", ["x"], ["s"], start=0, end=1),
            helper.make_node("Sub", ["s", "one"], ["last"]),
            helper.make_node("Slice", ["x", "zero", "last"], ["y"]),
        ]
        assert_agrees(model_of(nodes, {"x": X}, {"zero": ints(0), "one": ints(1)}), X)

    def test_expand_to_the_batch_as_exporters_write_it(self):
        token, minus = rand(1, 4), helper.make_tensor("value", 7, [1], [1])
        nodes = [
            helper.make_node("Shape", ["x"], ["s"], start=0, end=1),
            helper.make_node("Concat", ["s", "minus"], ["target"], axis=0),
            helper.make_node("Shape", ["target"], ["count"]),
            helper.make_node("ConstantOfShape", ["count"], ["ones"], value=minus),
            helper.make_node("Mul", ["ones", "minus"], ["all_minus"]),
            helper.make_node("Equal", ["target", "all_minus"], ["open"]),
            helper.make_node("Where", ["open", "ones", "target"], ["t"]),
            helper.make_node("Expand", ["token", "t"], ["y"]),
        ]
        assert_agrees(model_of(nodes, {"x": X}, {"token": token, "minus": ints(-1)}), X)

    def test_numbers_that_depend_on_data_are_refused(self):
        node = helper.make_node("Reshape", ["x", "t"], ["y"], "reshape")
        model = model_of([node], {"x": X, "t": ints(3, -1)}, {})
        with pytest.raises(CortadoError, match="Reshape reshape: its input t is computed"):
            to_torch(model)

    def test_a_shape_as_a_tensor(self):
        assert_agrees(one_node("Shape", X), X)
        assert_agrees(one_node("Shape", X, start=1, end=-1), X)

    def test_a_length_among_tensors(self):
        nodes = [
            helper.make_node("Shape", ["x"], ["s"], start=0, end=1),
            helper.make_node("Cast", ["s"], ["f"], to=1),
            helper.make_node("Div", ["x", "f"], ["y"]),
        ]
        assert_agrees(model_of(nodes, {"x": X}, {}), X)

    def test_repeated_numbers(self):
        tensor = helper.make_tensor("value", 7, [1], [2])
        nodes = [
            helper.make_node("ConstantOfShape", ["four"], ["t"], value=tensor),
            helper.make_node("Tile", ["x", "t"], ["y"]),
        ]
        assert_agrees(model_of(nodes, {"x": X}, {"four": ints(4)}), X)
