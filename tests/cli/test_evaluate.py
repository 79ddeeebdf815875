"""``cortado evaluate --activity``: active units beside the accuracy, as onnxruntime finds them."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest

from cli.program import done

UNITS = [("conv1", 4), ("fc1", 16), ("fc2", 10)]

ONE = """
layer { name: "data" type: "Input" top: "data"
  input_param { shape { dim: 1 dim: 1 dim: 28 dim: 28 } } }
layer { name: "alone" type: "InnerProduct" bottom: "data" top: "alone"
  inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
"""


@pytest.fixture
def images(tmp_path):
    """Give test images of 0…255 in a data set, and the options that name it."""
    generator = np.random.default_rng(5)
    pixels = generator.integers(0, 256, (60, 1, 28, 28)).astype(np.uint8)
    pixels[:20] //= 50  # dark ones, where fewer units are active
    labels = np.arange(60) % 10
    path = tmp_path / "data.npz"
    np.savez(path, x_train=pixels[:10], y_train=labels[:10], x_test=pixels, y_test=labels)
    return pixels, ["--data", path]


def active_units(path, pixels):
    """Return how many outputs of conv1, fc1 and fc2 are above zero on an image, on average."""
    model = onnx.load(path)
    nodes = {node.name: node for node in model.graph.node}
    places = [nodes[name].output[0] for name in ("relu1", "relu2", "fc2")]
    model.graph.ClearField("output")
    model.graph.output.extend(
        onnx.helper.make_tensor_value_info(place, onnx.TensorProto.FLOAT, None) for place in places
    )
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (entry,) = session.get_inputs()
    outputs = session.run(places, {entry.name: pixels * np.float32(0.004)})
    counted = [x.reshape(*x.shape[:2], -1).max(axis=2) > 0 for x in outputs]
    return [float(active.sum(axis=1).mean()) for active in counted]


def columns(heading):
    return [title for title in heading.split("  ") if title.startswith("active")]


def test_active_units_stand_beside_the_accuracy(trained, pruned, images):
    pixels, data = images
    runs = json.loads(done("evaluate", trained, pruned, *data, "--activity", "--json", "-"))["runs"]
    heading, *rows, _ = done("evaluate", trained, pruned, *data, "--activity").decode().splitlines()
    assert columns(heading) == ["active conv1", "active fc1", "active fc2"]
    for path, run, row in zip((trained, pruned), runs, rows, strict=True):
        expected = active_units(path, pixels)
        assert [(x["name"], x["units"]) for x in run["activity"]] == UNITS
        assert [x["active_mean"] for x in run["activity"]] == expected
        assert row.split()[-4:-1] == [f"{mean:.1f}" for mean in expected]


def test_one_model_has_a_line_for_each_layer(trained, images):
    pixels, data = images
    _, *lines = done("evaluate", trained, *data, "--activity").decode().splitlines()
    conv1, fc1, fc2 = active_units(trained, pixels)
    assert lines == [
        f"conv1: {conv1:.1f} of 4 units active",
        f"fc1: {fc1:.1f} of 16 units active",
        f"fc2: {fc2:.1f} of 10 units active",
    ]


def test_a_layer_that_a_model_lacks_has_no_figure(trained, images, tmp_path):
    net, path = tmp_path / "one.prototxt", tmp_path / "one.onnx"
    net.write_text(ONE)
    done("import", "--init", net, "-o", path)
    text = done("evaluate", trained, path, *images[1], "--activity").decode()
    heading, first, second, _ = text.splitlines()
    assert columns(heading) == ["active conv1", "active fc1", "active fc2", "active alone"]
    assert first.split()[-2] == "-"
    assert second.split()[-5:-2] == ["-", "-", "-"]


def test_activity_is_counted_on_request_only(trained, images):
    assert "activity" not in json.loads(done("evaluate", trained, *images[1], "--json", "-"))
    assert "active" not in done("evaluate", trained, *images[1]).decode()
