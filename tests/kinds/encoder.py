"""A BERT-style encoder that gives each token of a sequence a tag.

The tag of a token follows from its group, the group of the token to its left, and its segment:
the net must attend to positions to find it.
"""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from kinds import running

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
OUTPUTS = ("logits",)
VOCABULARY = 20
GROUPS = 3
TAGS = 4
LONGEST = 24
IGNORED = -100
"""The target at padding, as `torch.nn.CrossEntropyLoss` leaves it out."""


class Attention(nn.Module):
    """Self-attention of several heads under an additive mask, in separate operators."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.output = nn.Linear(width, width)

    def forward(self, x, bias):
        batch, seq, width = x.shape
        shape = (batch, seq, self.heads, width // self.heads)
        query = self.query(x).view(shape).transpose(1, 2)
        key = self.key(x).view(shape).permute(0, 2, 3, 1)
        value = self.value(x).view(shape).transpose(1, 2)
        scores = query @ key / math.sqrt(width // self.heads) + bias
        mixed = torch.softmax(scores, -1) @ value
        return self.output(mixed.transpose(1, 2).reshape(batch, seq, width))


class Layer(nn.Module):
    """Attention and two dense layers, each with a residual connection and a LayerNorm behind."""

    def __init__(self, width, heads):
        super().__init__()
        self.attention = Attention(width, heads)
        self.attention_norm = nn.LayerNorm(width)
        self.intermediate = nn.Linear(width, 2 * width)
        self.output = nn.Linear(2 * width, width)
        self.output_norm = nn.LayerNorm(width)

    def forward(self, x, bias):
        x = self.attention_norm(x + self.attention(x, bias))
        return self.output_norm(x + self.output(F.gelu(self.intermediate(x))))


class Encoder(nn.Module):
    """Embeddings of tokens, segments and positions, two layers, and a head of one tag a token."""

    def __init__(self, width=32, heads=2, depth=2):
        super().__init__()
        self.words = nn.Embedding(VOCABULARY, width, padding_idx=0)
        self.segments = nn.Embedding(2, width)
        self.positions = nn.Embedding(LONGEST, width)
        self.norm = nn.LayerNorm(width)
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(depth))
        self.classifier = nn.Linear(width, TAGS)
        self.register_buffer("position_ids", torch.arange(LONGEST)[None], persistent=False)

    def forward(self, input_ids, attention_mask, token_type_ids):
        positions = self.positions(self.position_ids[:, : input_ids.shape[1]])
        x = self.norm(self.words(input_ids) + self.segments(token_type_ids) + positions)
        bias = (1.0 - attention_mask[:, None, None, :].to(x.dtype)) * -10000.0
        for layer in self.layers:
            x = layer(x, bias)
        return self.classifier(x)


def make_net(seed=0):
    """Return an untrained encoder."""
    return running.seeded(Encoder, seed)


def make_samples(n, seed, seq=12):
    """Return sequences of random lengths, padded by zeros to one length.

    Returns
    -------
    dict
        The arrays `input_ids`, `attention_mask`, `token_type_ids` and `target`, all int64 of shape
        (n, seq). The target is -100 at padding.
    """
    rng = np.random.default_rng(seed)
    lengths = rng.integers(max(2, seq // 2), seq + 1, (n, 1))
    places = np.arange(seq)
    mask = (places < lengths).astype(np.int64)
    ids = rng.integers(1, VOCABULARY, (n, seq)) * mask
    segments = (places >= rng.integers(1, lengths, (n, 1))).astype(np.int64) * mask
    groups = ids % GROUPS
    left = np.pad(groups, ((0, 0), (1, 0)))[:, :-1]
    target = np.where(mask, (groups + left + 2 * segments) % TAGS, IGNORED)
    columns = (ids, mask, segments, target)
    return dict(zip((*INPUTS, "target"), columns, strict=True))


def train(module, samples, epochs=15):
    """Train an encoder by cross-entropy over the tokens that are no padding."""
    tensors = {name: torch.from_numpy(array) for name, array in samples.items()}

    def loss_of(indices):
        logits = module(*(tensors[name][indices] for name in INPUTS))
        target = tensors["target"][indices]
        return F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=IGNORED)

    return running.fit(module, loss_of, len(samples["target"]), epochs, rate=4e-3)


def export(module, path, exporter):
    """Write an encoder as an ONNX file with open batch and length."""
    axes = {0: "batch", 1: ("seq", LONGEST)}
    samples = make_samples(3, 0, seq=8)
    inputs = {name: (torch.from_numpy(samples[name]), axes) for name in INPUTS}
    running.export(module, inputs, {"logits": axes}, path, exporter)


def accuracy(logits, target):
    """Return the share of right tags among the tokens that are no padding."""
    known = target != IGNORED
    return float((logits.argmax(-1) == target)[known].mean())
