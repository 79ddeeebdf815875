"""Integer kernels: a float32 model → one that onnxruntime runs on small integers, faster.

integer_weights  float32 weights → integers and steps; exact where a layer lies on a uniform grid
products         Gemm and MatMul, in 8 or 4 bits
convolutions     Conv, in 8 bits, with the ranges of its inputs and outputs
calibrate        which ranges those are, on real images
passes           the pass

The graph consists of standard operators, in the shapes that onnxruntime fuses to its kernels. On
x86 without VNNI instructions those kernels add pairs of 8-bit products in 16 bits, which may
saturate: see the notes on quantization in onnxruntime's documentation.
"""

from cortado.integer_kernels.calibrate import calibrate
from cortado.integer_kernels.options import Kernel, KernelOptions, Range
from cortado.integer_kernels.passes import Converted, LayerKernel, to_kernel

__all__ = [
    "Converted",
    "Kernel",
    "KernelOptions",
    "LayerKernel",
    "Range",
    "calibrate",
    "to_kernel",
]
