"""Weight sharing: the non-zero weights of a layer take few distinct values; zeros stay zero.

kmeans     one-dimensional k-means, optimal or from given centroids
codebook   the initial centroids of Deep Compression, and the values that a layer shares
passes     the pass: a model and bits → a model whose layers share values

Training the shared values is retraining under another constraint: see `cortado.retrain`.
"""

from cortado.quantize.codebook import Init, find_codebook, make_codebook
from cortado.quantize.kmeans import inertia, lloyd, optimal_kmeans
from cortado.quantize.passes import LayerSharing, QuantizeOptions, Shared, quantize

__all__ = [
    "Init",
    "LayerSharing",
    "QuantizeOptions",
    "Shared",
    "find_codebook",
    "inertia",
    "lloyd",
    "make_codebook",
    "optimal_kmeans",
    "quantize",
]
