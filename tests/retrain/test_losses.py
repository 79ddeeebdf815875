"""Distillation against its formula, written out."""

import numpy as np
import pytest
import torch

from cortado.data import Feed
from cortado.progress import finish
from cortado.retrain import Distillation, RetrainOptions, retrain
from cortado.retrain.losses import Objective, Teacher
from cortado.task.criteria import Criterion
from cortado.task.metadata import write_transform
from cortado.task.transform import InputTransform
from nets import conv_net, mlp, weight
from retrain.sets import dataset

RNG = np.random.default_rng(0)
LOGITS = RNG.standard_normal((7, 3)) * 3
TARGETS = RNG.standard_normal((7, 3)) * 3
CROSS_ENTROPY = Criterion("y", "SoftmaxWithLoss", "y")
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


@pytest.mark.parametrize(("temperature", "weight"), [(1, 0.5), (4, 0.5), (2.5, 1.0), (4, 0.0)])
def test_the_objective_is_the_formula(temperature, weight):
    feed = Feed("x", (None,), None, InputTransform())
    objective = Objective([CROSS_ENTROPY], Teacher(Fixed(), feed, temperature, weight))
    logits = torch.tensor(LOGITS, requires_grad=True)
    loss = objective([logits], torch.tensor(LABELS), np.zeros((7, 2), np.float32))
    expected = written_out(LOGITS, TARGETS, LABELS, temperature, weight)
    assert loss.item() == pytest.approx(expected, rel=1e-12)


def test_without_a_teacher_it_is_cross_entropy():
    loss = Objective([CROSS_ENTROPY])(
        [torch.tensor(LOGITS)], torch.tensor(LABELS), np.zeros((7, 2))
    )
    assert loss.item() == pytest.approx(written_out(LOGITS, TARGETS, LABELS, 1, 0), rel=1e-12)


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
    steps = retrain(model, data or dataset(40), options, distillation=distillation)
    return finish(steps).model


def scores(model, data):
    pixels = data.test.pixels.reshape(len(data.test), -1)
    hidden = np.maximum(pixels @ weight(model, "fc1.weight").T + weight(model, "fc1.bias"), 0)
    return softmax(hidden @ weight(model, "fc2.weight").T + weight(model, "fc2.bias"))


def test_the_teacher_sees_what_the_student_sees():
    seen = []

    class Watching(torch.nn.Module):
        def forward(self, x):
            seen.append(x)
            return x.flatten(1)[:, :3]

    transform = InputTransform(0.5, crop=4, mirror=True)
    feed = Feed("x", (1, 4, 4), None, transform)
    pixels = RNG.random((7, 1, 6, 6)).astype(np.float32)
    views = transform.draw(pixels, np.random.default_rng(0))
    objective = Objective([CROSS_ENTROPY], Teacher(Watching(), feed, 1.0, 0.5))
    objective([torch.tensor(LOGITS)], torch.tensor(LABELS), pixels, views)
    np.testing.assert_array_equal(seen[0], feed(pixels, views))
    assert not np.array_equal(seen[0], feed(pixels))
