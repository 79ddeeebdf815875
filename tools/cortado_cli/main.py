"""The program `cortado`: its commands, and what becomes of their errors.

Commands are loaded when they are called, so that ``--help`` is fast. An error is one line on
standard error, ``cortado COMMAND: error: …``; with ``-vv`` its traceback comes first, see
`cortado_cli.options.talk_options`.

Exit codes: 0 done; 1 the input was refused or the work failed; 2 wrong usage; 3 a limit that
the user stated was not met.
"""

import importlib
import sys

import click

from cortado.errors import CortadoError, LimitNotMetError, UsageError

__all__ = ["COMMANDS", "cli", "run"]

COMMANDS = {
    "import": "Turn a Caffe net or an ONNX file into a plain ONNX model with dense weights.",
    "inspect": "Show each layer's weights, zeros, distinct values, entropy and bytes.",
    "evaluate": "Measure models on data in onnxruntime: accuracy and loss, or any other metric.",
    "sensitivity": "Measure how far each layer can be pruned or shared on its own, as a table.",
    "plan": "Choose the sparsity and bits of each layer from sensitivity tables, under a budget.",
    "prune": "Set the least important weights to zero; existing zeros stay.",
    "retrain": "Train a model in PyTorch; its zeros stay zero, its shared values stay shared.",
    "repair": "Fit the remaining weights to the dense model: no labels, no training.",
    "quantize": "Let the non-zero weights of each layer share 2^B values; zeros stay zero.",
    "emit": "Write a model as a file that an unmodified onnxruntime loads.",
    "densify": "Turn any stored form back into a plain dense ONNX model, every weight bit for bit.",
    "validate": "Load a file in onnxruntime on each provider, and compare it with a reference.",
    "export-caffe": "Write a model's weights into a caffemodel of the net that it came from.",
    "compress": "Prune, retrain, share weights, emit and validate, within a limit on the metric.",
}
"""Every command with the first sentence of its help, in the order in which they chain."""


class LazyGroup(click.Group):
    """A group whose commands live in modules of their own, ``cortado_cli.<name>``."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names in the order in which the commands chain."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return a command."""
        if cmd_name not in COMMANDS:
            return None
        module = "import_" if cmd_name == "import" else cmd_name.replace("-", "_")
        command = importlib.import_module(f"cortado_cli.{module}").command
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; Ctrl-C is an error like any other, without click's empty line."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise CortadoError("interrupted") from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Commands chain: set -o pipefail; cortado import net.prototxt net.caffemodel "
    "| cortado prune --sparsity 0.9 | cortado emit -o small.onnx",
)
@click.version_option(package_name="cortado")
def cli() -> None:
    """Make trained networks small, from Caffe or PyTorch files to ONNX."""


def run() -> None:
    """Run the program: the entry point of the console script."""
    sys.exit(_exit_code())


def _exit_code() -> int:
    try:
        code = cli.main(prog_name="cortado", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 2
    except click.UsageError as error:
        _complain(error.format_message(), error.ctx)
        return 2
    except click.Abort:
        _complain("interrupted")
        return 1
    except (CortadoError, click.ClickException, MemoryError) as error:
        _complain(str(error) or "out of memory")
        return _code_of(error)
    except Exception as error:  # a bug, and no excuse to fill the screen
        _complain(f"unexpected {type(error).__name__}: {error} (a bug; -vv shows where)")
        return 1
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
