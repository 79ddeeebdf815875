"""10,000 damaged inputs: no crash, no hang, no more than 1 GB, and never a wrong net.

`python -m tests.bench fuzz` runs many more; `python -m fuzz.worker TARGET N N+1` repeats one.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from fuzz.watch import run_cases

CASES = {
    "prototxt": 2500, "caffemodel": 3800, "onnx": 1500, "external": 500, "datum": 1000, "lmdb": 500,
    "hdf5": 200,
}  # fmt: skip


@pytest.fixture(scope="module")
def results():
    """Return what came of each target; each runs in a process of its own, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        running = {name: pool.submit(run_cases, name, 0, count) for name, count in CASES.items()}
    return {name: future.result() for name, future in running.items()}


def test_there_are_ten_thousand(results):
    assert sum(sum(result.counts.values()) for result in results.values()) == 10_000


@pytest.mark.parametrize("name", CASES)
def test_damaged_inputs_are_refused_or_read_rightly(name, results):
    counts = results[name].counts
    assert results[name].findings == []
    assert counts["refused"] + counts["right"] == CASES[name]
    assert min(counts["refused"], counts["right"]) > CASES[name] / 30
