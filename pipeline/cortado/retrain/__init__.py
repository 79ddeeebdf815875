"""Retraining in PyTorch under constraints: zeros stay zero, shared values stay shared.

options       what may be chosen, as frozen dataclasses
rates         the learning rate at each moment
batches       shuffled, shifted, transformed batches as tensors
constraints   what keeps zeros zero and shared values shared
devices       where training runs
gradual       masks that shrink along a schedule
heads         which losses train a model
losses        what they are, and distillation from a teacher
caffe_solver  Caffe's solvers in place of an optimizer of PyTorch
plan          how many steps it takes
loop          the training loop itself
passes        the pass: a model and data → the same model with other weights
"""

from cortado.retrain.options import Distillation, Gradual, Optimizer, Rate, RetrainOptions
from cortado.retrain.passes import Epoch, Retrained, retrain

__all__ = [
    "Distillation",
    "Epoch",
    "Gradual",
    "Optimizer",
    "Rate",
    "RetrainOptions",
    "Retrained",
    "retrain",
]
