"""Samples → the inputs of a model, by the adapters of its graph inputs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import onnx_ir as ir

from cortado.data.adapters import InputAdapter
from cortado.data.images import ImageForm
from cortado.data.samples import IMAGE, Batch, Samples
from cortado.errors import CortadoError
from cortado.model.typing import Array
from cortado.task.metadata import read_transform
from cortado.task.presets import Plane
from cortado.task.transform import InputTransform, Views

__all__ = ["Feed", "count_samples"]


@dataclass(frozen=True)
class Feed:
    """How to feed one model.

    Attributes
    ----------
    adapters : tuple of InputAdapter
        One for each graph input, in their order.
    """

    adapters: tuple[InputAdapter, ...]

    @classmethod
    def of(cls, model: ir.Model, *, raw: bool = False) -> "Feed":
        """Return the feed of a model.

        The stored transform belongs to the only float input that is no state, or the only one of
        rank 4; the other inputs are fed as they are.

        Parameters
        ----------
        model : onnx_ir.Model
            Any model.
        raw : bool
            Feed all arrays as they are, whatever transform the model stores.
        """
        adapters = [InputAdapter.of(v) for v in model.graph.inputs if not v.is_initializer()]
        pixels = None if raw else _image_input(adapters)
        transform = read_transform(model)
        return cls(tuple(replace(a, transform=transform) if a is pixels else a for a in adapters))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The graph inputs."""
        return tuple(adapter.name for adapter in self.adapters)

    @cached_property
    def required(self) -> list[InputAdapter]:
        """The inputs that samples must have: all but states, or all where there is nothing else."""
        required = [a for a in self.adapters if not a.is_state]
        return required or list(self.adapters)

    @cached_property
    def optional(self) -> list[InputAdapter]:
        """The states, which samples may have."""
        return [a for a in self.adapters if a not in self.required]

    @property
    def batch(self) -> int | None:
        """The only number of samples that the model takes at once, if it takes only one."""
        sizes = {a.batch for a in self.required if a.shape}
        return next((size for size in sizes if size is not None), None)

    @cached_property
    def pixels(self) -> InputAdapter | None:
        """The input that takes pixels, if there is one."""
        return next((a for a in self.adapters if a.transform is not None), None)

    @property
    def transform(self) -> InputTransform:
        """The transform of the pixels; without such an input, the identity."""
        pixels = self.pixels
        return InputTransform() if pixels is None or not pixels.transform else pixels.transform

    @property
    def form(self) -> ImageForm:
        """How images must be decoded."""
        pixels = self.pixels
        if pixels is None or len(pixels.shape) != 4:
            return ImageForm.of(Plane(None, None, None), self.transform)
        channels, height, width = pixels.shape[1:]
        if pixels.channels_last:
            height, width, channels = pixels.shape[1:]
        return ImageForm.of(Plane(channels, height, width), self.transform)

    def __call__(self, batch: Batch, views: Views | None = None) -> dict[str, Array]:
        """Return the graph inputs for samples.

        Parameters
        ----------
        batch : Batch
            Samples; images perhaps seen in `views`.
        views : Views or None
            The parts of the images that are seen in training.

        Raises
        ------
        CortadoError
            If an input is missing, or type or shape of one do not fit.
        """
        sources, count = self.sources(batch.inputs), count_samples(batch)
        return {
            a.name: a(batch.inputs[sources[a.name]], views)
            if a.name in sources
            else a.initial(count)
            for a in self.adapters
        }

    def sources(self, given: Mapping[str, Array]) -> dict[str, str]:
        """Return graph input → name of the array that feeds it; states may be left out.

        An array that is named after no input feeds the only input that is not a state.

        Raises
        ------
        CortadoError
            If another input is missing, or an array belongs to none.
        """
        found = {name: name for name in self.names if name in given}
        strangers = [name for name in given if name not in found]
        wanted = [a for a in self.required if a.name not in found]
        if len(strangers) == 1 and len(wanted) == 1:
            found[wanted[0].name] = strangers[0]
            return found
        if wanted and strangers == [IMAGE] and (pixels := self.pixels) in wanted and pixels:
            found[pixels.name] = IMAGE
            strangers, wanted = [], [a for a in wanted if a is not pixels]
        if wanted:
            names = ", ".join(given) or "nothing"
            raise CortadoError(
                f"the samples lack the input {wanted[0].name} of the model; they have: {names}"
            )
        if strangers:
            names = ", ".join(self.names)
            raise CortadoError(
                f"the samples have {strangers[0]}, and the model takes only: {names}"
            )
        return found

    def invented(self, given: Mapping[str, Array]) -> list[InputAdapter]:
        """Return the states that are not given, which are zeros or ones."""
        sources = self.sources(given)
        return [a for a in self.adapters if a.name not in sources]

    def limit(self, samples: Samples) -> int | None:
        """Return how many samples may run at once; None is any number.

        Samples that bring a batch axis with them run alone.
        """
        return 1 if self.run_alone(samples) else self.batch

    def run_alone(self, samples: Samples) -> bool:
        """Return whether each sample brings a batch axis of its own."""
        first = samples.take(np.zeros(1, np.int64)).inputs
        sources = self.sources(first)
        return any(
            a.runs_alone(first[sources[a.name]])
            for a in self.adapters
            if a.name in sources and a.transform is None
        )

    def any_batch(self) -> "Feed":
        """Return the feed of a model that takes any number of samples at once."""
        opened = [a if a.is_state or not a.shape else a.any_batch() for a in self.adapters]
        return Feed(tuple(opened))


def _image_input(adapters: list[InputAdapter]) -> InputAdapter | None:
    """Return the input that a transform of pixels belongs to."""
    floats = [a for a in adapters if a.dtype.kind == "f" and len(a.shape) > 1 and not a.is_state]
    images = [a for a in floats if len(a.shape) == 4]
    if len(adapters) == 1 and adapters[0].dtype.kind in "fu" and adapters[0].shape:
        return adapters[0]
    if len(images) == 1:
        return images[0]
    return floats[0] if len(floats) == 1 else None


def count_samples(batch: Batch) -> int:
    """Return how many samples a batch holds."""
    return next((len(array) for array in batch.inputs.values() if array.ndim), 1)
