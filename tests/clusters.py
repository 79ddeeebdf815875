"""What a clustering is judged by."""

import numpy as np


def inertia(values, centroids):
    """Return the sum of squared distances from each value to the nearest centroid."""
    ordered = np.sort(centroids.astype(np.float64))
    wide = values.astype(np.float64)
    nearest = ordered[np.searchsorted((ordered[1:] + ordered[:-1]) / 2, wide)]
    return float(np.square(wide - nearest).sum())
