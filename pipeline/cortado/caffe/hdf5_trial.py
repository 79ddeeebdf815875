"""A first reading of HDF5 weights in a process of its own, which damage may end.

HDF5 can't be trusted with damaged files: where a header goes on in itself, say, the library takes
memory until there is none, or the process dies of it. So another process, whose time and memory
are limited, reads the bytes first; only what it came through with is read here.
"""

import os
import subprocess
import sys

from cortado.caffe.hdf5 import most_bytes, read_hdf5
from cortado.errors import CortadoError

__all__ = ["try_hdf5"]

_MEMORY = 2**28  # bytes beyond those of the blobs and of one copy
_SECONDS = 4  # of the processor
_BYTES_A_SECOND = 2**24  # of the file
_REFUSED = 3
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # each has memory of its own


def try_hdf5(data: bytes) -> None:
    """Read a file in another process.

    Raises
    ------
    CortadoError
        If that process refuses the file, or does not survive it.
    """
    done = subprocess.run(
        [sys.executable, "-m", "cortado.caffe.hdf5_trial"],
        input=data,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **_ONE_THREAD, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        check=False,
    )
    if done.returncode == _REFUSED:
        raise CortadoError(done.stdout.decode())
    if done.returncode:
        raise CortadoError("the HDF5 file is damaged: HDF5's library fails on it")


def attempt(data: bytes) -> str:
    """Read a file under limits; return why it is refused, or nothing."""
    if sys.platform != "win32":
        _limit(len(data))
    try:
        read_hdf5(data)
    except CortadoError as error:
        return str(error)
    return ""


def _limit(size: int) -> None:
    """Limit this process to what it may take to read a file of `size` bytes."""
    import resource  # of Unix alone

    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = used.ru_utime + used.ru_stime + _SECONDS + size / _BYTES_A_SECOND
    limits = {
        resource.RLIMIT_DATA: _MEMORY + 2 * most_bytes(size),
        resource.RLIMIT_CPU: int(seconds) + 1,
        resource.RLIMIT_CORE: 0,
    }
    for what, most in limits.items():
        resource.setrlimit(what, (most, resource.getrlimit(what)[1]))


def _main() -> None:
    if reason := attempt(sys.stdin.buffer.read()):
        sys.stdout.buffer.write(reason.encode())
        sys.stdout.flush()
        os._exit(_REFUSED)  # HDF5 may have left its own data such that closing it fails


if __name__ == "__main__":
    _main()
