"""What a command refuses: one line that names what is wrong, an exit code, and no output."""

import signal
import subprocess

import numpy as np
import onnx
import pytest

from cli.program import PROGRAM, cortado, done, process_environment, refused

WRITERS = [
    "import",
    "prune --sparsity 0.5",
    "retrain --data digits --epochs 0",
    "quantize",
    "emit",
    "densify",
]
READERS = [
    *WRITERS,
    "inspect",
    "evaluate --data digits",
    "validate",
    "validate --reference {dense}",
]


def writer(command, old):
    return ["-o", old] if command in WRITERS else []


@pytest.mark.parametrize("command", READERS)
def test_a_model_that_is_not_there_is_refused(command, dense, old, tmp_path):
    name, *options = command.format(dense=dense).split()
    result = cortado(name, tmp_path / "no.onnx", *options, *writer(command, old))
    assert refused(result, 1, name, f"cannot read {tmp_path}/no.onnx: No such file")
    result = cortado(name, tmp_path, *options, *writer(command, old))
    assert refused(result, 1, name, f"cannot read {tmp_path}: Is a directory")


@pytest.mark.parametrize("command", READERS)
def test_damaged_models_are_refused(command, dense, old, tmp_path):
    name, *options = command.format(dense=dense).split()
    data, path = dense.read_bytes(), tmp_path / "damaged.onnx"
    for damaged in (b"", data[:1], data[:100], data[: len(data) // 2], b"\xff" * 99, b"layer {}"):
        path.write_bytes(damaged)
        result = cortado(name, path, *options, *writer(command, old))
        assert refused(result, 1, name, f"{path} is ")
        result = cortado(name, "-", *options, *writer(command, old), stdin=damaged)
        assert refused(result, 1, name, "standard input is ")


def test_a_truncated_sparse_model_is_refused(sparse, old):
    data = sparse.read_bytes()
    for size in range(0, len(data) - 400, 97):  # the metadata are at the end
        result = cortado("densify", "-o", old, stdin=data[:size])
        assert refused(result, 1, "densify", "standard input is ")


def test_a_sparse_model_with_wrong_positions_is_refused(sparse, old):
    model = onnx.load(sparse)
    indices = model.graph.sparse_initializer[0].indices
    damaged = onnx.numpy_helper.to_array(indices) + 1_000_000
    indices.CopyFrom(onnx.numpy_helper.from_array(damaged, indices.name))
    result = cortado("densify", "-o", old, stdin=model.SerializeToString())
    assert refused(result, 1, "densify", "standard input")


def test_a_model_without_layers_is_refused(old):
    text = (
        '<ir_version: 8, opset_import: ["": 17]> g (float[N,4] x) => (float[N,4] y) {y = Relu(x)}'
    )
    data = onnx.parser.parse_model(text).SerializeToString()
    for command in ("prune --sparsity 0.5", "quantize --bits 2"):
        name, *options = command.split()
        assert refused(cortado(name, *options, "-o", old, stdin=data), 1, name, "no prunable layer")


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("prune", 2, ["--sparsity", "--quality"]),
        ("prune --sparsity 0.5 --quality 1 --method std", 2, ["--sparsity", "--quality"]),
        ("prune --sparsity 0.5 --cut 0.1", 2, ["--sparsity", "--cut"]),
        ("prune --cut 1", 2, ["--cut"]),
        ("prune --quality 1", 2, ["--quality needs --method std"]),
        ("prune --method std", 2, ["--sparsity", "--quality"]),
        ("prune --quality -1 --method std", 2, ["--quality"]),
        ("prune --sparsity 0.5 --method nix", 2, ["--method", "magnitude"]),
        ("prune --sparsity 0.5 --scope some", 2, ["--scope"]),
        ("prune --sparsity 0.5 --nix", 2, ["--nix"]),
        ("prune --sparsity 0.5 --seed x", 2, ["--seed"]),
        ("prune --sparsity 0.5 second.onnx", 2, ["second.onnx"]),
        ("retrain", 2, ["--data"]),
        ("retrain --data digits --epochs -1", 2, ["--epochs"]),
        ("retrain --data digits --samples 0", 2, ["--samples"]),
        ("retrain --data digits --lr 0", 2, ["--lr"]),
        ("retrain --data digits --lr nan", 2, ["--lr"]),
        ("retrain --data digits --weight-decay inf", 2, ["--weight-decay"]),
        ("retrain --data digits --batch 0", 2, ["--batch"]),
        ("retrain --data digits --schedule gradual", 2, ["--schedule", "--sparsity"]),
        ("retrain --data digits --sparsity 0.5", 2, ["--schedule", "--sparsity"]),
        ("retrain --data digits --head nix", 2, ["--head nix", "prob (10)"]),
        ("retrain --data digits --device toaster", 1, ["--device toaster"]),
        ("retrain --data digits --distill no.onnx", 1, ["cannot read no.onnx"]),
        ("retrain --data digits --lr 1e30 --epochs 2", 1, ["diverged", "--lr"]),
        ("quantize --epochs 1", 2, ["--data", "--epochs"]),
        ("quantize --data digits", 2, ["--data", "--epochs"]),
        ("quantize --init best", 2, ["--init"]),
        ("emit --storage zip", 2, ["--storage", "sparse"]),
    ],
)
def test_senseless_requests_are_refused(command, code, words, dense, old):
    name, *options = command.split()
    assert refused(cortado(name, dense, *options, "-q", "-o", old), code, name, *words)


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("evaluate", 2, ["--data"]),
        ("evaluate --data digits --head nix", 2, ["--head nix", "prob (10)"]),
        ("evaluate --data digits --provider cuda", 1, ["cuda", "cpu"]),
        ("evaluate --data digits --provider toaster", 1, ["no provider toaster", "cpu"]),
        ("evaluate --data digits --split most", 2, ["--split", "val"]),
        ("validate --provider toaster", 1, ["no provider toaster", "cpu"]),
        ("inspect --nix", 2, ["--nix"]),
    ],
)
def test_senseless_questions_are_refused(command, code, words, dense):
    import onnxruntime

    if "cuda" in command and "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this machine has CUDA")
    name, *options = command.split()
    assert refused(cortado(name, dense, *options), code, name, *words)


