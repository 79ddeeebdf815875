"""The one module that opens files.

Reading gives complete bytes or an error that names the file. Writing is all or nothing: the
bytes go to a temporary file in the same directory, which then replaces the old file in one
step, so that a full disk or an interrupt leaves what was there before. Tables of long work grow
by whole lines instead, see `append`.
"""

import contextlib
import mmap
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

import onnx
import onnx_ir as ir
from onnx.external_data_helper import load_external_data_for_model

from cortado.errors import CortadoError
from cortado.model.onnx_io import serial
from cortado.model.onnx_io.checks import check_external

__all__ = [
    "append",
    "check_folder",
    "check_writable",
    "exists",
    "find_beside",
    "is_folder",
    "is_special",
    "list_names",
    "map_file",
    "read",
    "read_model",
    "read_text",
    "write",
    "write_folder",
]


def read(path: str) -> bytes:
    """Return the whole content of the file `path`."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise CortadoError(f"cannot read {path}: {error.strerror or error}") from error


def map_file(path: str) -> memoryview:
    """Return the content of the file `path`, of which comes into memory what is touched."""
    try:
        with Path(path).open("rb") as file:
            if not os.fstat(file.fileno()).st_size:  # which can't be mapped
                return memoryview(b"")
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CortadoError(f"cannot read {path}: {reason}") from error


def read_text(path: str) -> str:
    """Return the content of the text file `path`, which must be UTF-8."""
    try:
        return read(path).decode()
    except UnicodeDecodeError as error:
        raise CortadoError(f"{path} is not a text file: byte {error.start} is not UTF-8") from error


def list_names(path: str) -> list[str]:
    """Return the sorted names in the directory `path`; of a file, an empty list."""
    try:
        return sorted(entry.name for entry in Path(path).iterdir())
    except NotADirectoryError:
        return []
    except OSError as error:
        raise CortadoError(f"cannot read {path}: {error.strerror or error}") from error


def find_beside(path: str, document: str) -> str:
    """Return where the file is that `document` names `path`.

    It is looked for from the working directory, as Caffe does, then from the directory of
    `document`, then by its name alone in that directory; if it is nowhere, `path` is returned.
    """
    folder = Path(document).parent
    places = [Path(path), folder / path, folder / Path(path).name]
    return next((str(place) for place in places if place.is_file()), path)


def read_model(path: str) -> ir.Model:
    """Read the ONNX file `path`, with its external data, as `serial.decode` does."""
    proto = serial.parse(read(path), source=path)
    check_external(proto, source=path)
    try:
        load_external_data_for_model(proto, str(Path(path).parent))
    except (OSError, ValueError, RuntimeError, onnx.checker.ValidationError) as error:
        raise CortadoError(f"{path}: its external data cannot be read: {error}") from error
    return serial.from_proto(proto, source=path)


def check_writable(path: str) -> None:
    """Refuse, before any work is done, a path that could not be written at its end."""
    target = Path(path)
    if target.is_dir():
        raise CortadoError(f"cannot write {path}: it is a directory")
    try:
        if not is_special(path):
            with tempfile.TemporaryFile(dir=target.resolve().parent):
                pass
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CortadoError(f"cannot write {path}: no files in {target.parent}") from error
    except (OSError, RuntimeError) as error:  # RuntimeError: symbolic links in a circle
        raise _cannot_write(path, error) from error


def is_folder(path: str) -> bool:
    """Return whether `path` is a directory, or written as one: ``plots/``."""
    return path.endswith("/") or Path(path).is_dir()


def check_folder(path: str) -> None:
    """Refuse, before any work is done, a directory that files could not be written to."""
    folder = Path(path)
    if folder.exists() and not folder.is_dir():
        raise CortadoError(f"cannot write to {path}: it is a file")
    check_writable(str((folder if folder.is_dir() else folder.parent) / "x"))


def write_folder(path: str, contents: Mapping[str, bytes]) -> None:
    """Write files, by their names, to the directory `path`, which is made if need be."""
    try:
        Path(path).mkdir(exist_ok=True)
    except OSError as error:
        raise _cannot_write(path, error) from error
    for name, data in contents.items():
        write(str(Path(path) / name), data)


def write(path: str, data: bytes) -> None:
    """Write `data` to the file `path`, completely or not at all."""
    target = Path(path)
    try:
        if is_special(path):
            target.write_bytes(data)
        else:
            _replace(target.resolve(), data)
    except OSError as error:
        raise _cannot_write(path, error) from error


def append(path: str, data: bytes) -> None:
    """Add `data` to the end of the file `path`, and wait until the disk has it."""
    try:
        with Path(path).open("ab") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise _cannot_write(path, error) from error


def exists(path: str) -> bool:
    """Return whether there is a file `path` with anything in it."""
    try:
        return Path(path).stat().st_size > 0
    except OSError:
        return False


def is_special(path: str) -> bool:
    """Return whether `path` is a device or a named pipe, which can only be written to."""
    try:
        mode = Path(path).stat().st_mode
    except FileNotFoundError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _cannot_write(path: str, error: OSError | RuntimeError) -> CortadoError:
    return CortadoError(f"cannot write {path}: {getattr(error, 'strerror', None) or error}")


def _replace(target: Path, data: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(_mode_of(target))
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _mode_of(target: Path) -> int:
    """Permissions for the new file: those of the old one, else what the umask leaves."""
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        umask = os.umask(0)
        os.umask(umask)
        return 0o666 & ~umask
