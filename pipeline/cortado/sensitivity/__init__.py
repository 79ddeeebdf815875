"""Sensitivity: how far each layer can be pruned or shared on its own, from the original weights.

options   what is swept, and when the measuring of a point may stop
swept     what it is measured on and by
points    the points of a sweep: a layer, what is done to it, how far
runner    cached prefix, batched suffix: how points are measured
tally     what a model scores, sample by sample, beside what the dense model gives
columns   a row of the table
rows      from what was measured to rows
table     the CSV file: one row a point; resumed, mended, merged
waves     points that are tried at once, and between which rows are written
curves    the chosen point of a layer, and where its curve lacks points
sweep     the whole of it

A point is one evaluation of the network behind the layer; the values in front of it are shared
by all points of the layer, and of all layers of a wave, batch by batch.
"""

from cortado.sensitivity.columns import Row
from cortado.sensitivity.curves import choose
from cortado.sensitivity.options import SweepOptions
from cortado.sensitivity.sweep import sweep
from cortado.sensitivity.swept import Swept
from cortado.sensitivity.table import Curve, Table, encode_rows, merge, read_table, tell_unreached

__all__ = [
    "Curve",
    "Row",
    "SweepOptions",
    "Swept",
    "Table",
    "choose",
    "encode_rows",
    "merge",
    "read_table",
    "sweep",
    "tell_unreached",
]
