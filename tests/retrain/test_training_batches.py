"""Batches: every image once, shifted with zeros at the rim."""

import functools
import operator

import numpy as np
import pytest
import torch
from onnx import helper

from cortado.data import Feed, labelled_images
from cortado.data.samples import Batch
from cortado.retrain.training_batches import epoch_batches, shift_images, to_tensors
from cortado.task.metadata import write_transform
from cortado.task.transform import InputTransform
from nets import build, decoded
from samples import seen

PIXELS = np.random.default_rng(0).standard_normal((20, 2, 5, 4)).astype(np.float32)


def rolled(image, down, right):
    """Move an image as np.roll does, but with zeros coming in."""
    moved = np.roll(image, (down, right), axis=(1, 2))
    moved[:, : max(down, 0)] = 0
    moved[:, image.shape[1] + min(down, 0) :] = 0
    moved[:, :, : max(right, 0)] = 0
    moved[:, :, image.shape[2] + min(right, 0) :] = 0
    return moved


@pytest.mark.parametrize("most", [0, 1, 2, 3])
def test_each_image_is_moved_by_up_to_so_many_pixels(most):
    moved = shift_images(PIXELS, most, np.random.default_rng(1))
    moves = []
    for image, result in zip(PIXELS, moved, strict=True):
        fitting = [
            (down, right)
            for down in range(-most, most + 1)
            for right in range(-most, most + 1)
            if np.array_equal(rolled(image, down, right), result)
        ]
        assert len(fitting) == 1
        moves += fitting
    if most:
        assert len(set(moves)) > 4
        assert {np.sign(down) for down, _ in moves} == {np.sign(r) for _, r in moves} == {-1, 0, 1}


def numbered(count):
    return labelled_images(np.arange(count, dtype=np.float32)[:, None], np.arange(count))


def labels_of(count, size, seed=0):
    batches = epoch_batches(numbered(count), size, 0, np.random.default_rng(seed))
    return [seen(batch).labels.tolist() for batch in batches]


@pytest.mark.parametrize(
    ("count", "size", "sizes"), [(10, 5, [5, 5]), (11, 5, [5, 5]), (3, 5, [3]), (5, 5, [5])]
)
def test_batches_are_whole_unless_there_is_only_one(count, size, sizes):
    batches = labels_of(count, size)
    assert [len(batch) for batch in batches] == sizes
    seen = functools.reduce(operator.iadd, batches, [])
    assert len(set(seen)) == len(seen)


def test_the_order_is_random_and_that_of_the_generator():
    assert labels_of(50, 10, 1) == labels_of(50, 10, 1) != labels_of(50, 10, 2)


def test_images_keep_their_labels():
    for batch in epoch_batches(numbered(20), 6, 0, np.random.default_rng(0)):
        pixels, labels = seen(batch)
        np.testing.assert_array_equal(pixels[:, 0], labels)


def test_flat_images_are_not_shifted():
    samples = numbered(6)
    (batch,) = epoch_batches(samples, 6, 2, np.random.default_rng(0))
    pixels, labels = seen(batch)
    np.testing.assert_array_equal(pixels[:, 0], labels)


def relu():
    return helper.make_node("Relu", ["x"], ["y"])


def test_tensors_are_transformed_inputs_of_the_model():
    model = decoded(build([relu()], inputs={"x": ["N", 2, 5, 4]}, outputs={"y": ["N", 2, 5, 4]}))
    write_transform(model, InputTransform(0.5, (1.0,)))
    inputs = Feed.of(model)(Batch({"image": PIXELS}))
    (tensor,) = to_tensors(inputs, torch.device("cpu"))
    np.testing.assert_array_equal(tensor.numpy(), (PIXELS - 1) * np.float32(0.5))
    assert tensor.is_contiguous(memory_format=torch.channels_last)
