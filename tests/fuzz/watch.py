"""Runs the cases of a target in a process of its own: a crash or a hang is a finding too."""

import json
import os
import select
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SECONDS = 5
START_SECONDS = 60  # to import everything, and to make the seeds
PATIENCE = 20  # seconds of the clock for each of the processor
TESTS = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Finding:
    """A case whose input was neither refused nor read rightly."""

    target: str
    number: int
    verdict: str
    detail: str

    def __str__(self) -> str:
        return f"{self.target} {self.number}: {self.verdict}: {self.detail}"


@dataclass
class Result:
    """What came of all cases."""

    counts: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    def add(self, finding: Finding) -> None:
        self.counts[finding.verdict] += 1
        if finding.verdict not in ("right", "refused"):
            self.findings.append(finding)


def run_cases(target: str, first: int, stop: int) -> Result:
    """Return the judgement of the cases `first` to `stop` of a target."""
    result = Result()
    while first < stop:
        for finding in _run_process(target, first, stop):
            result.add(finding)
            first = finding.number + 1
    return result


def _run_process(target: str, first: int, stop: int) -> Iterator[Finding]:
    """Yield what a worker says of each case, until it is through, hangs or dies."""
    path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, "-m", "fuzz.worker", target, str(first), str(stop)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path},
    )
    watch = _Watch(process, first)
    try:
        for line in watch.lines():
            number, _, verdict = line.partition(" ")
            watch.begin(int(number))
            if verdict:
                yield Finding(target, watch.number, *json.loads(verdict))
        if process.poll() is None:
            yield Finding(target, watch.number, "hang", f"more than {SECONDS} s")
        elif process.returncode:
            yield Finding(target, watch.number, "crash", f"exit code {process.returncode}")
    finally:
        process.kill()
        process.wait()


class _Watch:
    """Looks how long a process works on one case.

    What counts is the time of the processor, since others may use the machine too; only a process
    that does nothing is given up by the clock.
    """

    def __init__(self, process: subprocess.Popen[bytes], number: int) -> None:
        self._process = process
        self._limits = (START_SECONDS, START_SECONDS * PATIENCE)
        self.begin(number)

    def begin(self, number: int) -> None:
        self.number = number
        self._begun = self._seconds(), time.monotonic()

    def lines(self) -> Iterator[str]:
        """Yield the lines that the process writes, until it ends or takes too long."""
        output = self._process.stdout
        assert output is not None
        buffer = b""
        while not self._is_late():
            ready, _, _ = select.select([output], [], [], 0.5)
            if not ready:
                continue
            data = os.read(output.fileno(), 2**16)
            if not data:
                self._process.wait()
                return
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                self._limits = (SECONDS, SECONDS * PATIENCE)
                yield line.decode()

    def _is_late(self) -> bool:
        worked, passed = self._seconds() - self._begun[0], time.monotonic() - self._begun[1]
        return worked > self._limits[0] or passed > self._limits[1]

    def _seconds(self) -> float:
        """Return the seconds that the process has worked."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
