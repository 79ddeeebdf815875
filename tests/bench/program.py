"""The real command line, timed."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.support import SHARED

SCALE = "0.00390625"


def cortado(*arguments: str) -> tuple[dict[str, Any], float]:
    """Run a command with `--json`; return its report and the seconds that it took."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        begin = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "cortado_cli", *arguments, "--json", str(report), "-q"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        seconds = time.perf_counter() - begin
        return json.loads(report.read_text()), seconds


_MEASURE = """
import resource, subprocess, sys, time
begin = time.perf_counter()
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
seconds = time.perf_counter() - begin
print(seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""
"""Runs a command from a small process: a child's peak begins with the memory of its parent."""


def measured(*arguments: object) -> tuple[dict[str, Any], float, int]:
    """Run a command with `--json`; return its report, its seconds and its peak memory in bytes."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "cortado_cli", *map(str, arguments)]
        done = subprocess.run(
            [sys.executable, "-c", _MEASURE, *command, "--json", str(report), "-q"],
            check=True,
            stdout=subprocess.PIPE,
        )
        seconds, kilobytes = done.stdout.split()
        return json.loads(report.read_text()), float(seconds), 1024 * int(kilobytes)


def import_net(folder: str, weights: str, output: Path) -> None:
    """Import one of the shared Caffe nets."""
    net = SHARED / "caffe" / folder
    subprocess.run(
        [
            sys.executable,
            "-m",
            "cortado_cli",
            "import",
            net / "deploy.prototxt",
            net / weights,
            "--input-scale",
            SCALE,
            "-q",
            "-o",
            output,
        ],
        check=True,
    )
