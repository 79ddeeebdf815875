"""What a sweep is measured on."""

from dataclasses import dataclass

from cortado.data import Samples

__all__ = ["Images"]


@dataclass(frozen=True)
class Images:
    """Images, and how the scores of a model are read on them.

    Attributes
    ----------
    samples : Samples
        The images.
    classes : int
        The number of classes, to choose the output by.
    head : str or None
        The output that is scored, see `choose_output`.
    data, split : str
        What the table calls them.
    labelled : bool
        Whether the labels count. If not, the choice of the dense model is what is correct:
        the accuracy is how often the changed model agrees with it.
    """

    samples: Samples
    classes: int
    head: str | None = None
    data: str = ""
    split: str = "val"
    labelled: bool = True
