"""Commands in a chain: real processes in a real shell, and each command on standard input."""

import onnx
import pytest

from cli.program import EVERY_READER, cortado, done, same_weights, shell, weights, zeros

CHAIN = """
set -o pipefail
cortado import --init net.prototxt --input-scale 0.004 | tee 1.onnx \
  | cortado prune --sparsity 0.6 --sparsity 'fc*=0.9' | tee 2.onnx \
  | cortado retrain --data digits --samples 200 --epochs 1 | tee 3.onnx \
  | cortado quantize --bits 3 | tee 4.onnx \
  | cortado emit --storage sparse -o out.onnx
"""


def test_the_stages_chain_in_a_shell(net, tmp_path):
    (tmp_path / "net.prototxt").write_text(net.read_text())
    result = shell(CHAIN, tmp_path)
    assert (result.code, result.stdout) == (0, b""), result.stderr
    stages = [(tmp_path / f"{number}.onnx").read_bytes() for number in (1, 2, 3, 4)]
    assert set(zeros(stages[0]).values()) == {0}
    cut = zeros(stages[1])
    assert cut == pytest.approx({"conv1": 0.6, "fc1": 0.9, "fc2": 0.9}, abs=0.001)
    assert zeros(stages[2]) == zeros(stages[3]) == cut
    assert not same_weights(stages[1], stages[2])
    for array in weights(stages[3]).values():
        assert len(set(array[array != 0].tolist())) == 8
    small = tmp_path / "out.onnx"
    assert small.stat().st_size < len(stages[3])
    done("validate", small, "--reference", tmp_path / "4.onnx", "--atol", "1e-6")


FAILING = """
set -o pipefail
cortado import --init net.prototxt | cortado prune -q --sparsity nix=0.5 \
  | cortado emit -q -o {old}
"""


def test_nothing_is_written_where_a_stage_fails(net, tmp_path, old):
    (tmp_path / "net.prototxt").write_text(net.read_text())
    result = shell(FAILING.format(old=old), tmp_path)
    assert result.code == 1
    lines = sorted(result.stderr.splitlines())
    assert lines == [
        "cortado emit: error: standard input is empty; did the command before it fail?",
        "cortado prune: error: the selector 'nix' matches none of: conv1, fc1, fc2",
    ]


@pytest.mark.parametrize("command", EVERY_READER)
def test_every_command_reads_standard_input_and_sparse_files_too(command, pruned, sparse):
    name, *options = command.split()
    from_dense = cortado(name, *options, stdin=pruned.read_bytes())
    from_sparse = cortado(name, *options, stdin=sparse.read_bytes())
    assert from_dense.code == from_sparse.code == 0, from_sparse.stderr
    assert from_dense.stdout
    if name not in ("inspect", "evaluate", "sensitivity", "emit", "validate"):
        assert same_weights(from_dense.stdout, from_sparse.stdout)
    if "-" not in options:
        assert from_sparse.stdout[:50] == cortado(name, *options, sparse).stdout[:50]


def test_a_dash_is_standard_input_and_output(dense):
    data = dense.read_bytes()
    assert done("densify", "-", "-o", "-", stdin=data) == done("densify", dense)


def test_a_model_may_be_written_over_itself(dense, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(dense.read_bytes())
    path.chmod(0o640)
    done("prune", path, "--sparsity", "0.5", "-o", path)
    assert set(zeros(path.read_bytes()).values()) == {0.5}
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_densify_gives_back_what_emit_stored_bit_for_bit(pruned, sparse):
    assert onnx.load(sparse).graph.sparse_initializer
    assert not onnx.load(pruned).graph.sparse_initializer
    assert sparse.stat().st_size < pruned.stat().st_size / 2
    dense = done("densify", sparse)
    assert not onnx.load_from_string(dense).graph.sparse_initializer
    assert same_weights(dense, pruned.read_bytes())
    assert len(weights(sparse.read_bytes())) < 3  # what is left dense
