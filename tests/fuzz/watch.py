"""Runs the cases of a target in a process of its own, so that a crash or a hang is a finding too."""

import json
import os
import select
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

SECONDS = 5
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


def run_cases(target: str, first: int, stop: int, seconds: float = SECONDS) -> Result:
    """Return the judgement of the cases `first` to `stop` of a target."""
    result = Result()
    while first < stop:
        for finding in _run_process(target, first, stop, seconds):
            result.add(finding)
            first = finding.number + 1
    return result


def _run_process(target: str, first: int, stop: int, seconds: float):
    """Yield what a worker says of each case, until it is through, hangs or dies."""
    command = [sys.executable, "-m", "fuzz.worker", target, str(first), str(stop)]
    path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"},
    )
    begun, patience = first, 60.0  # to import everything
    buffer = b""
    try:
        while True:
            ready, _, _ = select.select([process.stdout], [], [], patience)
            if not ready:
                yield Finding(target, begun, "hang", f"more than {patience} s")
                return
            data = os.read(process.stdout.fileno(), 2**16)
            if not data:
                break
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                number, _, verdict = line.decode().partition(" ")
                begun, patience = int(number), seconds
                if verdict:
                    yield Finding(target, begun, *json.loads(verdict))
        code = process.wait()
        if code:
            yield Finding(target, begun, "crash", f"exit code {code}")
    finally:
        process.kill()
        process.wait()
