"""Nets that people deploy come nearer to themselves after half of their weights are gone."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from cortado import files
from cortado.data import ArraySamples
from cortado.inspect.activity import measure_activity
from cortado.integer_kernels import calibrate
from cortado.invariants import check_kept
from cortado.model.layers.prunable import find_layers
from cortado.model.layers.selector import Assignment
from cortado.progress import finish
from cortado.prune import prune
from cortado.repair import RepairOptions, repair
from support import SHARED, needs_shared

REAL = SHARED / "real"

pytestmark = needs_shared


def net(name):
    return files.read_model(str(REAL / "onnx" / f"{name}.onnx"))


def photographs(begin, end, width, height, name="x"):
    """Return parts of ImageNet's photographs, −1…1, as one array."""
    paths = sorted((REAL / "imagenet-1000").glob("*.jpg"))[begin:end]
    pixels = [
        np.asarray(Image.open(path).convert("RGB").crop((0, 0, width, height)), np.float32)
        for path in paths
    ]
    return ArraySamples({name: np.stack(pixels).transpose(0, 3, 1, 2) / np.float32(127.5) - 1})


def lines(count, width, seed):
    """Return lines of random letters, −1…1, black on white."""
    rng, font = np.random.default_rng(seed), ImageFont.load_default(32)
    pixels = []
    for _ in range(count):
        line = Image.new("RGB", (width, 48), "white")
        text = "".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz0123456789"), width // 18))
        ImageDraw.Draw(line).text((4, 4), text, "black", font)
        pixels.append(np.asarray(line, np.float32))
    return ArraySamples({"x": np.stack(pixels).transpose(0, 3, 1, 2) / np.float32(127.5) - 1})


def half_repaired(model, fitted, held):
    pruned = prune(model, [Assignment("*", 0.5)]).model
    found = finish(repair(pruned, model, fitted, held, RepairOptions(rows=10_000)))
    check_kept(pruned, found.model)
    return found


@pytest.mark.parametrize("name", ["resnet20-cifar10", "resnet20-cifar10-dynamo-bn"])
def test_a_residual_net_of_either_exporter(name):
    model = net(name)
    (value,) = model.graph.inputs
    fitted, held = (
        ArraySamples({value.name: (part.inputs["x"] + 1) * np.float32(127.5)})
        for part in (photographs(0, 64, 32, 32), photographs(64, 96, 32, 32))
    )
    found = half_repaired(model, fitted, held)
    assert found.skipped == ()
    assert found.after < 0.5 * found.before


def test_a_text_detector_with_depthwise_and_transposed_convolutions():
    model = net("ch_PP-OCRv4_det_infer")
    fitted, held = photographs(0, 12, 128, 96), photographs(12, 18, 96, 96)
    found = half_repaired(model, fitted, held)
    assert found.skipped == ()
    assert {step.op_type for step in found.steps} >= {"Conv", "ConvTranspose"}
    assert found.after < 0.5 * found.before
    assert len(finish(measure_activity(model, held))) == len(find_layers(model).prunable)
    assert finish(calibrate(model, held))


def test_a_text_recogniser_with_products_over_steps():
    model = net("ch_PP-OCRv4_rec_infer")
    found = half_repaired(model, lines(16, 160, 0), lines(6, 208, 1))
    assert {step.op_type for step in found.steps} >= {"Conv", "MatMul"}
    assert found.after < 0.5 * found.before


def test_weights_inside_an_if_are_listed_with_the_reason():
    model = net("silero_vad")
    audio = np.random.default_rng(0).standard_normal((4, 512)).astype(np.float32)
    samples = ArraySamples({"input": audio, "sr": np.int64(16000)})
    found = half_repaired(model, samples, samples)
    assert found.steps == ()
    assert {x.reason for x in found.skipped} == {"it is inside a node such as If or Loop"}
    assert len(found.skipped) == len(find_layers(model).prunable)
    assert found.refusal.endswith("it is inside a node such as If or Loop")
    assert finish(measure_activity(model, samples)) == ()
    assert finish(calibrate(model, samples)) == {}
