"""Losses, by name: what training minimizes and `evaluate` reports, in numpy.

term      one loss of one output
classes   cross-entropy of labels, positions and pixels; binary cross-entropy
numbers   squared and absolute errors
text      CTC
caffe     Caffe's types
registry  names → functions
choice    what ``--loss`` says
terms     which losses a model has: chosen, remembered, or suggested by its targets

PyTorch's functions of the same names are in `cortado.retrain.losses`.
"""

from cortado.scoring.losses.choice import LossChoice, parse_loss
from cortado.scoring.losses.registry import Total, loss_names, measure, register_loss
from cortado.scoring.losses.term import Term, show_term

__all__ = [
    "LossChoice",
    "Term",
    "Total",
    "loss_names",
    "measure",
    "parse_loss",
    "register_loss",
    "show_term",
]
