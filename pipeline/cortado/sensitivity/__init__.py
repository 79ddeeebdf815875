"""Sensitivity: what each layer alone can lose, one layer at a time from the original weights.

options    what is swept, and when the measuring of a point may stop
images     what it is measured on
points     the points of a sweep: a layer, what is done to it, how far
cuts       where the graph is cut: the values that live on at each layer
layout     how convolutions compute with channels in blocks
ends       from a cut to the scores, for several weights of its layer at once
fit        how much of all that is in hand at a time
kept       live values that stay in memory for all images
walk       batches through the cut graph: what lies before a layer is computed once
measure    the dense model once, then the points of a wave
tally      scores of a changed model beside those of the dense one → sums → figures
intervals  a confidence interval for them
columns    a row of the table
rows       from sums to rows
table      the CSV file: one row a point; resumed, mended, merged
waves      points that are tried at once, and between which rows are written
curves     the chosen point of a layer, and where its curve lacks points
sweep      the whole of it

A point is one evaluation of the network behind the layer; the values in front of it are shared
by all points of the layer, and of all layers of a wave, batch by batch.
"""

from cortado.scoring.images import Images
from cortado.sensitivity.columns import Row
from cortado.sensitivity.curves import choose
from cortado.sensitivity.options import DEFAULT_BITS, DEFAULT_RATES, Kind, SweepOptions
from cortado.sensitivity.points import changed_weights
from cortado.sensitivity.sweep import sweep
from cortado.sensitivity.table import Curve, Table, encode_rows, merge, read_table
from cortado.stats.intervals import wilson_interval

__all__ = [
    "DEFAULT_BITS",
    "DEFAULT_RATES",
    "Curve",
    "Images",
    "Kind",
    "Row",
    "SweepOptions",
    "Table",
    "changed_weights",
    "choose",
    "encode_rows",
    "merge",
    "read_table",
    "sweep",
    "wilson_interval",
]
