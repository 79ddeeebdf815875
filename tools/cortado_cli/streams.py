"""Standard input and output: models in, one artifact out, all or nothing."""

import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
import onnx_ir as ir

from cortado import files
from cortado.errors import CortadoError
from cortado.model.onnx_io import serial
from cortado.validate import Candidate
from cortado_cli.options import (
    STREAM,
)

__all__ = [
    "naming",
    "read_candidate",
    "read_input",
    "read_model",
    "write_artifact",
    "write_json",
    "write_model",
    "write_text",
]

_STDIN = "standard input"


@contextmanager
def naming(path: str) -> Iterator[None]:
    """Begin the messages of errors with the file that they are about."""
    try:
        yield
    except CortadoError as error:
        raise type(error)(f"{path}: {error}") from error


def read_input(path: str, what: str) -> tuple[bytes, str]:
    """Read a path, or standard input where it is ``-``; also return what messages call it."""
    if path != STREAM:
        return files.read(path), path
    return _read_stdin(what), _STDIN


def read_model(path: str) -> ir.Model:
    """Read a model from a path, or from standard input where the path is ``-``."""
    if path != STREAM:
        return files.read_model(path)
    return serial.decode(_read_stdin("model"), _STDIN)


def read_candidate(path: str) -> Candidate:
    """Read a file, or standard input, as onnxruntime will load it."""
    if path == STREAM:
        data = _read_stdin("model")
        return Candidate(data, serial.decode(data, _STDIN))
    data = files.read(path)
    if serial.has_external_data(data, path):  # which bytes alone would not find
        model = files.read_model(path)
        return Candidate(serial.encode(model), model)
    return Candidate(data, serial.decode(data, path))


def write_model(path: str, model: ir.Model) -> None:
    """Write a model to a path, or to standard output where the path is ``-``."""
    write_artifact(path, serial.encode(model))


def write_artifact(path: str, data: bytes) -> None:
    """Write bytes to a path, or to standard output where the path is ``-``."""
    if path != STREAM:
        files.write(path, data)
        return
    try:
        _write_all(data)
    except BrokenPipeError as error:
        _abandon_stdout()
        raise CortadoError("the next command in the pipe stopped reading") from error
    except OSError as error:
        _abandon_stdout()
        raise CortadoError(f"cannot write to standard output: {error.strerror}") from error


def write_text(text: str) -> None:
    """Write a report for people to standard output."""
    write_artifact(STREAM, text.encode())


def write_json(path: str | None, output: str | None, report: dict[str, Any]) -> None:
    """Write a report to ``--json PATH``, if one was given; the model must be written before.

    Parameters
    ----------
    path : str or None
        The value of ``--json``.
    output : str or None
        Where the model goes; None for commands that write no model.
    report : dict
        What `json` can write; NaN and infinity, which JSON has not, become null.

    Raises
    ------
    CortadoError
        If the report cannot be written; the message says that the model was.
    """
    if path is None:
        return
    text = json.dumps(_without_nan(report), indent=2, allow_nan=False)
    try:
        write_artifact(path, f"{text}\n".encode())
    except CortadoError as error:
        if output is None:
            raise
        place = "standard output" if output == STREAM else output
        raise CortadoError(f"{error}; the model itself is complete in {place}") from error


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _read_stdin(what: str) -> bytes:
    if sys.stdin is None or sys.stdin.isatty():  # None: it was closed by the shell
        raise click.UsageError(f"no {what}: name a file, or pipe one in")
    return sys.stdin.buffer.read()


def _write_all(data: bytes) -> None:
    """Write every byte, also where standard output is unbuffered and writes only a part."""
    if sys.stdout is None:
        raise CortadoError("standard output is closed")
    view = memoryview(data)
    while view:
        written = sys.stdout.buffer.write(view)
        view = view[written or 0 :]
    sys.stdout.buffer.flush()


def _abandon_stdout() -> None:
    """Keep Python from flushing a broken standard output once more at exit."""
    sys.stdout = None
