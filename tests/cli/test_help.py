"""Help: every command explains itself, at once."""

import json
import re
import subprocess
import sys

import click
import pytest

from cli.program import cortado, done, process_environment
from cortado_cli.main import COMMANDS, cli

ALL_HELP = """
import contextlib, io, json, sys
from cortado_cli.main import COMMANDS, cli
for arguments in [[], *([name] for name in COMMANDS)]:
    with contextlib.redirect_stdout(io.StringIO()):
        cli.main([*arguments, "--help"], standalone_mode=False)
print(json.dumps(sorted(name for name in sys.modules if "." not in name)))
"""

WITHOUT_TORCH = """
import contextlib, io, json, sys
from cortado_cli.main import cli
for command in (
    "inspect", "prune --sparsity 0.5", "quantize --bits 2", "emit", "densify", "import",
    "evaluate --data digits", "validate",
):
    with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())):
        cli.main([*command.split(), sys.argv[1]], standalone_mode=False)
print(json.dumps(sorted(name for name in sys.modules if "." not in name)))
"""


def modules_after(script, *arguments):
    """Return what a fresh process has imported in the end."""
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        env=process_environment(),
        capture_output=True,
        check=True,
    )
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_an_example(name):
    text = done(name, "--help").decode()
    assert re.search(rf"^  cortado {name} \S", text, re.MULTILINE)
    assert "-q, --quiet" in text
    assert "-v, --verbose" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained_with_its_range_and_default(name):
    context = click.Context(click.Command(name))
    for option in cli.get_command(None, name).params:
        if isinstance(option, click.Option):
            _, explanation = option.get_help_record(context)
            assert option.help, option.name
            assert "None" not in explanation, option.name
            is_number = isinstance(option.get_default(context), int | float)
            if is_number and not option.is_flag and not option.count:
                assert "default: " in explanation, option.name


def test_the_overview_says_of_each_command_the_first_sentence_of_its_help():
    text = " ".join(done("--help").decode().split())
    for name, line in COMMANDS.items():
        assert f" {name} {line} " in text
        assert cli.get_command(None, name).help.startswith(f"{line}\n\n")


def test_help_imports_no_library_that_takes_time():
    loaded = modules_after(ALL_HELP)
    assert "click" in loaded
    assert not {"torch", "onnxruntime", "onnx", "onnx_ir", "numpy", "rich"} & loaded


def test_libraries_are_imported_only_where_they_work(trained):
    loaded = modules_after(WITHOUT_TORCH, trained)
    assert "onnxruntime" in loaded
    assert not {"torch", "matplotlib"} & loaded


def test_h_is_help():
    assert done("prune", "-h") == done("prune", "--help")


def test_the_program_without_a_command_is_wrong_usage():
    result = cortado()
    assert (result.code, result.stdout) == (2, b"")
    assert "Commands:" in result.stderr


def test_the_version_is_that_of_the_package():
    from importlib.metadata import version

    assert done("--version").decode() == f"cortado, version {version('cortado')}\n"
