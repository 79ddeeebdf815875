"""Coded files on the command line: written, read by every command, proven, and refused."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest

from cli.program import EVERY_READER, cortado, done, refused, same_weights
from storage.coded.decoding import folded
from support import SHARED, needs_shared


@pytest.fixture(scope="module")
def shared(folder, pruned):
    """Give the pruned net with shared weights and biases."""
    path = folder / "shared.onnx"
    done("quantize", pruned, "--bits", "3", "--bias-bits", "3", "-q", "-o", path)
    return path


@pytest.fixture(scope="module")
def coded(folder, shared):
    """Give the same as a file that decodes itself."""
    path = folder / "coded.onnx"
    done("emit", shared, "-q", "-o", path)
    return path


def outputs(path):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    pixels = np.random.default_rng(0).random((3, 1, 28, 28)).astype(np.float32)
    return session.run(None, {"data": pixels})[0]


def test_emit_codes_by_default(shared, coded, tmp_path):
    done("emit", shared, "--storage", "sparse", "-q", "-o", tmp_path / "sparse.onnx")
    assert coded.stat().st_size < (tmp_path / "sparse.onnx").stat().st_size
    assert coded.stat().st_size < shared.stat().st_size / 4


def test_onnxruntime_computes_the_same_and_nothing_of_the_decoder_is_left(shared, coded, tmp_path):
    np.testing.assert_array_equal(outputs(coded), outputs(shared))
    assert folded(coded.read_bytes(), tmp_path) == folded(shared.read_bytes(), tmp_path)


def test_densify_gives_back_what_was_coded(shared, coded):
    dense = onnx.load_from_string(done("densify", coded))
    assert same_weights(dense.SerializeToString(), shared.read_bytes())
    names = [tensor.name for tensor in onnx.load(shared).graph.initializer]
    assert [tensor.name for tensor in dense.graph.initializer] == names
    kept = [(node.name, node.op_type) for node in onnx.load(shared).graph.node]
    assert [(node.name, node.op_type) for node in dense.graph.node] == kept
    assert {entry.key for entry in dense.metadata_props} == {"cortado.input"}
    onnx.checker.check_model(dense, full_check=True)


@pytest.mark.parametrize("command", EVERY_READER)
def test_every_command_reads_coded_files(command, shared, coded):
    name, *options = command.split()
    from_dense = cortado(name, *options, stdin=shared.read_bytes())
    from_coded = cortado(name, *options, stdin=coded.read_bytes())
    assert from_dense.code == from_coded.code == 0, from_coded.stderr
    if name not in ("inspect", "evaluate", "sensitivity", "validate"):
        assert same_weights(done("densify", stdin=from_coded.stdout), from_dense.stdout) or (
            name == "emit" and from_coded.stdout == from_dense.stdout
        )


def test_inspect_and_emit_tell_where_every_byte_is(shared, coded, tmp_path):
    report = tmp_path / "report.json"
    done("inspect", coded, "--json", report)
    found = json.loads(report.read_text())["models"][0]
    done("emit", shared, "-q", "-o", tmp_path / "again.onnx", "--json", report)
    assert found["stored"] == json.loads(report.read_text())
    assert found["file_bytes"] == coded.stat().st_size
    tensors = found["stored"]["tensors"]
    parts = ("position_bytes", "value_bytes", "codebook_bytes")
    for tensor in tensors:
        assert tensor["stored_bytes"] == pytest.approx(sum(tensor[part] for part in parts))
    total = sum(tensor["stored_bytes"] for tensor in tensors) + found["stored"]["graph_bytes"]
    assert total == pytest.approx(coded.stat().st_size)
    stored = {tensor["name"]: tensor["storage"] for tensor in tensors}
    assert stored["fc1.weight"] == stored["fc2.weight"] == "coded"
    assert found["memory_bytes"] == sum(tensor["dense_bytes"] for tensor in tensors)


def test_a_model_that_codes_do_not_make_smaller_is_stored_otherwise(dense, tmp_path):
    found = tmp_path / "report.json"
    done("emit", dense, "-q", "-o", tmp_path / "out.onnx", "--json", found)
    assert "coded" not in {t["storage"] for t in json.loads(found.read_text())["tensors"]}


@pytest.mark.parametrize("command", ["densify", "validate", "inspect", "emit"])
def test_a_changed_decoder_is_refused(command, coded, old):
    model = onnx.load(coded)
    payload = max(model.graph.initializer, key=lambda tensor: tensor.ByteSize())
    payload.raw_data = payload.raw_data[:-1] + bytes([payload.raw_data[-1] ^ 16])
    writer = [] if command in ("validate", "inspect") else ["-o", old]
    result = cortado(command, *writer, stdin=model.SerializeToString())
    assert refused(result, 1, command, "standard input: its coded weights are damaged")


def test_other_weights_than_those_that_were_coded_are_refused(coded, old):
    model = onnx.load(coded)
    (card,) = (entry for entry in model.metadata_props if entry.key == "cortado.coded")
    card.value = card.value[:-1] + ("A" if card.value[-1] != "A" else "E")
    result = cortado("densify", "-o", old, stdin=model.SerializeToString())
    assert refused(result, 1, "densify", "its weights are not those that were coded")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "its card, the metadata cortado.coded, is damaged"),
        ("1 x y z", "damaged"),
        ("1 3 abc", "damaged"),
        ("2 39 abc def", "coded by a newer version of cortado"),
    ],
)
def test_a_damaged_card_is_refused(text, words, coded, old):
    model = onnx.load(coded)
    (card,) = (entry for entry in model.metadata_props if entry.key == "cortado.coded")
    card.value = text
    result = cortado("densify", "-o", old, stdin=model.SerializeToString())
    assert refused(result, 1, "densify", words)


@needs_shared
@pytest.mark.parametrize(
    ("net", "head", "errors", "limit"),
    [("dns-lenet5", "prob", 96, 7500), ("dns-lenet300100", "ip3", 200, 7500)],
)
def test_the_files_of_dynamic_network_surgery(net, head, errors, limit, tmp_path):
    """Its nets, in 4-bit shared values and not retrained, as the reference measured them."""
    source = SHARED / "caffe" / net
    dense = done(
        "import",
        source / "deploy.prototxt",
        source / "sparse.caffemodel",
        "--input-scale",
        "0.00390625",
    )
    shared = done("quantize", "--bits", "4", "-q", stdin=dense)
    path, report = tmp_path / "coded.onnx", tmp_path / "report.json"
    done("emit", "-q", "-o", path, stdin=shared)
    assert path.stat().st_size <= limit
    data = ["--data", SHARED / "mnist", "--head", head]
    done("evaluate", path, *data, "-q", "--json", report)
    found = json.loads(report.read_text())
    assert found["samples"] - found["correct"] == errors
