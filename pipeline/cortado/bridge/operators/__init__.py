"""What PyTorch calls each ONNX operator: one small function an operator, by family.

    convolution      Conv, ConvTranspose            window   their padding, and that of pooling
    pooling          MaxPool, AveragePool, global   matrix   Gemm, MatMul
    normalization    BatchNormalization, LRN, …     activation    Relu, Softmax, Clip, …
    elementwise      arithmetic and comparison      reduction     sums and extremes along axes
    shape            Reshape, Flatten, Dropout, …   indexing      Concat, Slice, Pad, Cast, …
    size_arithmetic  shapes that are computed from shapes

Importing this package fills the registry.
"""

from cortado.bridge.operators import (
    activation,
    convolution,
    elementwise,
    indexing,
    matrix,
    normalization,
    pooling,
    reduction,
    shape,
    size_arithmetic,
)

__all__ = [
    "activation",
    "convolution",
    "elementwise",
    "indexing",
    "matrix",
    "normalization",
    "pooling",
    "reduction",
    "shape",
    "size_arithmetic",
]