def test_an_error_of_onnxruntime_without_a_message_is_named(dense, monkeypatch):
    def fail(*arguments, **options):
        raise RuntimeError

    monkeypatch.setattr("onnxruntime.InferenceSession", fail)
    result = cortado("validate", dense)
    assert refused(result, 1, "validate", "onnxruntime refuses the model: RuntimeError")


@pytest.mark.parametrize("provider", ["cpu", "CPU", "CPUExecutionProvider"])
def test_onnxruntime_logs_the_same_under_every_name_of_a_provider(provider, dense, monkeypatch):
    levels = []

    def note(data, options, providers, **others):
        levels.append(options.log_severity_level)
        raise RuntimeError("stop")

    monkeypatch.setattr("onnxruntime.InferenceSession", note)
    assert cortado("validate", dense, "--provider", provider).code == 1
    assert levels == [4]


def test_an_unknown_command_is_wrong_usage():
    result = cortado("nix")
    assert result.code == 2
    assert result.stderr == "cortado: error: No such command 'nix'.\n"


def test_without_head_one_output_must_fit_the_classes(net, dense, tmp_path, old):
    path = tmp_path / "heads.prototxt"
    head = (
        'layer {{ name: "{0}" type: "InnerProduct" bottom: "fc1" top: "{0}" '
        'inner_product_param {{ num_output: {1} weight_filler {{ type: "xavier" }} }} }}'
    )
    path.write_text(net.read_text() + head.format("seven", 7))
    model = done("import", "--init", path)
    chosen = done("evaluate", "--data", "digits", stdin=model)
    named = done("evaluate", "--data", "digits", "--head", "prob", stdin=model)
    assert named.split(b", test split")[0] == chosen.split(b", test split")[0]
    path.write_text(path.read_text().replace("num_output: 10", "num_output: 9"))
    model = done("import", "--init", path)
    words = ["10 scores", "prob (9)", "seven (7)", "--head"]
    for command in (["evaluate"], ["retrain", "-o", old]):
        result = cortado(*command, "--data", "digits", stdin=model)
        assert refused(result, 2, command[0], *words)


def data_error(model, old, *words, **npz):
    """Check that neither evaluation nor training take these data."""
    for command in (["evaluate"], ["retrain", "--epochs", "1", "-o", old]):
        result = cortado(*command, model, "--data", npz["path"])
        assert refused(result, 1, command[0], *words)
    return True


def test_labels_outside_the_classes_are_refused(npz, dense, old):
    path = npz(labels=np.arange(40) % 11)
    assert data_error(dense, old, "label 10", "10 classes of prob", path=path)


def test_numbers_in_place_of_labels_say_nothing_of_several_scores(npz, dense):
    path = npz(labels=np.linspace(0, 9, 40))
    result = cortado("evaluate", dense, "--data", path)
    assert refused(result, 2, "evaluate", "relative-error compares with the dense model")


