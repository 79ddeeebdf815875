"""Running `cortado` in a test: in this process, as a real process, and at a terminal."""

import contextlib
import html
import io
import os
import re
import subprocess
import sys
import threading
from dataclasses import dataclass

import numpy as np
import onnx
import pytest

from cortado_cli.main import run

PROGRAM = [sys.executable, "-m", "cortado_cli"]

EVERY_READER = [
    "import -",
    "inspect",
    "evaluate --data digits",
    "sensitivity --data digits --rates 0.95",
    "prune --sparsity 0.95",
    "retrain --data digits --samples 20 --epochs 0",
    "quantize --bits 2",
    "emit",
    "densify",
    "validate",
]
"""Each command that reads a model, with what else it needs."""


@dataclass(frozen=True)
class Result:
    """What a finished command left behind."""

    code: int
    stdout: bytes
    stderr: str


def cortado(*arguments, stdin=b"", terminals=()):
    """Run a command in this process.

    Parameters
    ----------
    arguments : str or Path
        What follows ``cortado`` on the command line.
    stdin : bytes
        What comes through the pipe.
    terminals : sequence of str
        Which of ``stdin``, ``stdout`` and ``stderr`` are terminals; their output is in `stderr`.
    """
    stdout, stderr = io.BytesIO(), io.StringIO()
    streams = {
        "stdin": io.TextIOWrapper(io.BytesIO(stdin)),
        "stdout": io.TextIOWrapper(stdout),
        "stderr": stderr,
    }
    with pytest.MonkeyPatch.context() as patch, terminal() as (device, shown):
        for name, stream in streams.items():
            patch.setattr(sys, name, device if name in terminals else stream)
        patch.setattr(sys, "argv", ["cortado", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit:
            run()
        with contextlib.suppress(ValueError):
            streams["stdout"].flush()
    return Result(exit.value.code, stdout.getvalue(), stderr.getvalue() + "".join(shown))


def commands_of(page):
    """Return what a page says to type, to do again what it shows."""
    (typed,) = re.findall("<pre>(.*?)</pre>", page, re.DOTALL)
    return html.unescape(typed)


@contextlib.contextmanager
def terminal():
    """Give a text stream that is a terminal, and the list that gets what is shown on it."""
    screen, end = os.openpty()
    shown = []

    def watch():
        with contextlib.suppress(OSError):  # the terminal was closed
            while data := os.read(screen, 4096):
                shown.append(data.decode(errors="replace"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    with io.TextIOWrapper(os.fdopen(end, "rb+", buffering=0), write_through=True) as device:
        yield device, shown
    watcher.join()
    os.close(screen)


def shell(script, directory, **environment):
    """Run a script in bash, with `cortado` as a real process."""
    done = subprocess.run(
        ["bash", "-c", f'cortado() {{ "$PYTHON" -m cortado_cli "$@"; }}\n{script}'],
        cwd=directory,
        env={**process_environment(), "PYTHON": sys.executable, **environment},
        capture_output=True,
        timeout=120,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr.decode())


def process_environment():
    """Return what real processes need: the packages, installed or not, and one thread each."""
    path = os.pathsep.join(path for path in sys.path if path)
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def refused(result, code, command, *words):
    """Check that a command wrote nothing but one error line, which has these words."""
    assert result.code == code, result.stderr
    assert result.stdout == b""
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"cortado {command}: error: ")
    for word in words:
        assert word in line
    return True


def done(*arguments, **options):
    """Run a command that must succeed, and return its standard output."""
    result = cortado(*arguments, **options)
    assert result.code == 0, result.stderr
    return result.stdout


def weights(data):
    """Return the dense initializers of an ONNX file with two axes or more, by layer."""
    graph = onnx.load_from_string(data).graph
    arrays = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    return {name.removesuffix(".weight"): array for name, array in arrays.items() if array.ndim > 1}


def zeros(data):
    """Return the fraction of zeros in the weights of each layer."""
    return {name: float(np.mean(array == 0)) for name, array in weights(data).items()}


def same_weights(one, other):
    """Tell whether two ONNX files have the same weights, bit for bit."""
    a, b = weights(one), weights(other)
    return a.keys() == b.keys() and all(a[name].tobytes() == b[name].tobytes() for name in a)
