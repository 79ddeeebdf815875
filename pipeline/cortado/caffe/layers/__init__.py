"""The conversion of each type of layer: one small function a type, one module a family."""

from cortado.caffe.layers import (
    activation,
    combination,
    convolution,
    inner_product,
    normalization,
    pooling,
    reshaping,
    scaling,
)
from cortado.caffe.layers.registry import converter_of

__all__ = [
    "activation",
    "combination",
    "converter_of",
    "convolution",
    "inner_product",
    "normalization",
    "pooling",
    "reshaping",
    "scaling",
]
