"""Numbers instead of weights, which tell where each value of a blob goes in the model.

An import moves values about: it transposes matrices, aligns slopes, reorders gates. To undo it,
each value is given a number of its own and the net is imported: where a number turns up in an
initializer, there is the value that belongs into the blob. What an import computes with is
given as it is most often, as 1 or 0: see `BlobSpec.folded`.

Constants of layers may be 0 or 1, so that numbers begin at 2.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np

from cortado.errors import CortadoError
from cortado.model.typing import Array

__all__ = ["FIRST", "Numbering"]

FIRST = 2
_LAST = 2**31 - 1


@dataclass
class Numbering:
    """Hands out numbers.

    Attributes
    ----------
    stored : mapping of str to int
        How many blobs a layer should have, for layers that may have more or fewer.
    end : int
        The number after the last that was given.
    """

    stored: Mapping[str, int] = field(default_factory=dict)
    end: int = FIRST

    def take(self, shape: Sequence[int]) -> Array:
        """Return the next numbers, in the shape of a blob."""
        begin, self.end = self.end, self.end + prod(shape)
        if self.end > _LAST:
            raise CortadoError("the net has more weights than a caffemodel can hold")
        return np.arange(begin, self.end, dtype=np.int32).reshape(shape)
