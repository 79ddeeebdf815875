"""`cortado import --check`: a table, a report, and exit code 3 where a blob differs."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from cli.program import cortado, done, refused

DATA = Path(__file__).parents[1] / "caffe" / "data"
NET = (DATA / "inner.prototxt", DATA / "inner.caffemodel")
KNOWN = DATA / "inner.npz"


def test_a_table_and_a_report(tmp_path):
    path, report = tmp_path / "net.onnx", tmp_path / "report.json"
    result = cortado("import", *NET, "--check", KNOWN, "-o", path, "--json", report)
    assert result.code == 0
    assert "pool1  pool1" in result.stderr
    assert "overwritten" in result.stderr
    rows = json.loads(report.read_text())["check"]
    assert rows[0] == {
        "blob": "data",
        "layer": "",
        "shape": [2, 3, 6, 6],
        "difference": None,
        "verdict": "input",
    }
    assert rows[1]["layer"] == "relu1"
    assert 0 <= rows[1]["difference"] < 1e-6
    assert path.read_bytes() == done("import", *NET, "-q")  # nothing of it is in the model


def test_the_values_of_an_onnx_file(tmp_path):
    known, path = dict(np.load(KNOWN)), tmp_path / "net.onnx"
    for name in ("norm", "drop", "sum"):  # what became of them an ONNX file does not know
        del known[name]
    np.savez(tmp_path / "known.npz", **known)
    done("import", *NET, "-q", "-o", path)
    done("import", path, "--check", tmp_path / "known.npz", "-q")


def test_a_difference_is_exit_code_3_with_a_report_and_without_a_model(tmp_path, old):
    known, report = dict(np.load(KNOWN)), tmp_path / "report.json"
    known["flat"][0, 0] += 1
    np.savez(tmp_path / "wrong.npz", **known)
    arguments = ("import", *NET, "--check", tmp_path / "wrong.npz", "-o", old, "--json", report)
    assert refused(cortado(*arguments, "-q"), 3, "import", "'flat'", "'tanh'", "the first of 1")
    assert [row["blob"] for row in json.loads(report.read_text())["check"]][1] == "conv1"
    assert cortado(*arguments[:-4], "--check-tolerance", "10", "-o", tmp_path / "x").code == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["is not an .npz file"]),
        (KNOWN.read_bytes()[:-10], ["is not an .npz file"]),
        (b"PK\x03\x04 and no more", ["is not an .npz file"]),
        ({}, ["has no arrays"]),
        ({"data": np.array(["text"])}, ["'data' is not of numbers"]),
        ({"data": np.array([None])}, ["is not an .npz file"]),
        ({"prob": np.zeros((2, 5))}, ["no values of the input 'data'"]),
        ({"data": np.zeros((2, 3, 7, 7), np.float32), "prob": np.zeros(1)}, ["data"]),
    ],
)
def test_arrays_that_say_nothing_are_refused(content, words, tmp_path, old):
    path = tmp_path / "known.npz"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.savez(path, **content)
    result = cortado("import", *NET, "--check", path, "-o", old, "-q")
    assert refused(result, 1, "import", str(path), *words)


def test_an_unknown_name_is_exit_code_3(tmp_path, old):
    known = dict(np.load(KNOWN))
    np.savez(tmp_path / "typed.npz", **known, conv9=known["conv1"])
    result = cortado("import", *NET, "--check", tmp_path / "typed.npz", "-o", old, "-q")
    assert refused(result, 3, "import", "no blob 'conv9'", "near it: conv1")


def test_what_becomes_plain_is_no_unknown_name(tmp_path):
    path = tmp_path / "trained.onnx"
    nodes = [
        onnx.helper.make_node("Dropout", ["x"], ["y", "kept"]),
        onnx.helper.make_node("Relu", ["y"], ["z"]),
    ]
    x, z = (onnx.helper.make_tensor_value_info(name, 1, [2, 3]) for name in "xz")
    graph = onnx.helper.make_graph(nodes, "g", [x], [z])
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.savez(tmp_path / "known.npz", x=values, y=values)
    done("import", path, "--cut-at", "y", "--check", tmp_path / "known.npz", "-q")
    np.savez(tmp_path / "known.npz", x=values, y=values, z=values)
    done("import", path, "--cut-at", "y", "--check", tmp_path / "known.npz", "-q")


def test_a_tolerance_needs_a_check(old):
    result = cortado("import", *NET, "--check-tolerance", "1", "-o", old)
    assert refused(result, 2, "import", "--check-tolerance needs --check")


def test_a_caffemodel_alone(tmp_path):
    done("import", NET[1], "--check", KNOWN, "-q", "-o", tmp_path / "net.onnx")
    result = cortado("import", "--init", NET[1], "-o", tmp_path / "other.onnx")
    assert refused(result, 2, "import", "--init")
    weights = DATA / "shared_params.caffemodel.h5"
    result = cortado("import", weights, "-o", tmp_path / "other.onnx")
    assert refused(result, 1, "import", str(weights), "HDF5 weights store no net")


def test_the_bytes_of_weights_tell_what_they_are(tmp_path):
    (tmp_path / "w.bin").write_bytes(NET[1].read_bytes())
    done("import", NET[0], tmp_path / "w.bin", "--check", KNOWN, "-q")
    (tmp_path / "l.h5").write_bytes((DATA / "shared_params.caffemodel.h5").read_bytes())
    plain = done("import", DATA / "shared_params.prototxt", tmp_path / "l.h5", "-q")
    (tmp_path / "l.bin").write_bytes((tmp_path / "l.h5").read_bytes())
    assert done("import", DATA / "shared_params.prototxt", tmp_path / "l.bin", "-q") == plain
    result = cortado("import", tmp_path / "l.h5", "-o", tmp_path / "other.onnx")
    assert refused(result, 1, "import", "HDF5 weights store no net")


def test_two_files_in_the_wrong_order(tmp_path):
    result = cortado("import", NET[1], NET[0], "-o", tmp_path / "other.onnx")
    assert refused(result, 1, "import", "inner.caffemodel is not a text file")
