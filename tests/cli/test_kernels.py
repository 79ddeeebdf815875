"""`cortado emit --kernel`: what is said of it, and that every command reads what it wrote."""

import json

import numpy as np
import onnx
import pytest

from cli.program import cortado, done, refused, same_weights, shell
from cortado.runtime import Runtime
from nets import build
from storage.coded.decoding import LEVELS, folded

EMIT = ["emit", "--storage", "dense"]
KEYS = ["name", "op_type", "kernel", "step_for_each", "max_error", "rmse", "exact"]


@pytest.fixture(scope="module")
def int8(folder, trained):
    """Give the trained net on 8-bit kernels, convolution and all."""
    path = folder / "int8.onnx"
    done(*EMIT, trained, "--kernel", "int8", "--data", "digits", "-q", "-o", path)
    return path


@pytest.fixture(scope="module")
def int4(folder, trained):
    """Give the trained net whose Gemms are on 4-bit kernels."""
    path = folder / "int4.onnx"
    done(*EMIT, trained, "--kernel", "int4", "-q", "-o", path)
    return path


def report(*arguments):
    return json.loads(done(*arguments, "--json", "-"))


def test_accuracy_stays(int8, int4, trained):
    dense, *others = (report("evaluate", x, "--data", "digits") for x in (trained, int8, int4))
    assert dense["accuracy"] > 0.5
    assert [x["accuracy"] for x in others] == pytest.approx([dense["accuracy"]] * 2, abs=0.02)


def test_what_became_of_each_layer_is_reported(trained, tmp_path):
    path = tmp_path / "report.json"
    result = cortado("emit", trained, "--kernel", "int8", "--json", path, "-o", "/dev/null")
    assert result.code == 0
    found = json.loads(path.read_text())["kernel"]
    assert [layer["name"] for layer in found["layers"]] == ["fc1", "fc2"]
    assert list(found["layers"][0]) == KEYS
    assert 0 < found["layers"][0]["rmse"] < found["layers"][0]["max_error"]
    (left,) = found["left"]
    assert left["name"] == "conv1"
    assert f"not int8: conv1 (Conv): {left['reason']}\n" in result.stderr
    assert "exactly 0" not in result.stderr


def test_a_uniform_grid_leaves_no_extra_error(pruned, tmp_path):
    script = (
        "set -o pipefail; cortado quantize $MODEL --bits 4 --grid uniform --data digits --epochs 1 "
        "| tee shared.onnx "
        "| cortado emit --kernel int4 --storage dense --json report.json -o small.onnx"
    )
    result = shell(script, tmp_path, MODEL=str(pruned))
    assert result.code == 0, result.stderr
    assert "the integers stand for the very same weights: the extra error is exactly 0" in (
        result.stderr
    )
    kernel = json.loads((tmp_path / "report.json").read_text())["kernel"]
    assert [(x["max_error"], x["exact"]) for x in kernel["layers"]] == [(0, True)] * 2
    initializers = {
        x.name: onnx.numpy_helper.to_array(x)
        for x in onnx.load(tmp_path / "small.onnx").graph.initializer
    }
    shared = {
        x.name: onnx.numpy_helper.to_array(x)
        for x in onnx.load(tmp_path / "shared.onnx").graph.initializer
    }
    k = initializers["fc1.weight"].astype(np.float32)
    steps = np.repeat(initializers["fc1.weight_scale"], 32, axis=0)[: len(k)]
    np.testing.assert_array_equal((k * steps).T, shared["fc1.weight"])


def test_inspect_lists_integer_weights(int8, int4):
    one, two = report("inspect", int8, int4)["models"]
    assert [layer["name"] for layer in one["layers"]] == ["conv1", "fc1", "fc2"]
    assert [layer["op_type"] for layer in one["layers"]] == ["Conv", *["MatMulInteger"] * 2]
    assert [layer["dense_bytes"] for layer in one["layers"]] == [100, 2304, 160]
    assert [layer["dense_bytes"] for layer in two["layers"]] == [400, 1152, 80]
    assert one["other_bytes"] > 0
    skipped = {node["name"]: node["reason"] for node in one["skipped"]}
    assert skipped["fc1/integer"] == "its weight is INT8, not float32"


def test_validate_shows_both_latencies_and_their_ratio(int8, trained):
    found = report("validate", int8, "--reference", trained, "--time")
    (model,), (reference,) = found["model"], found["reference"]
    ratio = reference["latency_seconds"] / model["latency_seconds"]
    assert model["speedup"] == pytest.approx(ratio)
    head, *rows = done("validate", int8, "--reference", trained, "--time").decode().splitlines()
    assert head.split()[-3:] == ["latency", "[ms]", "faster"]
    assert rows[1].split()[-1] == "×"


def test_without_a_reference_there_is_no_ratio(int8):
    (model,) = report("validate", int8, "--time")["model"]
    assert model["latency_seconds"] > 0
    assert model["speedup"] is None


def test_integers_are_densified_to_themselves(int4, tmp_path):
    done("densify", int4, "-o", tmp_path / "dense.onnx")
    one, two = (onnx.load(path).graph.initializer for path in (int4, tmp_path / "dense.onnx"))
    assert [x.SerializeToString() for x in one] == [x.SerializeToString() for x in two]


def test_a_model_on_integer_kernels_is_not_converted_again(int8, old):
    result = cortado("emit", int8, "--kernel", "int8", "-o", old)
    assert refused(result, 1, "emit", "no layer of the model can become int8: conv1")


def test_a_model_on_integer_kernels_is_not_trained(int8, old):
    result = cortado("retrain", int8, "--data", "digits", "-o", old)
    assert refused(result, 1, "retrain", "Linear")


def test_a_picture_needs_float32_layers(int8, tmp_path):
    result = cortado("inspect", int8, "--plot", tmp_path / "picture.png")
    assert refused(result, 1, "inspect", "int8.onnx has no float32 layers")


def test_the_same_images_give_the_same_bytes(int8, trained):
    again = done(*EMIT, trained, "--kernel", "int8", "--data", "digits", "-q")
    first = onnx.load(int8).graph.initializer
    second = onnx.load_from_string(again).graph.initializer
    assert [x.SerializeToString() for x in first] == [x.SerializeToString() for x in second]


@pytest.mark.parametrize(
    ("kernel", "fused"), [("int8", "DynamicQuantizeMatMul"), ("int4", "MatMulNBits")]
)
def test_coded_integers_are_decoded_before_they_are_fused(kernel, fused, tmp_path):
    rng = np.random.default_rng(0)
    weight = rng.laplace(size=(512, 512)) * (rng.random((512, 512)) < 0.1)
    nodes = [onnx.helper.make_node("Gemm", ["x", "fc.weight"], ["y"], "fc", transB=1)]
    model = build(nodes, {"fc.weight": weight.astype(np.float32)}, {"x": ["N", 512]})
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    bits = "4" if kernel == "int4" else "8"
    shared = done("quantize", tmp_path / "net.onnx", "--bits", bits, "--grid", "uniform", "-q")
    plain = done("emit", "--kernel", kernel, "--storage", "dense", "-q", stdin=shared)
    coded = done("emit", "--kernel", kernel, "-q", stdin=shared)
    assert len(coded) < len(plain) / 3
    assert folded(coded, tmp_path, LEVELS.ORT_ENABLE_ALL) == [fused]
    x = {"x": rng.standard_normal((1, 512)).astype(np.float32)}
    np.testing.assert_array_equal(
        Runtime().open(coded).run(x)["y"], Runtime().open(plain).run(x)["y"]
    )
    assert same_weights(done("densify", stdin=coded), plain)
