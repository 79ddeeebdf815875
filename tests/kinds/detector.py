"""A detector with two heads: where the one object of a picture lies, and which shape it has."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from kinds import running

INPUTS = ("image",)
OUTPUTS = ("boxes", "classes")
SIDE = 32
SHAPES = ("rectangle", "disc", "triangle", "cross")


class Detector(nn.Module):
    """Three strided convolutions with BatchNorm, a dense layer, and two heads.

    The output `boxes` has left, top, right and bottom as shares of the side, `classes` one score
    for each shape.
    """

    def __init__(self, width=8):
        super().__init__()
        layers = []
        for inputs, outputs in ((1, width), (width, 2 * width), (2 * width, 4 * width)):
            layers += [nn.Conv2d(inputs, outputs, 3, 2, 1), nn.BatchNorm2d(outputs), nn.ReLU()]
        self.backbone = nn.Sequential(*layers)
        self.neck = nn.Linear(4 * width * (SIDE // 8) ** 2, 64)
        self.boxes = nn.Linear(64, 4)
        self.classes = nn.Linear(64, len(SHAPES))

    def forward(self, image):
        features = F.relu(self.neck(torch.flatten(self.backbone(image), 1)))
        return self.boxes(features), self.classes(features)


def make_net(seed=0):
    """Return an untrained detector."""
    return running.seeded(Detector, seed)


def make_samples(n, seed):
    """Return pictures of one shape each.

    Returns
    -------
    dict
        `image`, float32 of shape (n, 1, 32, 32), and `target`, a dict by the names of the outputs:
        `boxes`, float32 of shape (n, 4), and `classes`, int64 of shape (n,).
    """
    rng = np.random.default_rng(seed)
    image = rng.normal(0, 0.15, (n, 1, SIDE, SIDE)).astype(np.float32)
    classes = rng.integers(0, len(SHAPES), n)
    corners = np.zeros((n, 4), np.float32)
    for index, kind in enumerate(classes):
        height, width = rng.integers(8, 19, 2)
        top, left = rng.integers(0, SIDE - height + 1), rng.integers(0, SIDE - width + 1)
        shape = _drawn(SHAPES[kind], height, width)
        brightness = rng.uniform(0.7, 1.3)
        image[index, 0, top : top + height, left : left + width] += brightness * shape
        corners[index] = left, top, left + width, top + height
    return {"image": image, "target": {"boxes": corners / SIDE, "classes": classes}}


def train(module, samples, epochs=15):
    """Train a detector by the sum of L1 for the boxes and cross-entropy for the classes."""
    image = torch.from_numpy(samples["image"])
    target = {name: torch.from_numpy(array) for name, array in samples["target"].items()}

    def loss_of(indices):
        boxes, classes = module(image[indices])
        place = F.l1_loss(boxes, target["boxes"][indices])
        return 5 * place + F.cross_entropy(classes, target["classes"][indices])

    return running.fit(module, loss_of, len(image), epochs)


def export(module, path, exporter):
    """Write a detector as an ONNX file with an open batch."""
    axes = {0: "batch"}
    inputs = {"image": (torch.zeros(2, 1, SIDE, SIDE), axes)}
    running.export(module, inputs, dict.fromkeys(OUTPUTS, axes), path, exporter)


def mean_error(boxes, target):
    """Return the mean absolute error of the corners, as a share of the side."""
    return float(np.abs(boxes - target).mean())


def accuracy(classes, target):
    """Return the share of pictures whose shape is right."""
    return float((classes.argmax(-1) == target).mean())


def _drawn(shape, height, width):
    """Return a mask of a shape that touches all four sides of its box."""
    y = np.linspace(-1, 1, height)[:, None]
    x = np.linspace(-1, 1, width)[None]
    if shape == "rectangle":
        return np.ones((height, width), bool)
    if shape == "disc":
        return x**2 + y**2 <= 1.05
    if shape == "triangle":
        return abs(x) <= (y + 1) / 2 + 1 / width
    return (abs(x) <= 0.3) | (abs(y) <= 0.3)
