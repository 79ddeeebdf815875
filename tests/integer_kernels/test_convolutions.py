"""Convolutions on integers: fused to QLinearConv, close to float32, and calibrated as elsewhere."""

import numpy as np
import onnx
import pytest
from onnx import helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, create_calibrator

from cortado.data import labelled_images
from cortado.errors import CortadoError
from cortado.integer_kernels import KernelOptions, Range, calibrate, to_kernel
from cortado.model.onnx_io import serial
from cortado.progress import finish
from integer_kernels.fused import checked, difference, optimised_operators, outputs
from nets import build, conv_net, decoded, if_net, mlp, normal

PIXELS = np.random.default_rng(0).standard_normal((70, 1, 6, 6)).astype(np.float32)
IMAGES = labelled_images(PIXELS)
INPUT = {"x": ["N", 1, 6, 6]}


def converted(model, images=IMAGES):
    return to_kernel(model, KernelOptions("int8", finish(calibrate(model, images))))


def chain(*middle, ends_in_conv=False):
    """Return Conv → `middle` → Conv → Relu → Flatten → Gemm on 1×6×6 images."""
    rng = np.random.default_rng(1)
    weights = {
        "a.weight": normal(rng, 4, 1, 3, 3),
        "a.bias": normal(rng, 4),
        "b.weight": normal(rng, 5, 4, 3, 3) / np.float32(6),
    }
    nodes = [helper.make_node("Conv", ["x", "a.weight", "a.bias"], ["c"], "a", pads=[1] * 4)]
    value = "c"
    for index, kind in enumerate(middle):
        attributes = {"kernel_shape": [2, 2]} if kind.endswith("Pool") else {}
        nodes.append(helper.make_node(kind, [value], [f"m{index}"], kind, **attributes))
        value = f"m{index}"
    nodes.append(helper.make_node("Conv", [value, "b.weight"], ["y"], "b", pads=[1] * 4))
    size = 6 - sum(kind.endswith("Pool") for kind in middle)
    if ends_in_conv:
        return decoded(build(nodes, weights, INPUT, {"y": ["N", 5, size, size]}))
    weights["fc.weight"] = normal(rng, 5 * size * size, 3) / np.float32(10)
    nodes[-1].output[0] = "d"
    nodes += [
        helper.make_node("Relu", ["d"], ["r"], "relu"),
        helper.make_node("Flatten", ["r"], ["f"], "flatten"),
        helper.make_node("Gemm", ["f", "fc.weight"], ["y"], "fc"),
    ]
    return decoded(build(nodes, weights, INPUT, {"y": ["N", 3]}))


@pytest.mark.parametrize(
    "middle",
    [(), ("Relu",), ("MaxPool",), ("Relu", "MaxPool"), ("MaxPool", "Relu"), ("Sigmoid",)],
    ids="-".join,
)
def test_every_convolution_is_fused_and_stays_close(middle):
    model = chain(*middle)
    found = converted(model)
    assert [layer.name for layer in found.layers] == ["a", "b", "fc"]
    kinds = optimised_operators(checked(found.model))
    assert kinds.count("QLinearConv") == 2
    assert "DynamicQuantizeMatMul" in kinds
    assert not {"Conv", "FusedConv", "Gemm"} & set(kinds)
    assert 0 < difference(outputs(found.model, PIXELS), outputs(model, PIXELS)) < 0.05


def test_integers_are_pooled_as_integers():
    kinds = optimised_operators(converted(chain("Relu", "MaxPool")).model)
    assert kinds[kinds.index("QLinearConv") :][:3] == ["QLinearConv", "NhwcMaxPool", "QLinearConv"]


def test_ranges_are_those_of_onnxruntimes_own_calibration(tmp_path):
    model = chain("Relu", "MaxPool")
    path = tmp_path / "model.onnx"
    path.write_bytes(serial.encode(model))

    class Reader(CalibrationDataReader):
        batches = iter([{"x": PIXELS[:32]}, {"x": PIXELS[32:64]}, {"x": PIXELS[64:]}])

        def get_next(self):
            return next(self.batches, None)

    calibrator = create_calibrator(
        path,
        augmented_model_path=str(tmp_path / "augmented.onnx"),
        calibrate_method=CalibrationMethod.MinMax,
    )
    calibrator.collect_data(Reader())
    expected = calibrator.compute_data()
    ranges = finish(calibrate(model, IMAGES))
    assert set(ranges) == {"x", "m0", "r"}
    for name, found in ranges.items():
        low, high = (float(np.squeeze(bound)) for bound in expected[name].range_value)
        assert (found.low, found.high) == pytest.approx((low, high), rel=1e-6)


