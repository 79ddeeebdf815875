"""A small U-Net that labels each pixel of an image with made-up shapes."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from kinds import running

INPUTS = ("image",)
OUTPUTS = ("mask",)
SIDE = 32
CLASSES = 3
"""Background, discs and rectangles."""


class Block(nn.Sequential):
    """Two convolutions, each with BatchNorm and Relu."""

    def __init__(self, inputs, outputs):
        layers = []
        for channels in (inputs, outputs):
            layers += [nn.Conv2d(channels, outputs, 3, padding=1, bias=False)]
            layers += [nn.BatchNorm2d(outputs), nn.ReLU()]
        super().__init__(*layers)


class UNet(nn.Module):
    """Two steps down and two up, each up beside the features of its size.

    Parameters
    ----------
    channels : int
        The channels of the image.
    width : int
        The channels of the first block.
    upsample : {"transposed", "resize"}
        The way up: a transposed convolution, or a Resize and a pointwise convolution.
    """

    def __init__(self, channels=1, width=8, upsample="transposed"):
        super().__init__()
        self.channels = channels
        self.down1 = Block(channels, width)
        self.down2 = Block(width, 2 * width)
        self.bottom = Block(2 * width, 4 * width)
        self.up2 = _step_up(4 * width, 2 * width, upsample)
        self.join2 = Block(4 * width, 2 * width)
        self.up1 = _step_up(2 * width, width, upsample)
        self.join1 = Block(2 * width, width)
        self.head = nn.Conv2d(width, CLASSES, 1)

    def forward(self, image):
        large = self.down1(image)
        middle = self.down2(F.max_pool2d(large, 2))
        x = self.bottom(F.max_pool2d(middle, 2))
        x = self.join2(torch.cat([self.up2(x), middle], 1))
        x = self.join1(torch.cat([self.up1(x), large], 1))
        return self.head(x)


def make_net(seed=0, channels=1, upsample="transposed"):
    """Return an untrained U-Net."""
    return running.seeded(lambda: UNet(channels, upsample=upsample), seed)


def make_samples(n, seed, channels=1):
    """Return images of one disc and one rectangle each, which differ in nothing but their shape.

    Returns
    -------
    dict
        `image`, float32 of shape (n, channels, 32, 32), and `target`, int64 of shape (n, 32, 32).
    """
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    image = rng.normal(0, 0.2, (n, channels, SIDE, SIDE)).astype(np.float32)
    target = np.zeros((n, SIDE, SIDE), np.int64)
    for index in range(n):
        for kind in rng.permutation([1, 2]):
            row, column = rng.integers(6, SIDE - 6, 2)
            height, width = rng.integers(3, 7, 2)
            if kind == 1:
                inside = (rows - row) ** 2 + (columns - column) ** 2 <= height**2
            else:
                inside = (abs(rows - row) <= height) & (abs(columns - column) <= width)
            target[index, inside] = kind
        brightness = rng.uniform(0.7, 1.3, (channels, 1, 1)).astype(np.float32)
        image[index] += brightness * (target[index] > 0)
    return {"image": image, "target": target}


def train(module, samples, epochs=12):
    """Train a U-Net by cross-entropy over all pixels."""
    image, target = (torch.from_numpy(samples[name]) for name in ("image", "target"))

    def loss_of(indices):
        return F.cross_entropy(module(image[indices]), target[indices])

    return running.fit(module, loss_of, len(image), epochs, batch=16, rate=1e-2)


def export(module, path, exporter):
    """Write a U-Net as an ONNX file with an open batch."""
    axes = {0: "batch"}
    inputs = {"image": (torch.zeros(2, module.channels, SIDE, SIDE), axes)}
    running.export(module, inputs, {"mask": axes}, path, exporter)


def mean_iou(mask, target):
    """Return the mean over classes of intersection over union."""
    labels = mask.argmax(1)
    kinds = range(mask.shape[1])
    shares = [((labels == k) & (target == k)).sum() / _union(labels, target, k) for k in kinds]
    return float(np.mean(shares))


def _union(labels, target, kind):
    return max(((labels == kind) | (target == kind)).sum(), 1)


def _step_up(inputs, outputs, upsample):
    if upsample == "transposed":
        return nn.ConvTranspose2d(inputs, outputs, 2, 2)
    return nn.Sequential(nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(inputs, outputs, 1))
