"""Processes that torchrun started, as the team of a sweep."""

import atexit
import os
from typing import TYPE_CHECKING, TypeVar

from cortado.errors import CortadoError
from cortado.sensitivity import Alone

if TYPE_CHECKING:
    from cortado.sensitivity import Team

__all__ = ["count_cores", "join_team"]

T = TypeVar("T")


def join_team() -> "Team":
    """Return the processes that torchrun started with this one; without it, this one alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Alone()
    return _Processes()


def count_cores() -> int:
    """Return the cores that this process may use, divided among the processes of this machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, (cores or 1) // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


class _Processes:
    """A process group of torch.distributed; what is gathered goes over gloo."""

    def __init__(self) -> None:
        import torch.distributed as dist  # imports torch

        try:
            dist.init_process_group("gloo")
        except (RuntimeError, ValueError) as error:
            raise CortadoError(f"the processes cannot find each other: {error}") from error
        # its threads abort a process that ends while they still run
        atexit.register(dist.destroy_process_group)
        self.rank: int = dist.get_rank()
        self.size: int = dist.get_world_size()

    def gather(self, mine: T) -> list[T]:
        """Return what each process gave, in the order of their ranks."""
        import torch.distributed as dist

        found: list[T | None] = [None] * self.size
        try:
            dist.all_gather_object(found, mine)
        except RuntimeError as error:
            raise CortadoError("another process of torchrun ended before its work did") from error
        return [part for part in found if part is not None]
