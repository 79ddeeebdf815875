"""The program `cortado`: its commands, and what becomes of their errors.

Commands are loaded when they are called, so that ``--help`` is fast. An error is one line on
standard error, ``cortado COMMAND: error: …``; with ``-vv`` its traceback comes first.

Exit codes: 0 done; 1 the input was refused or the work failed; 2 wrong usage; 3 a limit that
the user stated was not met.
"""

import importlib
import sys
import traceback

import click

from cortado.errors import CortadoError, LimitNotMetError, UsageError

__all__ = ["COMMANDS", "cli", "run"]

COMMANDS = {
    "import": "Turn a Caffe net or an ONNX file into a plain ONNX model.",
    "inspect": "Show what a model consists of, layer by layer.",
    "evaluate": "Measure accuracy and loss in onnxruntime.",
    "prune": "Set weights to zero.",
    "retrain": "Train the weights that are left; zeros and shared values stay.",
    "quantize": "Let the weights of each layer share few values.",
    "emit": "Write the model as a file for onnxruntime, dense or sparse.",
    "densify": "Turn any stored form back into a plain dense ONNX model.",
    "validate": "Compare a file with a reference: outputs, accuracy, latency.",
    "compress": "Do it all: prune, retrain, share weights, emit and validate.",
}
"""Every command with its line in ``cortado --help``, in the order in which they chain."""


class LazyGroup(click.Group):
    """A group whose commands live in modules of their own, ``cortado_cli.<name>``."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names in the order in which the commands chain."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return a command."""
        if cmd_name not in COMMANDS:
            return None
        module = "import_" if cmd_name == "import" else cmd_name
        command = importlib.import_module(f"cortado_cli.{module}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Commands chain: set -o pipefail; cortado import net.prototxt net.caffemodel "
    "| cortado prune --sparsity 0.9 | cortado emit --storage sparse -o small.onnx",
)
@click.version_option(package_name="cortado")
def cli() -> None:
    """Make trained networks small, from Caffe or PyTorch files to ONNX."""


def run() -> None:
    """Run the program: the entry point of the console script."""
    sys.exit(_exit_code())


def _exit_code() -> int:
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 2
    except click.UsageError as error:
        _complain(error.format_message(), error.ctx)
        return 2
    except click.Abort:
        _complain("interrupted; nothing was written")
        return 1
    except (CortadoError, click.ClickException, MemoryError) as error:
        _trace()
        _complain(str(error) or "out of memory")
        return _code_of(error)
    return code if isinstance(code, int) else 0


def _code_of(error: Exception) -> int:
    if isinstance(error, LimitNotMetError):
        return 3
    return 2 if isinstance(error, UsageError) else 1


def _complain(message: str, ctx: click.Context | None = None) -> None:
    name = ctx.command_path if ctx is not None else _command_path()
    line = " ".join(message.split())
    click.echo(f"{name}: error: {line}", err=True)


def _command_path() -> str:
    called = next((argument for argument in sys.argv[1:] if argument in COMMANDS), None)
    return f"cortado {called}" if called else "cortado"


def _trace() -> None:
    """Print the traceback of the current error if the user asked for it with ``-vv``."""
    verbose = sum(a.count("v") for a in sys.argv[1:] if a.startswith("-v") and set(a[1:]) == {"v"})
    verbose += sys.argv[1:].count("--verbose")
    if verbose >= 2:
        traceback.print_exc(file=sys.stderr)
