"""What is said beside the artifact: messages, and progress bars at terminals."""

import re

import pytest

from cli.program import cortado, done, refused, terminal
from cortado_cli.talk import format_table

RETRAIN = ["retrain", "--data", "digits", "--samples", "20", "--epochs", "1", "-o", "/dev/null"]
COMMANDS = [
    "import",
    "inspect",
    "evaluate --data digits",
    "prune --sparsity 0.5",
    "quantize --bits 2",
    "emit",
    "densify",
    "validate",
    "retrain --data digits --samples 20 --epochs 1",
]


@pytest.mark.parametrize("terminals", [[], ["stderr"]], ids=["file", "terminal"])
@pytest.mark.parametrize("command", COMMANDS)
def test_quiet_commands_say_nothing_but_keep_their_result(command, terminals, dense):
    result = cortado(*command.split(), dense, "-q", terminals=terminals)
    assert (result.code, result.stderr) == (0, "")
    assert result.stdout


def test_quiet_commands_still_complain(tmp_path):
    result = cortado("inspect", tmp_path / "no.onnx", "-q")
    assert result.code == 1
    assert result.stderr == f"cortado inspect: error: cannot read {tmp_path}/no.onnx: " + (
        "No such file or directory\n"
    )


@pytest.mark.parametrize("command", ["prune --sparsity 0.5", "quantize --bits 2", "emit"])
def test_tables_of_writers_go_to_standard_error(command, dense):
    result = cortado(*command.split(), dense)
    for layer in ("conv1", "fc1", "fc2"):
        assert layer in result.stderr


def test_progress_is_drawn_at_a_terminal(dense):
    result = cortado(*RETRAIN, dense, terminals=["stderr"])
    assert result.code == 0
    assert "epoch 1/1" in result.stderr
    assert "━" in result.stderr
    assert "epoch 1: training loss" in result.stderr


@pytest.mark.parametrize("variable", ["FORCE_COLOR", "TTY_COMPATIBLE"])
def test_progress_is_not_drawn_elsewhere(variable, dense, monkeypatch):
    monkeypatch.setenv(variable, "1")
    result = cortado(*RETRAIN, dense)
    (line,) = result.stderr.splitlines()
    assert line.startswith("epoch 1: training loss")


def test_verbose_commands_say_more(dense, pruned):
    said = {flag: cortado("inspect", pruned, *flag.split()).stderr for flag in ("", "-v")}
    assert said[""] == ""
    lines = [line.removeprefix(f"{pruned}: ") for line in said["-v"].splitlines()]
    assert lines == [
        "import --init --input-scale 0.004",
        "retrain --data digits --epochs 4 --lr 0.02",
        "prune --sparsity 0.9",
    ]


def test_names_are_not_cut_off_in_a_pipe(net, tmp_path):
    name = "a/rather/deep/" * 12 + "layer"
    path, model = tmp_path / "long.prototxt", tmp_path / "long.onnx"
    path.write_text(net.read_text().replace('name: "fc1"', f'name: "{name}"'))
    done("import", "--init", path, "-o", model)
    assert name in done("inspect", model).decode()


def test_a_table_at_a_terminal_fits_it(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    with terminal() as (device, _):
        text = format_table(["layer", "x"], [["name" * 20, "1"]], device)
    assert max(map(len, re.sub("\x1b[^m]*m", "", text).splitlines())) == 40


def test_several_models_are_told_apart(dense, pruned):
    text = done("inspect", dense, pruned).decode()
    assert text.splitlines()[0] == str(dense)
    assert f"\n\n{pruned}\n" in text
    assert "not prunable" not in text


def test_models_are_drawn_into_a_file(dense, pruned, tmp_path):
    path = tmp_path / "overview.png"
    text = done("inspect", dense, pruned, "--plot", path)
    assert path.read_bytes().startswith(b"\x89PNG\r\n")
    assert text == done("inspect", dense, pruned)
    for place, code in (("-", 2), (tmp_path / "no" / "overview.png", 1)):
        assert refused(cortado("inspect", dense, "--plot", place), code, "inspect")


def test_a_picture_does_not_share_a_file_with_the_report(dense, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for options in (["--plot", "x", "--json", "./x"], ["--json", "x", "--plot", "./x"]):
        result = cortado("inspect", dense, *options)
        assert refused(result, 2, "inspect", "--plot", "--json", "cannot both go to")


def test_nothing_is_shown_of_the_first_model_if_the_second_fails(dense, tmp_path):
    result = cortado("inspect", dense, tmp_path / "no.onnx")
    assert (result.code, result.stdout) == (1, b"")
