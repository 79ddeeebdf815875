"""Options for the points that the files of a Caffe net leave open."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["CaffeOptions"]


@dataclass(frozen=True)
class CaffeOptions:
    """How to read a net.

    Attributes
    ----------
    input_shapes : mapping of str to tuple of int
        Blob → shape, batch included, of inputs whose shape the prototxt doesn't state, or whose
        shape should be another. The key ``""`` stands for the only input.
    phase : {"TEST", "TRAIN"}
        The phase that the `include` and `exclude` rules of layers ask about.
    level : int
        The level that they ask about.
    stages : tuple of str
        The stages that they ask about.
    cut_at : tuple of str
        Blobs that become the outputs; what only serves later layers is left out. Empty: the
        blobs that no layer reads.
    detections : {"cut", "decode"}
        Whether a DetectionOutput is left out, its bottoms becoming outputs, or converted.
    read_file : callable or None
        Returns the bytes of a file by the path that a prototxt gives, such as its `mean_file`.
    """

    input_shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    phase: Literal["TEST", "TRAIN"] = "TEST"
    level: int = 0
    stages: tuple[str, ...] = ()
    cut_at: tuple[str, ...] = ()
    detections: Literal["cut", "decode"] = "cut"
    read_file: Callable[[str], bytes] | None = None
