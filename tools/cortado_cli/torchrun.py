"""The environment of torchrun: the number of processes, here and in all."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cortado.distributed import Group

__all__ = ["count_cores", "join_group"]


def join_group() -> "Group":
    """Return the processes that torchrun started with this one; without it, this one alone."""
    from cortado.distributed import Group

    return Group() if int(os.environ.get("WORLD_SIZE", "1")) == 1 else Group.join()


def count_cores() -> int:
    """Return the cores that this process may use, divided among the processes of this machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, (cores or 1) // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
