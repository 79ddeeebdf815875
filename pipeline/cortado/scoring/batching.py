"""How samples run together: how many at once, and which axis of each output is theirs.

Some copies of a sample run beside one alone; the axis of an output that grows with them is that of
the samples: the first in most nets, the second of a recogniser that gives (steps, samples,
classes). Where an output has no such axis, as behind NonMaxSuppression, samples run one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from cortado.data import Feed, Samples
from cortado.errors import CortadoError
from cortado.runtime import Session

__all__ = ["Batching", "find_batching"]

_MOST_SAMPLES, _MOST_ELEMENTS = 250, 2**22  # of a batch
_PROBE = 3  # copies of a sample that run together

Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Batching:
    """How samples run together.

    Attributes
    ----------
    size : int
        Samples that run at once.
    axes : dict of str to (int or None)
        Output → the axis of the samples; None where it has none.
    shapes : dict of str to tuple
        Output → the shape of what is scored for one sample, (1, …).
    """

    size: int
    axes: dict[str, int | None]
    shapes: dict[str, Shape]


def find_batching(
    session: Session, feed: Feed, samples: Samples, outputs: Sequence[str]
) -> Batching:
    """Return how samples run together, as the first of them shows.

    Parameters
    ----------
    session : Session
        The model.
    feed : Feed
        How samples enter it.
    samples : Samples
        Any number of them.
    outputs : sequence of str
        The outputs that are scored.
    """
    limit = feed.limit(samples)
    if limit is not None:
        return _of_one_size(outputs, _shapes(session, feed, samples, limit), limit)
    alone = _shapes(session, feed, samples, 1)
    try:
        together = _shapes(session, feed, samples, _PROBE)
    except CortadoError:  # of a net that computes with a batch of one, whatever it declares
        return _of_one_size(outputs, alone, 1)
    axes = {name: _grown(alone[name], together[name]) for name in outputs}
    size = 1 if None in axes.values() else _most_at_once(samples)
    return Batching(size, axes, _of_one(alone, axes))


def _of_one_size(outputs: Sequence[str], shapes: dict[str, Shape], count: int) -> Batching:
    axes = _axes(outputs, shapes, count)
    return Batching(count, axes, _of_one(shapes, axes))


def _of_one(shapes: dict[str, Shape], axes: dict[str, int | None]) -> dict[str, Shape]:
    """Return the shape of each output for one sample, with the axis of the samples first."""
    return {
        name: (1, *(size for at, size in enumerate(shapes[name]) if at != axis))
        for name, axis in axes.items()
    }


def _shapes(session: Session, feed: Feed, samples: Samples, count: int) -> dict[str, Shape]:
    """Return the shapes of the outputs for a number of copies of the first sample."""
    found = session.run(feed(samples.take(np.zeros(count, np.int64))))
    return {name: array.shape for name, array in found.items()}


def _grown(alone: Shape, together: Shape) -> int | None:
    """Return the only axis in which two shapes differ, 1 of the one and `_PROBE` of the other."""
    if len(alone) != len(together):
        return None
    sizes = enumerate(zip(alone, together, strict=True))
    other = [axis for axis, (a, b) in sizes if a != b]
    is_grown = len(other) == 1 and (alone[other[0]], together[other[0]]) == (1, _PROBE)
    return other[0] if is_grown else None


def _axes(outputs: Sequence[str], shapes: dict[str, Shape], count: int) -> dict[str, int | None]:
    """Return the axis of each output that has the size of the batch: the first, or the only one."""
    axes: dict[str, int | None] = {}
    for name in outputs:
        fitting = [axis for axis, size in enumerate(shapes[name]) if size == count]
        is_clear = bool(fitting) and (fitting[0] == 0 or len(fitting) == 1)
        axes[name] = fitting[0] if is_clear else None
    return axes


def _most_at_once(samples: Samples) -> int:
    first = samples.take(np.zeros(1, np.int64)).inputs
    elements = max(1, sum(array.size for array in first.values()))
    return min(max(1, _MOST_ELEMENTS // elements), _MOST_SAMPLES)
