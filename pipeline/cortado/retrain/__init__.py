"""Retraining in PyTorch under constraints: zeros stay zero, shared values stay shared.

options           what may be chosen, as frozen dataclasses
rates             the learning rate at each moment
training_batches  shuffled, shifted batches, and their tensors
constraints       what keeps zeros zero and shared values shared
devices           where training runs
gradual           masks that shrink along a schedule
losses            the losses of `cortado.scoring.losses` in PyTorch
teacher           distillation: what a model learns from the outputs of another
objective         what is minimized: the losses, and distillation
totals            the mean loss over many batches
statistics        BatchNorm statistics before and after
caffe_solver      Caffe's solvers in place of an optimizer of PyTorch
schedule          how many steps it takes
loop              the training loop itself
passes            the pass: a model and a task → the same model with other weights
"""

from cortado.retrain.losses import register_loss
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
    "register_loss",
    "retrain",
]