def test_negative_labels_are_refused(npz, dense, old):
    path = npz(labels=np.full(40, -1))
    assert data_error(dense, old, str(path), "a label is negative", path=path)


@pytest.mark.parametrize("labels", [39, 41])
def test_another_number_of_labels_than_images_is_refused(labels, npz, dense, old):
    path = npz(labels=np.zeros(labels, np.int64))
    assert data_error(dense, old, "40 images", f"{labels} labels", path=path)


@pytest.mark.parametrize("size", [(20, 20), (3, 28, 28), (1, 28, 27), (783,), (784,)])
def test_images_of_another_size_are_refused(size, npz, dense, old):
    assert data_error(dense, old, "the images have the shape", "28×28", path=npz(size))


@pytest.mark.parametrize("size", [(28, 28), (1, 28, 28), (28, 28, 1)])
def test_images_that_fit_are_taken(size, npz, dense):
    done("evaluate", dense, "--data", npz(size))


def test_a_damaged_npz_is_refused(npz, dense, old):
    path = npz()
    path.write_bytes(path.read_bytes()[:500])
    assert data_error(dense, old, str(path), "damaged", path=path)
    np.savez(path, left=np.zeros(3), right=np.zeros(3))
    assert data_error(dense, old, f"{path} holds left, right", path=path)


CALLABLES = """
import os

def raising():
    raise RuntimeError("no such\\nserver")

def leaving():
    raise SystemExit("bye")

def nothing():
    return None

def empty():
    return [], []

def odd():
    return [("x", "y")] * 20, [("x", "y")] * 20

number = 3
"""


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("/no/such/directory", ["/no/such/directory"]),
        ("missing.npz", ["cannot read missing.npz"]),
        ("no_such_module:data", ["no_such_module"]),
        ("cli_callables:missing", ["cli_callables:missing"]),
        ("cli_callables:raising", ["cli_callables:raising", "RuntimeError: no such server"]),
        ("cli_callables:leaving", ["cli_callables:leaving", "SystemExit: bye"]),
        ("cli_callables:nothing", ["cli_callables:nothing", "a part without length or items"]),
        ("cli_callables:empty", ["cli_callables:empty"]),
        ("cli_callables:odd", ["cli_callables:odd: item 0: the input 'data' is <U1, not numbers"]),
        ("cli_callables:number", ["cli_callables:number"]),
        ("cli_broken:data", ["cli_broken:data", "cannot be imported: invalid syntax"]),
        (".", ["--data . is not one of: digits, a .npz"]),
    ],
)
def test_data_that_cannot_be_had_are_refused(spec, words, dense, old, tmp_path, monkeypatch):
    (tmp_path / "cli_callables.py").write_text(CALLABLES)
    (tmp_path / "cli_broken.py").write_text("def data(:")
    monkeypatch.chdir(tmp_path)
    assert data_error(dense, old, *words, path=spec)


def test_a_traceback_is_shown_on_demand_only(tmp_path):
    path = tmp_path / "no.onnx"
    for flags in ([], ["-v"]):
        assert refused(cortado("inspect", path, *flags), 1, "inspect")
    for flags in (["-vv"], ["-v", "-v"], ["--verbose", "-v"], ["-qvv"]):
        result = cortado("inspect", path, *flags)
        *traceback, line = result.stderr.splitlines()
        assert traceback[0] == "Traceback (most recent call last):"
        assert line.startswith(f"cortado inspect: error: cannot read {path}")


def test_a_bug_is_one_line_too(dense, monkeypatch):
    monkeypatch.setattr("cortado.inspect.describe.describe", lambda model: {}["key"])
    result = cortado("inspect", dense)
    assert refused(result, 1, "inspect", "KeyError: 'key'", "a bug", "-vv")


def heed_interrupts():
    """Undo what a shell does to its background jobs: those, and their children, ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_interrupted_training_leaves_the_old_file(dense, old):
    options = ["--data", "digits", "--samples", "100", "--epochs", "1000000", "-o", old]
    with subprocess.Popen(
        [*PROGRAM, "retrain", dense, *options],
        stderr=subprocess.PIPE,
        env={**process_environment(), "PYTHONUNBUFFERED": "1"},
        preexec_fn=heed_interrupts,
    ) as process:
        assert process.stderr.readline().startswith(b"epoch 1: ")
        process.send_signal(signal.SIGINT)
        *_, last = process.stderr.read().decode().splitlines()
    assert last == "cortado retrain: error: interrupted"
    assert process.returncode == 1
