"""Node.js in tests: the packages of the demo page, and models run in onnxruntime's for JavaScript.

The packages are those that ``make web-demo`` installs, once, in a folder that git ignores. A
test that needs what cannot be had here is skipped, and says why.
"""

import functools
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest

from cortado.runtime import Runtime

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "models" / "lenet5" / "web"
SCRIPTS = Path(__file__).parent

RUNTIMES = ("onnxruntime-web", "onnxruntime-node")  # WebAssembly, and the machine's own code


def need_node():
    if shutil.which("node") is None:
        pytest.skip("node is absent")


def need_package(name):
    """Skip the test where a package for Node.js is absent and cannot be installed."""
    need_node()
    reason = _install()
    if reason is None and not (PAGE / "node_modules" / name).is_dir():
        reason = f"npm could not install {name}"
    if reason is not None:
        pytest.skip(reason)


@functools.cache
def _install():
    """Install the packages where they are absent or older than their list; return what failed."""
    if shutil.which("npm") is None or shutil.which("make") is None:
        return "npm or make is absent"
    target = PAGE.relative_to(ROOT) / "node_modules" / ".tests-ready"
    without_outer_make = {name: v for name, v in os.environ.items() if not name.startswith("MAKE")}
    try:
        done = subprocess.run(
            ["make", "--silent", str(target)],
            cwd=ROOT,
            env={**without_outer_make, "npm_config_fetch_retries": "0"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "npm took more than five minutes to install the page's packages"
    if done.returncode == 0:
        return None
    said = done.stderr.strip().splitlines() or ["no reason was given"]
    return f"npm could not install the page's packages: {said[0]}"


def node(script, *arguments):
    """Run a script of this folder with the page's packages; return its standard output."""
    command = ["node", str(SCRIPTS / script), str(PAGE), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def evaluate(module, expression, *arguments):
    """Return the value of a JavaScript expression in the names of a module of the page.

    `arguments` are its `args`. All values pass through JSON.
    """
    program = (
        f"import * as page from {json.dumps((PAGE / 'src' / module).as_uri())};\n"
        f"const args = {json.dumps(arguments)};\n"
        f"console.log(JSON.stringify({expression}));"
    )
    command = ["node", "--input-type=module", "-"]
    done = subprocess.run(
        command, input=program, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def run_in_node(model, inputs, runtime):
    """Return every output, by name, of an ONNX file run in Node.js.

    Parameters
    ----------
    model : bytes
        A complete ONNX file whose inputs and outputs are float32.
    inputs : dict of str to array
    runtime : str
        One of `RUNTIMES`; the test is skipped where it cannot be had.
    """
    need_package(runtime)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "model.onnx").write_bytes(model)
        heads = [{"name": name, "shape": array.shape} for name, array in inputs.items()]
        (folder / "inputs.json").write_text(json.dumps(heads))
        for index, array in enumerate(inputs.values()):
            (folder / f"input-{index}.raw").write_bytes(np.asarray(array, np.float32).tobytes())
        node("run_model.mjs", runtime, folder / "model.onnx", folder)
        return {
            head["name"]: np.fromfile(folder / f"output-{index}.raw", np.float32).reshape(
                head["shape"]
            )
            for index, head in enumerate(json.loads((folder / "outputs.json").read_text()))
        }


def compare_in_node(model, inputs, runtime, reference=None, atol=1e-5):
    """Check that an ONNX file gives in Node.js what it gives in Python's onnxruntime.

    Parameters are those of `run_in_node`, and `reference`: the bytes of another file whose
    outputs in Python are expected, such as the dense one.
    """
    found = run_in_node(model, inputs, runtime)
    expected = Runtime().open(model if reference is None else reference).run(inputs)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=0, atol=atol, err_msg=name)
