"""Retraining without constraints is plain PyTorch, step by step."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from onnx import helper

from cortado.data import Dataset, labelled_images
from cortado.emit import emit
from cortado.errors import CortadoError, UsageError
from cortado.model.layers.selector import Assignment
from cortado.model.onnx_io import serial
from cortado.progress import finish
from cortado.prune import prune
from cortado.retrain import Gradual, RetrainOptions, retrain
from cortado.task.metadata import write_transform
from cortado.task.transform import InputTransform
from nets import build, conv_net, decoded, mlp, two_heads, weight
from retrain.sets import dataset, images, task
from samples import everything

NAMES = ["conv1.weight", "conv1.bias", "fc.weight", "fc.bias"]
DATA = dataset(40)
OPTIMIZERS = {
    "sgd": lambda parameters, lr, decay: torch.optim.SGD(
        parameters, lr, momentum=0.9, weight_decay=decay, fused=False, foreach=False
    ),
    "adam": lambda parameters, lr, decay: torch.optim.Adam(
        parameters, lr, weight_decay=decay, fused=False, foreach=False
    ),
}


def options(**changes):
    return RetrainOptions(**{"epochs": 2, "batch": 8, "device": "cpu", "seed": 5, **changes})


def retrained(model, data=DATA, **changes):
    return finish(retrain(model, task(model, data), options(**changes)))


def plain_training(model, part, optimizer, lr, decay, cosine=False, scale=1.0):
    """Train `conv_net` as one writes it in PyTorch; return its parameters."""
    samples = everything(part)
    p = {name: torch.tensor(weight(model, name).copy(), requires_grad=True) for name in NAMES}
    trainer = OPTIMIZERS[optimizer](list(p.values()), lr, decay)
    rng = np.random.default_rng(5)
    step, steps = 0, 2 * (len(part) // 8)
    for _ in range(2):
        order = rng.permutation(len(part))
        for begin in range(0, len(order) - 7, 8):
            chosen = order[begin : begin + 8]
            x = torch.tensor(samples.pixels[chosen]) * scale
            h = F.relu(F.conv2d(x, p["conv1.weight"], p["conv1.bias"])).flatten(1)
            logits = F.linear(h, p["fc.weight"], p["fc.bias"])
            if cosine:
                trainer.param_groups[0]["lr"] = lr * (1 + math.cos(math.pi * step / steps)) / 2
            trainer.zero_grad()
            F.cross_entropy(logits, torch.tensor(samples.labels[chosen])).backward()
            trainer.step()
            step += 1
    return {name: value.detach().numpy() for name, value in p.items()}


@pytest.mark.parametrize("rate", ["constant", "cosine"])
@pytest.mark.parametrize(("optimizer", "decay"), [("sgd", 0.0), ("sgd", 0.01), ("adam", 0.0)])
def test_dense_retraining_equals_a_plain_loop(optimizer, decay, rate):
    model = conv_net()
    found = retrained(model, optimizer=optimizer, lr=0.01, weight_decay=decay, rate=rate).model
    expected = plain_training(model, DATA.train, optimizer, 0.01, decay, rate == "cosine")
    for name in NAMES:
        assert np.abs(weight(found, name) - weight(model, name)).max() > 1e-3
        np.testing.assert_allclose(weight(found, name), expected[name], rtol=0, atol=1e-6)


def test_a_last_smaller_batch_is_dropped():
    data = Dataset(images(45, 1), DATA.val, DATA.test)
    found = retrained(conv_net(), data, optimizer="sgd", lr=0.01, rate="constant").model
    expected = plain_training(conv_net(), data.train, "sgd", 0.01, 0.0)
    np.testing.assert_allclose(weight(found, "fc.weight"), expected["fc.weight"], atol=1e-6)


def test_fewer_images_than_a_batch_are_one_batch():
    data = Dataset(images(5), DATA.val, DATA.test)
    result = retrained(mlp_on_images(), data, epochs=1, batch=8, optimizer="sgd", lr=0.1)
    assert not np.array_equal(
        weight(result.model, "fc1.weight"), weight(mlp_on_images(), "fc1.weight")
    )


def mlp_on_images():
    return mlp(sizes=(36, 8, 3))


def test_images_go_through_the_stored_transform():
    model, plain = conv_net(), conv_net()
    write_transform(model, InputTransform(scale=0.25))
    found = retrained(model, optimizer="sgd", lr=0.01, rate="constant").model
    expected = plain_training(plain, DATA.train, "sgd", 0.01, 0.0, scale=0.25)
    np.testing.assert_allclose(weight(found, "fc.weight"), expected["fc.weight"], atol=1e-6)


def test_the_loss_is_taken_from_the_logits_before_a_softmax():
    ends = [retrained(conv_net(softmax=softmax)).model for softmax in (False, True)]
    one, two = (weight(model, "fc.weight") for model in ends)
    np.testing.assert_array_equal(one, two)


def test_the_reported_validation_figures_are_those_of_the_model():
    result = retrained(conv_net(), lr=0.01)
    p = {name: torch.tensor(weight(result.model, name)) for name in NAMES}
    val = everything(DATA.val)
    x, labels = torch.tensor(val.pixels), torch.tensor(val.labels)
    h = F.relu(F.conv2d(x, p["conv1.weight"], p["conv1.bias"])).flatten(1)
    logits = F.linear(h, p["fc.weight"], p["fc.bias"])
    assert [epoch.number for epoch in result.epochs] == [0, 1]
    last = result.epochs[-1].val
    assert last.loss == pytest.approx(F.cross_entropy(logits, labels).item(), rel=1e-5)
    correct = int((logits.argmax(1) == labels).sum())
    assert last.value == correct / len(DATA.val)


def test_pruned_weights_are_stored_as_plain_zeros_that_a_sparse_file_leaves_out():
    pruned = prune(conv_net(), [Assignment("*", 0.9)]).model
    result = finish(retrain(pruned, task(pruned, DATA), options(epochs=1))).model
    assert not np.signbit(weight(result, "fc.weight")[weight(result, "fc.weight") == 0]).any()
    (stored,) = [t for t in emit(result, "sparse").tensors if t.name == "fc.weight"]
    assert stored.stored_bytes == 12 * np.count_nonzero(weight(pruned, "fc.weight"))


def test_layers_off_the_way_to_the_head_are_told_with_the_reason():
    result = finish(retrain(two_heads(), task(two_heads(), DATA, head="left"), options(epochs=1)))
    assert [(s.name, s.reason) for s in result.skipped] == [
        ("right", "it does not lead to the output that is trained")
    ]


def test_gradual_pruning_needs_an_epoch():
    gradual = Gradual([Assignment("*", 0.5)])
    with pytest.raises(UsageError, match="at least one epoch"):
        finish(retrain(conv_net(), task(conv_net(), DATA), options(epochs=0), gradual))


def test_training_learns():
    result = retrained(mlp_on_images(), dataset(200), epochs=8, lr=0.01)
    assert result.epochs[-1].val.loss < result.epochs[0].val.loss
    assert result.epochs[-1].val.value > 0.8


def test_the_seed_decides_on_every_byte():
    first, same, other = (
        serial.encode(retrained(conv_net(), shift=1, seed=seed).model) for seed in (1, 1, 2)
    )
    assert first == same
    assert first != other


def test_no_epochs_change_nothing():
    model = conv_net()
    assert serial.encode(retrained(model, epochs=0).model) == serial.encode(model)


def test_the_original_stays_as_it_is():
    model = conv_net()
    before = serial.encode(model)
    retrained(model)
    assert serial.encode(model) == before


def test_training_that_diverges_is_stopped():
    with pytest.raises(CortadoError, match="training diverged in epoch 1/3: try a smaller --lr"):
        retrained(mlp_on_images(), dataset(200), lr=1e20, optimizer="sgd", epochs=3)


def test_labels_outside_of_the_classes_are_refused():
    seen = everything(DATA.train)
    many = labelled_images(seen.pixels, seen.labels + 1)
    with pytest.raises(CortadoError, match="the label 3 lies outside the 3 classes of y"):
        retrained(conv_net(), Dataset(many, DATA.val, DATA.test))


def test_an_unknown_device_is_refused():
    with pytest.raises(CortadoError, match="--device warp is not available"):
        retrained(conv_net(), device="warp")


@pytest.mark.parametrize("wrong", [{"epochs": -1}, {"batch": 0}, {"shift": -1}])
def test_options_without_sense_are_refused(wrong):
    with pytest.raises(UsageError):
        RetrainOptions(**wrong)


def test_a_model_that_computes_with_its_batch_is_refused():
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], "fc"),
        helper.make_node("Add", ["h", "rows"], ["y"], "add"),
    ]
    weights = {"w": np.ones((4, 3), np.float32), "rows": np.eye(2, 3, dtype=np.float32)}
    model = decoded(build(nodes, weights, {"x": [2, 4]}, {"y": [2, 3]}))
    data = labelled_images(np.ones((6, 4), np.float32), np.arange(6) % 3)
    with pytest.raises(CortadoError, match="computes with its batch of 2, and cannot be trained"):
        retrained(model, Dataset(data, data, data))
