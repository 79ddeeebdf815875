"""The demo page, built and served, in headless Chromium."""

import contextlib
import functools
import http.server
import json
import re
import shutil
import subprocess
import threading

import pytest

from cli.program import done
from web.node import PAGE, need_package, node

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

ONE = [[[0.5, 0.15], [0.5, 0.85]]]
ONE_BY_KEYS = ["Space", *["ArrowDown"] * 10]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Give a LeNet-5 that knows some digits, dense and in the smallest stored form."""
    need_browser()
    folder = tmp_path_factory.mktemp("lenet5")
    names = ("new", "dense", "pruned", "shared", "small")
    new, dense, pruned, shared, small = (folder / f"{name}.onnx" for name in names)
    net = PAGE.parent / "train_val.prototxt"
    done("import", "--init", net, "--input-shape", "64,1,28,28", "-o", new)
    done("retrain", new, "--data", "digits", "--epochs", "10", "-q", "-o", dense)
    done("prune", dense, "--sparsity", "fc1=0.7", "-q", "-o", pruned)
    done("quantize", pruned, "--bits", "4", "-q", "-o", shared)
    done("emit", shared, "-q", "-o", small)
    assert small.stat().st_size < dense.stat().st_size / 9
    return small, dense


@contextlib.contextmanager
def served(small, dense, folder):
    """Build the page in a folder, serve it, and give its address."""
    build = ["npm", "--prefix", PAGE, "run", "--silent", "build", "--", small, dense, folder]
    subprocess.run(build, check=True, timeout=60)
    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def need_browser():
    if CHROMIUM is None:
        pytest.skip("chromium is absent")
    need_package("playwright-core")
    need_package("onnxruntime-web")


def visit(address, *steps):
    """Return what the page says after each step, and at the end."""
    return json.loads(node("drive_page.mjs", CHROMIUM, address, json.dumps(steps)))


@pytest.fixture(scope="module")
def address(files, tmp_path_factory):
    with served(*files, tmp_path_factory.mktemp("page")) as address:
        yield address


@pytest.fixture(scope="module")
def visited(address):
    """Give what the page said to a 1 by mouse, to empty paper, and to a 1 by keyboard."""
    return visit(address, {"strokes": ONE}, {"clear": True}, {"keys": ONE_BY_KEYS})


def test_a_drawn_one_is_recognised(visited):
    drawn, _, typed = visited["answers"]
    for answer in (drawn, typed):
        assert answer["digit"] == "1"
        assert answer["agreement"].startswith("The network as trained says 1, at ")
        (bar,) = answer["best"]
        assert bar.startswith("1")


def test_cleared_paper_has_no_answer(visited):
    cleared = visited["answers"][1]
    assert cleared["digit"] == "–"
    assert cleared["best"] == []


def test_sizes_are_those_of_the_files(visited, files):
    small, dense = (file.stat().st_size for file in files)
    assert visited["small"] == f"{small:,}"
    assert visited["dense"] == f"{dense:,}"
    ratio = re.fullmatch(r"([\d.]+) times smaller", visited["ratio"])
    assert float(ratio[1]) == pytest.approx(dense / small, abs=0.05)


def test_nothing_is_loaded_from_elsewhere(visited, address):
    assert [url for url in visited["requests"] if not url.startswith(address)] == []
    assert visited["errors"] == []


def test_the_page_says_what_does_not_work(files, tmp_path):
    small, dense = files
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(small.read_bytes()[:-1000])
    with served(damaged, dense, tmp_path / "page") as address:
        assert visit(address)["status"].startswith("This does not work here: ")
