"""How many steps a training takes: of a number of epochs, or of a solver's iterations.

A step takes `iter_size` batches. An epoch is as many whole steps as the training samples give; the
last one ends early where a solver's iterations end within it.
"""

from dataclasses import dataclass

from cortado.data import Samples
from cortado.errors import CortadoError
from cortado.retrain.options import RetrainOptions
from cortado.retrain.training_batches import count_batches

__all__ = ["Schedule"]


@dataclass(frozen=True)
class Schedule:
    """Steps of a training.

    Attributes
    ----------
    per_epoch : int
        Steps an epoch.
    steps : int
        Steps in all.
    batches : int
        Batches a step.
    """

    per_epoch: int
    steps: int
    batches: int = 1

    @classmethod
    def of(cls, samples: Samples, options: RetrainOptions) -> "Schedule":
        """Return the schedule for training samples."""
        batches = 1 if options.solver is None else options.solver.iter_size
        per_epoch = count_batches(samples, options.batch) // batches
        if per_epoch == 0:
            raise CortadoError(
                f"iter_size {batches} of {options.batch} samples needs more than "
                f"{len(samples)} samples"
            )
        whole = options.epochs * per_epoch
        return cls(per_epoch, whole if options.iterations is None else options.iterations, batches)

    @property
    def epochs(self) -> int:
        """Epochs in all; the last one may be shorter."""
        return -(-self.steps // self.per_epoch)

    def steps_in(self, epoch: int) -> int:
        """Return the steps of an epoch, counted from 0."""
        return min(self.per_epoch, self.steps - epoch * self.per_epoch)