def test_without_images_convolutions_stay_and_say_so():
    found = to_kernel(conv_net(), KernelOptions("int8"))
    assert [layer.name for layer in found.layers] == ["fc"]
    (left,) = found.left
    assert (left.name, left.op_type) == ("conv1", "Conv")
    assert "which need --data" in left.reason
    assert "Conv" in "".join(optimised_operators(found.model))


def test_four_bits_leave_convolutions_to_eight():
    (left,) = to_kernel(conv_net(), KernelOptions("int4")).left
    assert left.reason == "there is no int4 kernel for Conv, which int8 has"


def test_an_output_of_the_model_stays_float32():
    model = chain(ends_in_conv=True)
    found = converted(model)
    assert [(x.name, x.reason) for x in found.left] == [("b", "its output is one of the model")]
    assert difference(outputs(found.model, PIXELS), outputs(model, PIXELS)) < 0.05


def test_a_tensor_of_two_readers_is_quantized_once():
    rng = np.random.default_rng(1)
    weights = {name: normal(rng, 4, 1, 3, 3) for name in ("a", "b")}
    nodes = [
        helper.make_node("Conv", ["x", "a"], ["c"], "one"),
        helper.make_node("Conv", ["x", "b"], ["d"], "two"),
        helper.make_node("Add", ["c", "d"], ["y"], "sum"),
    ]
    outputs_shape = {"y": ["N", 4, 4, 4]}
    model = decoded(build(nodes, weights, INPUT, outputs_shape))
    found = checked(converted(model).model)
    assert [node.op_type for node in found.graph].count("QuantizeLinear") == 3
    assert optimised_operators(found).count("QLinearConv") == 2
    assert difference(outputs(found, PIXELS), outputs(model, PIXELS)) < 0.05


def test_the_original_stays_as_it_is_and_names_survive():
    model = chain("Relu")
    before = serial.encode(model)
    found = converted(model).model
    assert serial.encode(model) == before
    proto = onnx.load_from_string(serial.encode(found))
    types = {x.name: x.data_type for x in proto.graph.initializer}
    assert [types[f"{name}.weight"] for name in ("a", "b", "fc")] == [onnx.TensorProto.INT8] * 3
    assert types["a.bias"] == onnx.TensorProto.FLOAT
    assert [value.name for value in proto.graph.output] == ["y"]


def test_images_that_are_not_finite_are_refused():
    images = labelled_images(np.full((2, 1, 6, 6), np.nan, np.float32))
    with pytest.raises(CortadoError, match="the tensor x is NaN or infinite on the samples"):
        finish(calibrate(conv_net(), images))


def test_models_without_convolutions_need_no_ranges():
    assert finish(calibrate(mlp(), IMAGES)) == {}


def test_an_unknown_range_leaves_the_layer():
    found = to_kernel(conv_net(), KernelOptions("int8", {"other": Range(0, 1)}))
    assert [x.reason for x in found.left] == ["no range is known for x"]


def test_convolutions_inside_an_if_stay():
    rng = np.random.default_rng(0)
    inside = helper.make_graph(
        [helper.make_node("Conv", ["x", "inner"], ["out"], "inside", pads=[1] * 4)],
        "branch",
        [],
        [helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, ["N", 1, 6, 6])],
        [onnx.numpy_helper.from_array(normal(rng, 1, 1, 3, 3), "inner")],
    )
    nodes = [
        helper.make_node("If", ["yes"], ["i"], then_branch=inside, else_branch=inside),
        helper.make_node("Conv", ["i", "outer"], ["c"], "outside"),
        helper.make_node("Relu", ["c"], ["y"]),
    ]
    nodes[0].attribute[1].g.node[0].output[0] = nodes[0].attribute[1].g.output[0].name = "other"
    nodes[0].attribute[1].g.node[0].input[1] = nodes[0].attribute[1].g.initializer[0].name = "last"
    weights = {"yes": np.array(True), "outer": normal(rng, 2, 1, 3, 3)}
    shape = ["N", 2, 4, 4]
    found = converted(decoded(build([*nodes, neg()], weights, INPUT, {"z": shape})))
    assert [layer.name for layer in found.layers] == ["outside"]
    assert {x.reason for x in found.left} == {"it is inside a node such as If or Loop"}


def neg():
    return helper.make_node("Neg", ["y"], ["z"])


def test_weights_inside_an_if_stay():
    with pytest.raises(CortadoError, match="it is inside a node such as If or Loop"):
        to_kernel(if_net(), KernelOptions("int8"))
