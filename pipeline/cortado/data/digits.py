"""The embedded default: 1,797 real handwritten digits that scikit-learn carries.

They come from the UCI set "Optical Recognition of Handwritten Digits" as 8×8 images of
0…16; here they are scaled to MNIST's 28×28 and 0…255 by linear interpolation.
"""

import numpy as np

from cortado.data.forms import DataForm
from cortado.data.samples import ArraySamples, labelled_images
from cortado.model.typing import FloatArray

__all__ = ["DIGITS", "load_digits"]

_SIZE = 28


def load_digits() -> ArraySamples:
    """Return the digits as pixels of shape (1797, 1, 28, 28), float32, and labels 0…9."""
    from sklearn import datasets  # 0.5 s to import, and only this source needs it

    digits = datasets.load_digits()
    images = digits.images.astype(np.float32) * np.float32(255 / 16)  # (n, 8, 8)
    enlarge = _interpolation(images.shape[1], _SIZE)  # (28, 8)
    enlarged = enlarge @ images @ enlarge.T  # (n, 28, 28)
    return labelled_images(enlarged[:, None].astype(np.float32), digits.target.astype(np.int64))


def _interpolation(old: int, new: int) -> FloatArray:
    """Return the (new, old) matrix of linear interpolation between centres of pixels."""
    centres = (np.arange(new) + 0.5) * old / new - 0.5
    weights = np.maximum(0, 1 - np.abs(centres[:, None] - np.arange(old)))
    matrix: FloatArray = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return matrix


DIGITS = DataForm("digits", lambda spec: spec == "digits", lambda *_: load_digits())
