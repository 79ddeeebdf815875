"""Repair: least squares on the weights that are left, with neither labels nor training.

reference    the dense model must be the same graph
regression   a layer as rows of inputs and outputs
products     the rows of a product
patches      the rows of a convolution: what its positions see
spread       the rows of a transposed convolution
moments      all that least squares need to know of the rows
solve        free weights, on what is left of them
shared       shared values, and the step of a uniform grid
fit          one layer, with its bias
distance     how far values are from the reference's
judged       the values that tell how good a model is
work         both models at work, layer by layer
passes       the pass

Bias correction alone, which matches the mean of each output, makes pruned nets worse; here the bias
is fitted together with the weights.
"""

from cortado.repair.options import RepairOptions
from cortado.repair.passes import Repaired, Step, repair

__all__ = ["RepairOptions", "Repaired", "Step", "repair"]
