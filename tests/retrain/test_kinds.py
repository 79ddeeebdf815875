"""Nets of other kinds than classifiers of images train: tokens, pixels, boxes, texts."""

import functools

import numpy as np
import onnx
import pytest
import torch

from cortado.data import ArraySamples, Dataset
from cortado.errors import UsageError
from cortado.model.layers.prunable import find_layers
from cortado.model.layers.selector import Assignment
from cortado.model.onnx_io import serial
from cortado.progress import finish
from cortado.prune import prune
from cortado.quantize import quantize
from cortado.retrain import Distillation, RetrainOptions, retrain
from cortado.scoring.losses import parse_loss
from nets import weight
from retrain.sets import task

pytest.importorskip("kinds")

from kinds import detector, encoder, recogniser, running, unet

EXPORTERS = pytest.mark.parametrize("exporter", running.EXPORTERS)


@functools.cache
def data_of(kind, count=160, labelled=True):
    """Return samples of a kind of net in three parts."""
    return Dataset(*(part(kind, n, s, labelled) for s, n in enumerate((count, 40, 40))))


def part(kind, count, seed, labelled):
    samples = kind.make_samples(count, seed)
    targets = samples["target"]
    if not isinstance(targets, dict):
        targets = {"target": targets}
    inputs = {name: samples[name] for name in kind.INPUTS}
    return ArraySamples(inputs, targets if labelled else None)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Return the model of a module, exported."""
    folder = tmp_path_factory.mktemp("kinds")

    def export(kind, module, exporter):
        path = folder / "model.onnx"
        kind.export(module, path, exporter)
        return serial.decode(path.read_bytes(), "the model")

    return export


def trained(model, data, *losses, distillation=None, metric="", **changes):
    settings = {"epochs": 4, "batch": 16, "lr": 5e-3, "device": "cpu", **changes}
    options = RetrainOptions(**settings, losses=tuple(map(parse_loss, losses)))
    return finish(retrain(model, task(model, data, metric=metric), options, None, distillation))


def outputs(model, kind, samples):
    """Return what stock onnxruntime gives."""
    inputs = {name: samples.inputs[name] for name in kind.INPUTS}
    return running.run_onnx(onnx.load_from_string(serial.encode(model)), inputs)


@EXPORTERS
def test_tokens_learn_their_labels(exporter, exported):
    data = data_of(encoder, 400)
    model = exported(encoder, encoder.make_net(), exporter)
    found = trained(model, data, epochs=8, lr=1e-2)
    first, last = found.epochs[0].val, found.epochs[-1].val
    assert last.value > 0.6 > 0.45 > first.value
    logits = outputs(found.model, encoder, data.val)["logits"]
    target = data.val.targets["target"]
    assert found.metric == "accuracy"
    assert last.value == pytest.approx(encoder.accuracy(logits, target), abs=1e-3)
    rows, kept = torch.tensor(logits).flatten(0, 1), torch.tensor(target).flatten()
    loss = torch.nn.functional.cross_entropy(rows, kept, ignore_index=-100)
    assert last.loss == pytest.approx(loss.item(), rel=1e-4)


@EXPORTERS
@pytest.mark.parametrize("upsample", ["transposed", "resize"])
def test_pixels_learn_their_labels(exporter, upsample, exported):
    """A pruned U-Net comes back."""
    module = unet.train(unet.make_net(upsample=upsample), unet.make_samples(160, 0))
    model = exported(unet, module, exporter)
    pruned = prune(model, [Assignment("*", 0.6)]).model
    found = trained(pruned, data_of(unet), metric="iou")
    before = unet.mean_iou(outputs(pruned, unet, data_of(unet).val)["mask"], targets_of(unet))
    assert found.metric == "iou"
    assert found.epochs[-1].val.value > before + 0.1
    logits = outputs(found.model, unet, data_of(unet).val)["mask"]
    loss = torch.nn.functional.cross_entropy(torch.tensor(logits), torch.tensor(targets_of(unet)))
    assert found.epochs[-1].val.loss == pytest.approx(loss.item(), rel=1e-4)


def targets_of(kind):
    return data_of(kind).val.targets["target"]


@EXPORTERS
def test_two_heads_learn_by_two_losses(exporter, exported):
    data = data_of(detector, 300)
    module = detector.train(detector.make_net(), detector.make_samples(300, 0), epochs=8)
    pruned = prune(exported(detector, module, exporter), [Assignment("*", 0.8)]).model
    found = trained(pruned, data, "boxes=l1*5", "classes=cross-entropy")
    before, after = (two_losses(each, data.val) for each in (pruned, found.model))
    assert after[0] < 0.6 * before[0]
    assert after[1] < before[1]
    assert found.epochs[-1].val.loss == pytest.approx(5 * after[0] + after[1], rel=1e-4)


def two_losses(model, samples):
    """Return the mean absolute error of the boxes, and the cross-entropy of the classes."""
    given = outputs(model, detector, samples)
    labels = torch.tensor(samples.targets["classes"])
    entropy = torch.nn.functional.cross_entropy(torch.tensor(given["classes"]), labels)
    return detector.mean_error(given["boxes"], samples.targets["boxes"]), entropy.item()


def test_a_recogniser_learns_a_few_texts_by_ctc(exported):
    """It comes to read what it is trained on, by the alphabet of its file."""
    few = part(recogniser, 24, 0, labelled=True)
    model = exported(recogniser, recogniser.make_net(recurrent=False), "torchscript")
    found = trained(model, Dataset(few, few, few), epochs=200, lr=1e-2, batch=8)
    assert found.metric == "cer"
    assert found.epochs[0].val.value > 0.9
    assert found.epochs[-1].val.value < 0.1


@EXPORTERS
@pytest.mark.parametrize("recurrent", [True, False])
def test_a_pruned_recogniser_learns_to_read_again(exporter, recurrent, exported):
    data = data_of(recogniser)
    samples = recogniser.make_samples(160, 0)
    module = recogniser.train(recogniser.make_net(recurrent=recurrent), samples, epochs=20)
    pruned = prune(exported(recogniser, module, exporter), [Assignment("*", 0.7)]).model
    found = trained(pruned, data, epochs=8)
    before, after = (
        recogniser.character_error_rate(
            recogniser.decode(outputs(model, recogniser, data.val)["probabilities"]),
            data.val.targets["target"],
        )
        for model in (pruned, found.model)
    )
    assert before > 0.8
    assert after < 0.65
    assert found.epochs[-1].val.value == pytest.approx(after, abs=1e-6)


@EXPORTERS
def test_zeros_and_shared_values_stay_in_nets_of_tokens(exporter, exported):
    model = exported(encoder, encoder.make_net(), exporter)
    pruned = prune(model, [Assignment("*", 0.5)]).model
    shared = quantize(pruned, [Assignment("*", 3)]).model
    found = trained(shared, data_of(encoder), epochs=1).model
    for old, new in zip(*(find_layers(m).prunable for m in (pruned, found)), strict=True):
        assert np.array_equal(old.array == 0, new.array == 0)
        assert len(np.unique(new.array[new.array != 0])) <= 8
        assert not np.array_equal(old.array, new.array)


@pytest.mark.parametrize(
    ("kind", "output"), [(detector, "boxes"), (encoder, "logits"), (unet, "mask")]
)
def test_distillation_alone_needs_no_labels(kind, output, exported):
    """A pruned net comes nearer to the outputs of the dense one, whatever they are."""
    data = data_of(kind, labelled=False)
    dense = exported(kind, kind.make_net(), "torchscript")
    pruned = prune(dense, [Assignment("*", 0.8)]).model
    bound = task(dense, data, metric="relative-error")
    options = RetrainOptions(epochs=6, batch=16, lr=3e-3, device="cpu")
    found = finish(retrain(pruned, bound, options, None, Distillation(dense)))
    wanted = outputs(dense, kind, data.test)[output]
    before, after = (
        np.linalg.norm(outputs(each, kind, data.test)[output] - wanted)
        for each in (pruned, found.model)
    )
    assert after < 0.5 * before
    values = [epoch.val.value for epoch in found.epochs]
    assert found.metric == "relative-error"
    assert values[-1] < values[0]


def test_a_teacher_without_an_output_is_refused(exported):
    model = exported(detector, detector.make_net(), "torchscript")
    other = exported(unet, unet.make_net(), "torchscript")
    with pytest.raises(UsageError, match="the teacher of --distill has no output boxes"):
        trained(model, data_of(detector), distillation=Distillation(other))


def test_images_of_any_width_train_in_batches_of_their_own(exported):
    """Samples that differ in shape are batched with those alike."""
    model = exported(recogniser, recogniser.make_net(recurrent=False), "torchscript")
    samples = Mixed([recogniser.make_samples(12, 0, width) for width in (40, 48, 64)])
    found = trained(model, Dataset(samples, samples, samples), epochs=3, batch=8)
    assert found.epochs[-1].train.loss < found.epochs[0].train.loss
    layer = find_layers(model).prunable[0]
    assert not np.array_equal(weight(found.model, layer.key), layer.array)


class Mixed:
    """Samples of several shapes."""

    labels = None

    def __init__(self, groups):
        self.samples = [(group["x"][i], group["target"][i]) for group in groups for i in range(12)]
        self.alike = np.repeat(np.arange(len(groups)), 12)

    def __len__(self):
        return len(self.samples)

    def take(self, indices):
        images, texts = zip(*(self.samples[i] for i in indices), strict=True)
        return ArraySamples({"x": np.stack(images)}, {"target": np.array(texts)}).take(
            np.arange(len(indices))
        )
