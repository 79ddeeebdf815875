"""The samples of a sweep: a task, some samples, and their names in the table."""

from dataclasses import dataclass

from cortado.data import Samples
from cortado.scoring.task import Task

__all__ = ["Swept"]


@dataclass(frozen=True)
class Swept:
    """The samples of a sweep, and the task that says how they are scored.

    Attributes
    ----------
    task : Task
        Bound to the dense model, or to one with the same inputs and outputs.
    samples : Samples
        What every point is measured on.
    data : str
        What the table calls the data set.
    split : str
        What the table calls the part of it.
    """

    task: Task
    samples: Samples
    data: str = ""
    split: str = "val"

    @property
    def output(self) -> str:
        """The outputs that are scored, as the table names them."""
        return ", ".join(self.task.names)
