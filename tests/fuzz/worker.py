"""Runs cases one by one and says on standard output what came of each; `watch` reads it.

python -m fuzz.worker TARGET FIRST STOP
"""

import json
import resource
import sys
import traceback
from pathlib import Path

from cortado.errors import CortadoError
from fuzz.cases import TARGETS

GIGABYTE = 2**30
PAGE = resource.getpagesize()


def main(name: str, first: int, stop: int) -> None:
    target = TARGETS[name]
    for number in range(first, stop):
        print(number, flush=True)
        limit_memory(GIGABYTE)
        print(number, json.dumps(judge(target, number)), flush=True)


def limit_memory(more: int) -> None:
    """Let this process take so much memory more than it has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * PAGE + more, resource.RLIM_INFINITY))


def judge(target, number: int) -> list[str]:
    """Return the verdict on a case and what there is to say of it."""
    try:
        target.judge(target.make(number))
        return ["right", ""]
    except CortadoError as error:
        return refusal(error)
    except AssertionError as error:
        return ["wrong", str(error)[:2000]]
    except Exception as error:
        return ["bug" if not out_of_memory(error) else "memory", traceback.format_exc()[-2000:]]


def refusal(error: CortadoError) -> list[str]:
    text = str(error)
    if out_of_memory(error):
        return ["memory", text]
    if len(text.splitlines()) != 1 or len(text) > 1000 or not text.isprintable():
        return ["unclear", text[:2000]]
    return ["refused", text]


def out_of_memory(error: BaseException | None) -> bool:
    """Tell whether an error, or one behind it, is that memory ran out."""
    while error is not None:
        text = str(error).replace("end of allocation", "end")  # HDF5's word for the end of a file
        if isinstance(error, MemoryError) or "alloc" in text:
            return True
        error = error.__cause__ or error.__context__
    return False


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
