"""Files of numpy's arrays: ``.npy`` and ``.npz``."""

import io
import zipfile
import zlib

import numpy as np

from cortado import files
from cortado.errors import CortadoError
from cortado.model.typing import Array

__all__ = ["read_arrays"]

# RuntimeError for encryption and unknown compression
_DAMAGED = (
    *(ValueError, OSError, EOFError, RuntimeError, TypeError, AttributeError, MemoryError),
    *(KeyError, zipfile.BadZipFile, zlib.error),
)


def read_arrays(path: str) -> dict[str, Array]:
    """Return the arrays of a file by name; that of a ``.npy`` file is called ``x``.

    Raises
    ------
    CortadoError
        If it is no such file, or is damaged. Pickled objects are damage.
    """
    data = files.read(path)
    try:
        stored = np.load(io.BytesIO(data), allow_pickle=False)
        if isinstance(stored, np.ndarray):
            return {"x": stored}
        with stored:
            return {name: stored[name] for name in stored.files}
    except _DAMAGED as error:
        kind = path.rpartition(".")[2]
        raise CortadoError(f"{path} is not an .{kind} file, or is damaged: {error}") from error
