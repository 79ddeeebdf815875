"""The stored forms that a file may have, by name."""

from typing import Literal

__all__ = ["Storage"]

Storage = Literal["dense", "sparse"]
