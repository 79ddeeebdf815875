"""The requirements of a model: how images are decoded, and the names of inputs and outputs."""

from dataclasses import dataclass

import onnx_ir as ir

from cortado.data.feed import Feed
from cortado.data.images import ImageForm
from cortado.data.samples import TARGET

__all__ = ["Signature"]


@dataclass(frozen=True)
class Signature:
    """The names that a source may give its arrays, and the form of image files.

    Attributes
    ----------
    form : ImageForm
        What image files are decoded to.
    inputs : tuple of str
        The inputs that samples must have.
    states : tuple of str
        The inputs that they may have.
    outputs : tuple of str
        The outputs, after which targets may be named.
    varying : bool
        Whether samples may differ in shape.
    """

    form: ImageForm = ImageForm()
    inputs: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    varying: bool = False

    @classmethod
    def of(cls, model: ir.Model, *, raw: bool = False) -> "Signature":
        """Return what a model wants."""
        feed = Feed.of(model, raw=raw)
        return cls(
            feed.form,
            tuple(a.name for a in feed.required),
            tuple(a.name for a in feed.optional),
            tuple(str(value.name) for value in model.graph.outputs),
            any(size is None for a in feed.adapters for size in a.shape[1:]),
        )

    def is_input(self, name: str) -> bool:
        """Return whether a name is one of the model's inputs."""
        return name in self.inputs or name in self.states

    def is_target(self, name: str) -> bool:
        """Return whether a name is `TARGET`, or one of the model's outputs."""
        return name == TARGET or name in self.outputs
