"""What a step of masked retraining costs, beside the plain PyTorch loop of the same net.

Both train in turns on the same bytes of MNIST, in random order, with the same optimizer and the
same memory layout. The plain loop is what one writes by hand: take a batch, scale it, forward
through layers of `torch.nn`, backward, step.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from cortado import files
from cortado.data import IMAGE, TARGET, Dataset, Signature, open_data, subset
from cortado.model.layers.selector import ALL, Assignment
from cortado.progress import finish
from cortado.prune import prune
from cortado.retrain import RetrainOptions
from cortado.retrain.loop import Loop
from cortado.retrain.passes import prepare
from cortado.scoring.bind import bind
from tests.bench.program import import_net
from tests.bench.row import Row
from tests.support import SHARED

BATCH = 64
STEPS = 200  # an epoch begins and ends once
ROUNDS = 15  # others use the machine too


def rows() -> Iterator[Row]:
    yield _compare("lenet5", "lenet_iter_10000.caffemodel", _lenet5)
    yield _compare("dns-lenet300100", "original.caffemodel", _lenet300100)


def _compare(folder: str, weights: str, make: Callable[[], nn.Module]) -> Row:
    loop = _masked_loop(folder, weights)
    data = loop.task.data
    samples = subset(data.train, BATCH * STEPS)
    plain = make().to(memory_format=torch.channels_last)
    ratios = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        finish(loop.epoch(samples, 0, np.random.default_rng(0)))
        masked_seconds = time.perf_counter() - begin
        ratios.append(masked_seconds / _plain_seconds(plain, data))
    ratio = float(np.median(ratios[1:]))
    return Row(
        f"masked step of {folder}, beside a plain one", f"{ratio:.3f}", "≤ 1.10", ratio <= 1.1
    )


def _masked_loop(folder: str, weights: str) -> Loop:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "model.onnx"
        import_net(folder, weights, path)
        model = prune(files.read_model(str(path)), [Assignment(ALL, 0.9)]).model
    data = open_data(str(SHARED / "mnist"), Signature.of(model))
    task = bind(model, data)
    return prepare(model, task, RetrainOptions(batch=BATCH, epochs=1, device="cpu"))


def _plain_seconds(module: nn.Module, data: Dataset) -> float:
    batch = data.train.take(np.arange(BATCH * STEPS))
    assert batch.targets is not None
    images = torch.from_numpy(batch.inputs[IMAGE].astype(np.uint8))
    targets = torch.from_numpy(batch.targets[TARGET])
    order = torch.randperm(len(images))
    optimizer = torch.optim.Adam(module.parameters(), 0.001, fused=True)
    begin = time.perf_counter()
    for chosen in order.split(BATCH):
        inputs = (images[chosen].float() / 256).to(memory_format=torch.channels_last)
        optimizer.zero_grad()
        F.cross_entropy(module(inputs), targets[chosen]).backward()
        optimizer.step()
    return time.perf_counter() - begin


def _lenet5() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 20, 5),
        nn.MaxPool2d(2),
        nn.Conv2d(20, 50, 5),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(800, 500),
        nn.ReLU(),
        nn.Linear(500, 10),
    )


def _lenet300100() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 300),
        nn.ReLU(),
        nn.Linear(300, 100),
        nn.ReLU(),
        nn.Linear(100, 10),
    )
