"""Accuracy and loss of models: nets written out, and published errors."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from onnx import helper

from cortado.caffe import import_caffe, read_caffemodel
from cortado.data import IMAGE, Dataset, labelled_images, open_data, subset
from cortado.errors import CortadoError
from cortado.progress import finish
from cortado.runtime import Runtime
from cortado.scoring.bind import TaskOptions, bind
from cortado.scoring.evaluate import evaluate
from cortado.task.metadata import write_transform
from cortado.task.transform import InputTransform
from nets import build, conv_net, decoded, mlp, weight
from support import SHARED, needs_shared

RNG = np.random.default_rng(0)


def images(count, *shape, classes=3):
    pixels = RNG.standard_normal((count, *shape)).astype(np.float32)
    return labelled_images(pixels, RNG.integers(0, classes, count))


def evaluated(model, samples, head=None, runtime=Runtime()):
    """Evaluate a model on samples that are all parts of their data set."""
    task = bind(model, Dataset(samples, samples, samples), TaskOptions(head=head), runtime)
    return finish(evaluate(model, task, samples))


def forward(model, pixels):
    """Return the logits of `mlp`, written out."""
    first, second = weight(model, "fc1.weight"), weight(model, "fc2.weight")
    hidden = np.maximum(pixels @ first.T + weight(model, "fc1.bias"), 0)
    return hidden @ second.T + weight(model, "fc2.bias")


def test_accuracy_and_loss_are_those_of_the_net_written_out():
    model, samples = mlp(), images(613, 6)
    found = evaluated(model, samples)
    logits = torch.from_numpy(forward(model, samples.inputs[IMAGE]))
    labels = torch.from_numpy(samples.labels)
    assert found.samples == 613
    assert found.correct == int((logits.argmax(1) == labels).sum())
    assert found.accuracy == found.correct / 613
    assert found.loss == pytest.approx(F.cross_entropy(logits, labels).item(), rel=1e-6)


def test_a_softmax_at_the_end_is_not_normalized_again():
    samples = images(50, 1, 6, 6)
    plain, softmax = (evaluated(conv_net(softmax=s), samples) for s in (False, True))
    assert softmax.correct == plain.correct
    assert softmax.loss == pytest.approx(plain.loss, rel=1e-5)


def test_progress_counts_the_images_and_ends_at_the_result():
    samples, model = images(613, 6), mlp()
    task = bind(model, Dataset(samples, samples, samples))
    steps = evaluate(model, task, samples)
    reports = []
    while True:
        try:
            reports.append(next(steps))
        except StopIteration as stop:
            found = stop.value
            break
    assert [(report.done, report.total) for report in reports] == [
        (250, 613),
        (500, 613),
        (613, 613),
    ]
    assert reports[-1].figures == (("accuracy", found.accuracy), ("loss", found.loss))


@pytest.mark.parametrize("batch", [1, 4, 7])
def test_a_fixed_batch_is_filled_up_and_only_real_images_count(batch):
    samples = images(10, 6)
    fixed = evaluated(mlp(fixed_batch=batch), samples)
    free = evaluated(mlp(), samples)
    assert (fixed.samples, fixed.correct) == (10, free.correct)
    assert fixed.loss == pytest.approx(free.loss, rel=1e-6)


def test_trailing_axes_of_size_one_are_dropped():
    """As of a fully convolutional net, whose scores have the shape (n, classes, 1, 1)."""
    node = helper.make_node("Conv", ["x", "w"], ["y"])
    kernel = RNG.standard_normal((3, 1, 6, 6)).astype(np.float32)
    shapes = {"x": ["N", 1, 6, 6]}, {"y": ["N", 3, 1, 1]}
    samples = images(40, 1, 6, 6)
    found = evaluated(decoded(build([node], {"w": kernel}, *shapes)), samples)
    scores = samples.inputs[IMAGE].reshape(40, 36) @ kernel.reshape(3, 36).T
    assert found.correct == (scores.argmax(axis=1) == samples.labels).sum()


def test_an_output_of_several_scores_a_class_is_refused():
    node = helper.make_node("Relu", ["x"], ["y"])
    shape = ["N", 1, 6, 6]
    model = decoded(build([node], {}, {"x": shape}, {"y": shape}))
    with pytest.raises(CortadoError, match=r"y has the shape \[9, 1, 6, 6\]"):
        evaluated(model, images(9, 1, 6, 6))


def test_labels_outside_of_the_classes_are_refused():
    samples = labelled_images(np.zeros((3, 6), np.float32), np.array([0, 3, 1]))
    with pytest.raises(CortadoError, match="the label 3 lies outside the 3 classes of y"):
        evaluated(mlp(), samples)


# Published nets.

PUBLISHED = {
    "lenet5": ("lenet5", "lenet_iter_10000", None, 92),
    "dns-lenet5-dense": ("dns-lenet5", "original", None, 91),
    "dns-lenet5-pruned": ("dns-lenet5", "sparse", None, 91),
    "dns-lenet300100-dense": ("dns-lenet300100", "original", "ip3", 228),
    "dns-lenet300100-pruned": ("dns-lenet300100", "sparse", "ip3", 199),
}


@needs_shared
@pytest.mark.parametrize(("net", "weights", "head", "errors"), PUBLISHED.values(), ids=PUBLISHED)
def test_published_nets_make_their_published_errors(net, weights, head, errors, mnist):
    folder = SHARED / "caffe" / net
    caffemodel = read_caffemodel((folder / f"{weights}.caffemodel").read_bytes())
    model = import_caffe((folder / "deploy.prototxt").read_text(), caffemodel).model
    write_transform(model, InputTransform(scale=1 / 256))
    task = bind(model, mnist, TaskOptions(head=head))
    found = finish(evaluate(model, task, mnist.test))
    assert found.samples - found.correct == errors


@needs_shared
def test_mnist_is_complete(mnist):
    assert [len(part) for part in (mnist.train, mnist.val, mnist.test)] == [54000, 6000, 10000]
    counts = np.bincount(mnist.test.labels)
    assert counts.tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert len(subset(mnist.test, 100)) == 100


@pytest.fixture(scope="module")
def mnist():
    return open_data(str(SHARED / "mnist"))
