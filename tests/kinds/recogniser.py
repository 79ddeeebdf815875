"""A text recogniser that reads lines of digits, trained by CTC.

The file carries its alphabet as the files of PaddleOCR do: the metadata entry `character` has one
character a line. Class 0 of the output is the blank of CTC and stands not in that list.
"""

import numpy as np
import onnx
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import nn
from torch.nn import functional as F

from kinds import running

INPUTS = ("x",)
OUTPUTS = ("probabilities",)
ALPHABET = "0123456789"
HEIGHT = 16


class Recogniser(nn.Module):
    """Convolutions that shrink an image to one row, a bidirectional LSTM, and a softmax.

    Parameters
    ----------
    recurrent : bool
        Without it a convolution along the row stands in place of the LSTM.
    width : int
        The channels of the first convolution.
    """

    def __init__(self, recurrent=True, width=16):
        super().__init__()
        self.recurrent = recurrent
        layers = []
        sizes = (1, width, width, 2 * width, 2 * width)
        for inputs, outputs, along in zip(sizes, sizes[1:], (2, 2, 1, 1), strict=False):
            layers += [nn.Conv2d(inputs, outputs, 3, (2, along), 1, bias=False)]
            layers += [nn.BatchNorm2d(outputs), nn.ReLU()]
        self.convolutions = nn.Sequential(*layers)
        if recurrent:
            self.row = nn.LSTM(2 * width, width, bidirectional=True, batch_first=True)
        else:
            self.row = nn.Conv1d(2 * width, 2 * width, 3, padding=1)
        self.classifier = nn.Linear(2 * width, len(ALPHABET) + 1)

    def scores(self, x):
        """Return the scores before the softmax, of shape (batch, steps, classes)."""
        row = self.convolutions(x).squeeze(2)
        if self.recurrent:
            row = self.row(row.transpose(1, 2))[0]
        else:
            row = F.relu(self.row(row)).transpose(1, 2)
        return self.classifier(row)

    def forward(self, x):
        return torch.softmax(self.scores(x), -1)


def make_net(seed=0, recurrent=True):
    """Return an untrained recogniser."""
    return running.seeded(lambda: Recogniser(recurrent), seed)


def make_samples(n, seed, width=48):
    """Return images of digits, black on white, as many as leave each some room in the width.

    Returns
    -------
    dict
        `x`, float32 of shape (n, 1, 16, width) between 0 (paper) and 1 (ink), and `target`, a
        unicode array of shape (n,).
    """
    rng = np.random.default_rng(seed)
    font = ImageFont.load_default(size=13)
    x = np.zeros((n, 1, HEIGHT, width), np.float32)
    texts = []
    for index in range(n):
        text = "".join(rng.choice(list(ALPHABET), rng.integers(2, width // 10 + 1)))
        canvas = Image.new("L", (width, HEIGHT))
        left = rng.uniform(1, width - font.getlength(text) - 1)
        top = rng.uniform(-1, 1)
        ImageDraw.Draw(canvas).text((left, top), text, fill=255, font=font)
        x[index, 0] = np.asarray(canvas, np.float32) / 255
        texts.append(text)
    x += rng.normal(0, 0.05, x.shape).astype(np.float32)
    return {"x": x, "target": np.array(texts)}


def train(module, samples, epochs=20):
    """Train a recogniser by CTC."""
    x = torch.from_numpy(samples["x"])
    lengths = torch.tensor([len(text) for text in samples["target"]])
    codes = torch.zeros(len(x), int(lengths.max()), dtype=torch.long)
    for row, text in zip(codes, samples["target"], strict=True):
        row[: len(text)] = torch.tensor([ALPHABET.index(character) + 1 for character in text])

    def loss_of(indices):
        scores = F.log_softmax(module.scores(x[indices]), -1).transpose(0, 1)
        steps = torch.full((len(indices),), len(scores))
        return F.ctc_loss(scores, codes[indices], steps, lengths[indices])

    return running.fit(module, loss_of, len(x), epochs, batch=16, rate=1e-2)


def export(module, path, exporter):
    """Write a recogniser as an ONNX file with open batch and width, and with its alphabet."""
    inputs = {"x": (torch.zeros(2, 1, HEIGHT, 48), {0: "batch", 3: "width"})}
    outputs = {"probabilities": {0: "batch", 1: "steps"}}
    running.export(module, inputs, outputs, path, exporter)
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {"character": "\n".join(ALPHABET)})
    onnx.save(model, path)


def decode(probabilities, alphabet=ALPHABET):
    """Return the text of each sample by greedy CTC: repeats count once, then blanks go."""
    texts = []
    for classes in probabilities.argmax(-1):
        kept = classes[(classes != 0) & (np.diff(classes, prepend=-1) != 0)]
        texts.append("".join(alphabet[code - 1] for code in kept))
    return texts


def edit_distance(left, right):
    """Return how many insertions, deletions and replacements lead from one text to another."""
    row = list(range(len(right) + 1))
    for i, character in enumerate(left, 1):
        previous, row[0] = row[0], i
        for j, other in enumerate(right, 1):
            change = previous + (character != other)
            previous = row[j]
            row[j] = min(change, row[j] + 1, row[j - 1] + 1)
    return row[-1]


def character_error_rate(texts, targets):
    """Return the edit distances of all texts to their targets, by the characters of the targets."""
    distance = sum(edit_distance(*pair) for pair in zip(texts, targets, strict=True))
    return distance / sum(map(len, targets))
