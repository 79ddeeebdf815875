"""Weight sharing: the non-zero weights of a layer take few distinct values; zeros stay zero.

kmeans     one-dimensional k-means, optimal or from given centroids
codebook   the initial centroids of Deep Compression, and codebooks made from them
uniform    the best multiples of one step instead, for integer kernels
passes     the pass: a model and bits → a model whose layers share values
biases     the same for all biases together

Training the shared values is retraining under another constraint: see `cortado.retrain`.
"""

from cortado.quantize.biases import SharedBiases, share_biases
from cortado.quantize.codebook import Init, make_codebook, optimal_codebooks, share_values
from cortado.quantize.kmeans import lloyd, optimal_kmeans
from cortado.quantize.passes import (
    MAX_BITS,
    Grid,
    LayerSharing,
    Quantized,
    QuantizeOptions,
    quantize,
)

__all__ = [
    "MAX_BITS",
    "Grid",
    "Init",
    "LayerSharing",
    "QuantizeOptions",
    "Quantized",
    "SharedBiases",
    "lloyd",
    "make_codebook",
    "optimal_codebooks",
    "optimal_kmeans",
    "quantize",
    "share_biases",
    "share_values",
]
