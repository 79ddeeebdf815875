"""Several processes that divide a work.

Every process goes through the same inputs in the same order and computes its share of the results;
what they found is gathered, so that all of them know everything. A result does not depend on which
process computes it.
"""

import atexit
from dataclasses import dataclass
from typing import TypeVar

from cortado.errors import CortadoError

__all__ = ["Group"]

T = TypeVar("T")


@dataclass(frozen=True)
class Group:
    """The processes that divide a work; by default this one alone.

    Attributes
    ----------
    rank : int
        The number of this process, from 0.
    size : int
        The number of processes.
    """

    rank: int = 0
    size: int = 1

    @classmethod
    def join(cls) -> "Group":
        """Return the processes that torchrun started with this one, once each has joined.

        They are a process group of torch.distributed over gloo, which finds its address, rank and
        size in the environment.

        Raises
        ------
        CortadoError
            If the processes cannot find each other.
        """
        import torch.distributed as dist  # slow to import, and of no use to one process

        try:
            dist.init_process_group("gloo")
        except (RuntimeError, ValueError) as error:
            raise CortadoError(f"the processes cannot find each other: {error}") from error
        # its threads abort a process that ends while they still run
        atexit.register(dist.destroy_process_group)
        return cls(dist.get_rank(), dist.get_world_size())

    def gather(self, mine: T) -> list[T]:
        """Return what each process gave, in the order of their ranks.

        Raises
        ------
        CortadoError
            If another process has ended.
        """
        if self.size == 1:
            return [mine]
        import torch.distributed as dist

        found = [mine] * self.size
        try:
            dist.all_gather_object(found, mine)
        except RuntimeError as error:
            raise CortadoError("another process of torchrun ended before its work did") from error
        return found
