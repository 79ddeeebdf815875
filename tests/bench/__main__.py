"""Every benchmark, as one table: `python -m tests.bench [NAME]...`.

A benchmark measures what users wait for, on real models and with the real command line; its
figures are compared within one run, as machines are noisy. Needs the shared data beside the
project.
"""

import sys
from collections.abc import Callable, Iterator

from tests.bench import (
    coded,
    compress_lenets,
    drops,
    exports,
    fuzz,
    kernels,
    kmeans,
    large_import,
    masked_step,
    plans,
    published_errors,
    published_nets,
    repair,
    sweeps,
)
from tests.bench.row import Row
from tests.support import SHARED

BENCHMARKS: dict[str, Callable[[], Iterator[Row]]] = {
    "published-errors": published_errors.rows,
    "published-nets": published_nets.rows,
    "large-import": large_import.rows,
    "kmeans": kmeans.rows,
    "kernels": kernels.rows,
    "masked-step": masked_step.rows,
    "repair": repair.rows,
    "compress": compress_lenets.rows,
    "drops": drops.rows,
    "coded": coded.rows,
    "sweeps": sweeps.rows,
    "plans": plans.rows,
    "exports": exports.rows,
    "fuzz": fuzz.rows,
}


def main() -> None:
    if not SHARED.is_dir():
        sys.exit(f"the benchmarks need the shared data, which is absent: {SHARED}")
    names = sys.argv[1:] or list(BENCHMARKS)
    print(f"{'benchmark':<18} {'what':<52} {'found':>22}   must be")
    for name in names:
        for row in BENCHMARKS[name]():
            verdict = "" if row.met else "   MISSED"
            print(f"{name:<18} {row.what:<52} {row.found:>22}   {row.limit}{verdict}", flush=True)


main()
