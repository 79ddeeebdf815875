"""Where training runs, and how a module is laid out there."""

import torch
from torch import fx

from cortado.errors import CortadoError

__all__ = ["find_device", "place"]


def find_device(name: str) -> torch.device:
    """Return a device of torch; ``auto`` is CUDA where there is one, else the CPU.

    Raises
    ------
    CortadoError
        If this machine does not have it.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        line = str(error).splitlines()[0]
        raise CortadoError(f"--device {name} is not available: {line}") from error
    return device


def place(module: fx.GraphModule, device: torch.device) -> fx.GraphModule:
    """Move a module, its filters with channels last: convolutions are much faster so."""
    for parameter in module.to(device).parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return module
