"""Shapes as people read them."""

from collections.abc import Iterable

__all__ = ["show_shape"]


def show_shape(shape: Iterable[int | None]) -> str:
    """Return ``20×1×5×5``; a question mark for a size that is left open."""
    return "×".join("?" if size is None else str(size) for size in shape)
