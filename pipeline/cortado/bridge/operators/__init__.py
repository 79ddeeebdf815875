"""ONNX operators in PyTorch: one small function for each operator, by family.

    convolution      Conv, ConvTranspose            window   their padding, and that of pooling
    pooling          MaxPool, AveragePool, global   matrix   Gemm, MatMul
    normalization    BatchNormalization, LRN, …     activation    Relu, Softmax, Clip, …
    elementwise      arithmetic and comparison      reduction     sums and extremes along axes
    shape            Reshape, Flatten, Dropout, …   indexing      Concat, Slice, Pad, Cast, …
    selection        TopK, Scatter, OneHot, …       resize        Resize, Upsample
    attention        Attention, RotaryEmbedding     recurrent     LSTM, GRU, RNN
    quantization     QuantizeLinear and back        generation    Range, ConstantOfShape, …
    size_arithmetic  shapes that are computed from shapes

Importing this package fills the registry.
"""

from cortado.bridge.operators import (
    activation,
    attention,
    convolution,
    elementwise,
    generation,
    indexing,
    matrix,
    normalization,
    pooling,
    quantization,
    recurrent,
    reduction,
    resize,
    selection,
    shape,
    size_arithmetic,
)

__all__ = [
    "activation",
    "attention",
    "convolution",
    "elementwise",
    "generation",
    "indexing",
    "matrix",
    "normalization",
    "pooling",
    "quantization",
    "recurrent",
    "reduction",
    "resize",
    "selection",
    "shape",
    "size_arithmetic",
]
