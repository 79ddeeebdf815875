"""The conversion of each type of layer: one small function a type, one module a family."""

from cortado.caffe.layers import (
    activation,
    arithmetic,
    combination,
    constant,
    convolution,
    forks,
    indexing,
    inner_product,
    normalization,
    pooling,
    pyramid,
    recurrent,
    reduction,
    reshaping,
    scaling,
    unfolding,
)
from cortado.caffe.layers.registry import converter_of, in_place_of, is_own, layer

__all__ = [
    "activation",
    "arithmetic",
    "combination",
    "constant",
    "converter_of",
    "convolution",
    "forks",
    "in_place_of",
    "indexing",
    "inner_product",
    "is_own",
    "layer",
    "normalization",
    "pooling",
    "pyramid",
    "recurrent",
    "reduction",
    "reshaping",
    "scaling",
    "unfolding",
]
