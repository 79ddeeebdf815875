"""The layers that forks of Caffe added, one module a family; where forks disagree, refused."""

from cortado.caffe.layers.forks import (
    activation,
    combination,
    detections,
    normalization,
    priors,
    rearranging,
    refused,
    regions,
    resizing,
    ristretto,
)

__all__ = [
    "activation",
    "combination",
    "detections",
    "normalization",
    "priors",
    "rearranging",
    "refused",
    "regions",
    "resizing",
    "ristretto",
]
