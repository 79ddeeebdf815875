"""Where bytes go: files all or nothing, pipes that break, disks that are full, terminals."""

import os
import shlex

import onnx
import pytest

from cli.program import cortado, done, refused, shell
from cortado_cli.main import COMMANDS

WRITERS = {
    "prune": "--sparsity 0.5",
    "retrain": "--data digits --samples 20 --epochs 0",
    "repair": "--reference dense.onnx --data digits",
    "quantize": "--bits 2",
    "emit": "",
    "densify": "",
    "compress": "--data digits",
}


def run(command, *arguments, **options):
    return cortado(command, *WRITERS[command].split(), *arguments, **options)


@pytest.mark.parametrize(
    "command", [name for name in WRITERS if name not in {"compress", "repair"}]
)
def test_standard_output_is_the_model_alone(command, dense):
    result = run(command, dense, "-v")
    assert result.code == 0, result.stderr
    onnx.checker.check_model(onnx.load_from_string(result.stdout))


@pytest.mark.parametrize("command", WRITERS)
def test_a_model_is_not_written_to_a_terminal(command, dense):
    result = run(command, dense, terminals=["stdout"])
    assert refused(result, 2, command, "--output", "terminal", "name a file, or pipe it on")


@pytest.mark.parametrize("command", WRITERS)
def test_a_model_is_not_read_from_a_terminal(command, old):
    result = run(command, "-o", old, terminals=["stdin"])
    assert refused(result, 2, command, "no model: name a file, or pipe one in")


def test_every_command_was_tried():
    others = {"import", "inspect", "evaluate", "sensitivity", "plan", "validate", "export-caffe"}
    assert WRITERS.keys() | others == COMMANDS.keys()


def test_a_report_for_people_is_shown_at_a_terminal(dense):
    result = cortado("inspect", dense, terminals=["stdout"])
    assert result.code == 0
    assert "conv1" in result.stderr


@pytest.mark.parametrize("place", ["dir", "dir/no/out.onnx", "model.onnx/out.onnx", "loop/x"])
@pytest.mark.parametrize("option", ["-o", "--json"])
def test_what_could_not_be_written_is_refused_before_any_work(option, place, dense, tmp_path):
    (tmp_path / "dir").mkdir()
    (tmp_path / "model.onnx").write_bytes(dense.read_bytes())
    (tmp_path / "loop").symlink_to("loop")
    path = tmp_path / place
    result = run("prune", tmp_path / "not-even-looked-at.onnx", option, path)
    assert refused(result, 1, "prune", f"cannot write {path}")


def test_a_directory_that_takes_no_files_is_refused_before_any_work(refusing, tmp_path):
    result = run("prune", tmp_path / "not-even-looked-at.onnx", "-o", f"{refusing}/out.onnx")
    assert refused(result, 1, "prune", f"cannot write {refusing}/out.onnx")


def test_special_files_are_written_to_and_not_replaced(dense):
    assert run("prune", dense, "-q", "-o", "/dev/null").code == 0
    assert not os.path.isfile("/dev/null")
    result = run("prune", dense, "-q", "-o", "/dev/full")
    assert refused(result, 1, "prune", "cannot write /dev/full: No space left on device")


def test_messages_do_not_mix_with_the_model_where_standard_error_is_closed(dense, tmp_path):
    shell(f"cortado prune --sparsity 0.5 {dense} 2>&- > closed.onnx", tmp_path)
    shell(f"cortado prune --sparsity 0.5 {dense} 2> /dev/null > open.onnx", tmp_path)
    assert (tmp_path / "closed.onnx").read_bytes() == (tmp_path / "open.onnx").read_bytes()


def test_a_link_is_followed(dense, tmp_path):
    (tmp_path / "there").mkdir()
    link = tmp_path / "link.onnx"
    link.symlink_to("there/model.onnx")
    assert run("prune", dense, "-q", "-o", link).code == 0
    assert link.is_symlink()
    assert (tmp_path / "there" / "model.onnx").stat().st_size > 10_000


def test_a_disk_that_fills_up_half_way_leaves_the_old_file(dense, old, tmp_path):
    line = shlex.join(["prune", str(dense), "-q", "--sparsity", "0.5", "-o", str(old)])
    result = shell(f"ulimit -f 8; cortado {line}", tmp_path)  # 8 KiB of 11
    assert refused(result, 1, "prune", f"cannot write {old}: File too large")


@pytest.mark.parametrize("command", ["prune -q --sparsity 0.5", "inspect"])
def test_a_full_disk_behind_standard_output_is_an_error(command, dense, tmp_path):
    result = shell(f"cortado {command} {dense} > /dev/full", tmp_path)
    name = command.split()[0]
    assert refused(result, 1, name, "cannot write to standard output: No space left on device")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_pipe_that_breaks_is_an_error(unbuffered, wide, tmp_path):
    script = f"set -o pipefail; cortado prune -q --sparsity 0.5 {wide} | head -c 10 > begin"
    result = shell(script, tmp_path, PYTHONUNBUFFERED=unbuffered)
    assert refused(result, 1, "prune", "the next command in the pipe stopped reading")
    assert (tmp_path / "begin").stat().st_size == 10


def test_unbuffered_output_is_complete(wide, tmp_path):
    script = f"cortado densify {wide} | (sleep 0.1; cat)"
    piped = shell(script, tmp_path, PYTHONUNBUFFERED="1")
    assert piped.stdout == done("densify", wide)


def test_closed_streams_are_wrong_usage(dense, tmp_path, old):
    closed = shell(f"cortado prune -q --sparsity 0.5 {dense} >&-", tmp_path)
    assert refused(closed, 2, "prune", "closed standard output")
    closed = shell(f"cortado prune -q --sparsity 0.5 -o {old} <&-", tmp_path)
    assert refused(closed, 2, "prune", "no model")
