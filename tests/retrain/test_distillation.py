"""Distillation against its formula, written out."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from onnx import helper

from cortado.data import Batch, Feed
from cortado.progress import finish
from cortado.retrain import Distillation, RetrainOptions, retrain
from cortado.retrain.objective import Objective
from cortado.retrain.teacher import Lesson, Teacher
from cortado.scoring.losses import Term
from cortado.task.metadata import write_transform
from cortado.task.outputs import Scores
from cortado.task.transform import InputTransform
from nets import build, conv_net, decoded, mlp, weight
from retrain.sets import dataset, task
from samples import everything

RNG = np.random.default_rng(0)
LOGITS = RNG.standard_normal((7, 3)) * 3
TARGETS = RNG.standard_normal((7, 3)) * 3
SCORES = Scores("y", "y", "none", rank=2)
LESSONS = [Lesson(SCORES, has_classes=True)]
LABELS = RNG.integers(0, 3, 7)


def softmax(scores):
    powers = np.exp(scores)
    return powers / powers.sum(axis=1, keepdims=True)


def written_out(logits, targets, labels, temperature, weight):
    """(1 − w) · cross-entropy + w · T² · KL(teacher_T ‖ student_T), averaged over the batch."""
    entropy = -np.log(softmax(logits)[np.arange(len(labels)), labels]).mean()
    teacher, student = softmax(targets / temperature), softmax(logits / temperature)
    divergence = (teacher * np.log(teacher / student)).sum(axis=1).mean()
    return (1 - weight) * entropy + weight * temperature**2 * divergence


class Fixed(torch.nn.Module):
    def forward(self, _):
        return torch.tensor(TARGETS)


def feed_of(*shape, transform=None):
    node = helper.make_node("Relu", ["x"], ["y"])
    sizes = ["N", *shape]
    model = decoded(build([node], inputs={"x": sizes}, outputs={"y": sizes}))
    if transform is not None:
        write_transform(model, transform)
    return Feed.of(model)


def objective_of(teacher=None):
    return Objective([Term("cross-entropy", SCORES, "y")], ("y",), teacher)


def loss_of(objective, pixels, views=None):
    found = {"y": torch.tensor(LOGITS, requires_grad=True)}
    return objective(found, {"y": LABELS}, Batch({"image": pixels}), views)


@pytest.mark.parametrize(("temperature", "weight"), [(1, 0.5), (4, 0.5), (2.5, 1.0), (4, 0.0)])
def test_the_objective_is_the_formula(temperature, weight):
    teacher = Teacher(Fixed(), feed_of(2), LESSONS, temperature, weight)
    loss = loss_of(objective_of(teacher), np.zeros((7, 2), np.float32))
    expected = written_out(LOGITS, TARGETS, LABELS, temperature, weight)
    assert loss.item() == pytest.approx(expected, rel=1e-12)


def test_without_a_teacher_it_is_cross_entropy():
    loss = loss_of(objective_of(), np.zeros((7, 2), np.float32))
    assert loss.item() == pytest.approx(written_out(LOGITS, TARGETS, LABELS, 1, 0), rel=1e-12)


def test_outputs_without_classes_are_compared_by_their_squared_relative_error():
    lesson = Lesson(SCORES, has_classes=False)
    found = lesson.loss(torch.tensor(LOGITS), torch.tensor(TARGETS), 4.0)
    assert found.item() == pytest.approx(((LOGITS - TARGETS) ** 2).sum() / (TARGETS**2).sum())


@pytest.mark.parametrize("shape", [(7, 2, 3), (7, 3, 2, 2)])
def test_classes_of_positions_and_pixels_are_compared_one_by_one(shape):
    lesson = Lesson(replace(SCORES, rank=len(shape)), has_classes=True)
    student, teacher = RNG.standard_normal((2, *shape))
    rows = [
        (each if len(shape) == 3 else np.moveaxis(each, 1, -1)).reshape(-1, 3)
        for each in (student, teacher)
    ]
    expected = written_out(*rows, np.zeros(len(rows[0]), int), 2.0, 1.0)
    found = lesson.loss(torch.tensor(student), torch.tensor(teacher), 2.0)
    assert found.item() == pytest.approx(expected)


def test_a_student_that_is_its_teacher_does_not_move():
    model = conv_net()
    found = train(model, Distillation(model, weight=1.0))
    for name in ("conv1.weight", "fc.weight", "fc.bias"):
        np.testing.assert_allclose(weight(found, name), weight(model, name), atol=1e-6)


def test_a_teacher_takes_images_through_its_own_transform():
    """Both nets see the same image only if each applies the transform that it stores."""
    teacher, student = conv_net(), conv_net()
    write_transform(teacher, InputTransform(scale=0.5))
    found = train(student, Distillation(teacher, weight=1.0))
    assert np.abs(weight(found, "fc.weight") - weight(student, "fc.weight")).max() > 1e-3


def test_a_student_learns_from_its_teacher_alone():
    """With all weight on the teacher, labels do not matter."""
    student, teacher = mlp(0, (36, 8, 3)), mlp(1, (36, 8, 3))
    data = dataset(200)
    before, after = (
        np.abs(scores(model, data) - scores(teacher, data)).mean()
        for model in (student, train(student, Distillation(teacher, 2.0, 1.0), data, epochs=10))
    )
    assert after < before / 2


def train(model, distillation, data=None, epochs=1):
    options = RetrainOptions(epochs=epochs, batch=8, optimizer="sgd", lr=0.02, device="cpu")
    return finish(retrain(model, task(model, data), options, None, distillation)).model


def scores(model, data):
    pixels = everything(data.test).pixels.reshape(len(data.test), -1)
    hidden = np.maximum(pixels @ weight(model, "fc1.weight").T + weight(model, "fc1.bias"), 0)
    return softmax(hidden @ weight(model, "fc2.weight").T + weight(model, "fc2.bias"))


def test_the_teacher_sees_what_the_student_sees():
    seen = []

    class Watching(torch.nn.Module):
        def forward(self, x):
            seen.append(x)
            return x.flatten(1)[:, :3]

    transform = InputTransform(0.5, crop=4, mirror=True)
    feed = feed_of(1, 4, 4, transform=transform)
    pixels = RNG.random((7, 1, 6, 6)).astype(np.float32)
    views = transform.draw(pixels, np.random.default_rng(0))
    loss_of(objective_of(Teacher(Watching(), feed, LESSONS, 1.0, 0.5)), pixels, views)
    batch = Batch({"image": pixels})
    np.testing.assert_array_equal(seen[0], feed(batch, views)["x"])
    assert not np.array_equal(seen[0], feed(batch)["x"])
