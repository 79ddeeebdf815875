"""Damaged inputs by the ten thousand: no crash, no hang, no gigabyte, and never a wrong net.

The first cases are those of the suite. What is found is told on standard error, with the number
of its case; `python -m fuzz.worker TARGET N STOP`, with tests/ on the path, repeats it.
"""

import sys
from collections.abc import Iterator

from tests.bench.row import Row
from tests.fuzz.watch import run_cases

CASES = 50_000
TARGETS = ("prototxt", "caffemodel", "onnx", "external", "datum", "lmdb", "hdf5")


def rows() -> Iterator[Row]:
    for target in TARGETS:
        result = run_cases(target, 0, CASES)
        for finding in result.findings:
            print(finding, file=sys.stderr)
        refused = result.counts["refused"]
        yield Row(
            f"{target}, {CASES:,} damaged, of which {refused:,} refused",
            f"{len(result.findings)} wrong",
            "0",
            not result.findings,
        )
