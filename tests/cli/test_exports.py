"""The commands, one after another, on what PyTorch exports."""

import numpy as np
import onnx
import pytest
import torch
from onnx import helper

from bridge.exporting import current, traced
from bridge.families import EfficientNet, Recurrent, ResNet, UNet, ViT, build
from cli.program import cortado
from cortado.model.layers.prunable import find_layers
from cortado.model.onnx_io import serial
from nets import build as build_graph
from nets import normal

pytest.importorskip("onnxscript", reason="the current exporter needs onnxscript")

CASES = {
    "ResNet": (traced, ResNet, 11),
    "UNet": (current, UNet, 18),
    "EfficientNet": (current, EfficientNet, 21),
    "ViT": (current, ViT, 23),
    "Recurrent": (traced, Recurrent, 17),
}


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Random images of three channels and five classes."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("data") / "images.npz"
    np.savez(path, x=normal(rng, 50, 3, 32, 32), y=np.arange(50) % 5)
    return path


@pytest.mark.parametrize("case", CASES)
def test_import_prune_retrain_share_emit(case, images, tmp_path):
    exporter, family, opset = CASES[case]
    net, x = build(family)
    file = tmp_path / "net.onnx"
    onnx.save(exporter(net, x, opset), file)
    data = cortado("import", file).stdout
    for step in (
        ["prune", "-", "--sparsity", "0.6"],
        ["retrain", "-", "--data", images, "--epochs", "1", "--batch", "16"],
        ["quantize", "-", "--bits", "4"],
        ["emit", "-"],
    ):
        result = cortado(*step, stdin=data)
        assert result.code == 0, result.stderr
        data = result.stdout
    layers = find_layers(serial.decode(data, "the file")).prunable
    assert all((layer.array == 0).mean() > 0.55 for layer in layers)
    assert cortado("validate", "-", "--data", images, stdin=data).code == 0


def test_a_file_with_external_data(tmp_path):
    net, x = build(ResNet)
    proto = current(net, x, 18)
    whole, split = tmp_path / "whole.onnx", tmp_path / "split.onnx"
    onnx.save(proto, whole)
    onnx.save(proto, split, save_as_external_data=True, location="split.data", size_threshold=0)
    models = [serial.decode(cortado("import", path).stdout, "it") for path in (split, whole)]
    arrays = [{x.key: x.array for x in find_layers(model).prunable} for model in models]
    assert list(arrays[0]) == list(arrays[1])
    assert all(np.array_equal(arrays[0][key], arrays[1][key]) for key in arrays[0])
    (tmp_path / "split.data").unlink()
    result = cortado("prune", split, "--sparsity", "0.5")
    assert result.code == 1
    assert "its external data cannot be read" in result.stderr


def test_half_precision_is_pruned_shared_and_coded_as_such(tmp_path):
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 32), torch.nn.ReLU())
    file = tmp_path / "half.onnx"
    onnx.save(traced(net.half(), torch.zeros(2, 64).half(), 17), file)
    data = cortado("import", file).stdout
    for step in (
        ["prune", "-", "--sparsity", "0.8"],
        ["quantize", "-", "--bits", "3"],
        ["emit", "-"],
    ):
        result = cortado(*step, stdin=data)
        assert result.code == 0, result.stderr
        data = result.stdout
    (layer,) = find_layers(serial.decode(data, "the file")).prunable
    assert (layer.name, layer.bits) == ("1", 16)
    assert len(np.unique(layer.array)) == 9
    assert len(data) < 2200 < 64 * 32 * 2


def test_half_precision_is_retrained(tmp_path, images):
    layers = [torch.nn.Conv2d(3, 4, 8, 8), torch.nn.Flatten(), torch.nn.Linear(64, 5)]
    net = torch.nn.Sequential(*layers).half()
    file = tmp_path / "half.onnx"
    onnx.save(traced(net, torch.zeros(2, 3, 32, 32).half(), 17), file)
    pruned = cortado("prune", file, "--sparsity", "0.5").stdout
    result = cortado("retrain", "-", "--data", images, "--epochs", "1", stdin=pruned)
    assert result.code == 0, result.stderr
    before, after = (find_layers(serial.decode(x, "it")).prunable for x in (pruned, result.stdout))
    assert [layer.bits for layer in after] == [16, 16]
    for old, new in zip(before, after, strict=True):
        assert not np.array_equal(old.array, new.array)
        assert not new.array[old.array == 0].any()


def test_an_operator_that_the_bridge_lacks(tmp_path, images):
    """Everything but retraining works; that names the operator and its nodes."""
    nodes = [
        helper.make_node("MatMul", ["x", "fc.weight"], ["h"], "fc"),
        helper.make_node("Hardmax", ["h"], ["m"], "odd"),
        helper.make_node("Hardmax", ["m"], ["y"], "odder"),
    ]
    file = tmp_path / "odd.onnx"
    weights = {"fc.weight": normal(np.random.default_rng(0), 3072, 5)}
    onnx.save(build_graph(nodes, weights, {"x": ["N", 3072]}, {"y": ["N", 5]}), file)
    pruned = cortado("prune", file, "--sparsity", "0.9")
    shared = cortado("quantize", "-", "--bits", "2", stdin=pruned.stdout)
    assert cortado("emit", "-", stdin=shared.stdout).code == 0
    result = cortado("retrain", file, "--data", images, "--epochs", "1")
    assert result.code == 1
    assert "lacking for these operators: Hardmax (odd, odder)" in result.stderr
