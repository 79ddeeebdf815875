"""The command line: as it is remembered in the model that it made, and as it was typed.

Only what decides on the result is remembered: no paths, so that the same work
gives the same bytes wherever it is done.
"""

import shlex
import sys

import click
import onnx_ir as ir

from cortado.model.layers.selector import ALL, Assignment
from cortado.task.metadata import add_history
from cortado_cli.options import (
    flag_of,
    given_options,
)
from cortado_cli.types import InputPath, ReportPath

__all__ = ["command_line", "record", "typed_line"]

_WITHOUT_EFFECT = {
    *("output", "quiet", "verbose", "device", "workers"),
    *("check", "tolerance"),
}


def record(model: ir.Model) -> None:
    """Append the command that is running to the history of `model`, in place."""
    add_history(model, command_line())


def command_line() -> str:
    """Return the command that is running, with what decides on its result."""
    ctx = click.get_current_context()
    words = [str(ctx.info_name)]
    for option in given_options(ctx):
        decides = option.name not in _WITHOUT_EFFECT and not isinstance(option.type, ReportPath)
        if decides:
            words += _words(option, ctx.params[str(option.name)])
    return shlex.join(words)


def typed_line() -> str:
    """Return the command that is running as it was typed, so that a shell repeats it."""
    return shlex.join(["cortado", *sys.argv[1:]])


def _words(option: click.Option, value: object) -> list[str]:
    flag = flag_of(option)
    if option.is_flag:
        return [flag]
    if isinstance(option.type, InputPath) and isinstance(value, str):
        return [flag, value.rstrip("/").rpartition("/")[2]]
    values = value if isinstance(value, tuple) and option.multiple else (value,)
    return [word for item in values for word in (flag, _show(item))]


def _show(value: object) -> str:
    match value:
        case Assignment():
            return _show_assignment("" if value.selector == ALL else value.selector, value.value)
        case (str(blob), tuple(shape)):
            return _show_assignment(blob, shape)
        case tuple():
            return ",".join(map(_show, value))
        case float():
            short = f"{value:g}"
            return short if float(short) == value else repr(value)
        case _:
            return str(value)


def _show_assignment(target: str, value: object) -> str:
    return f"{target}={_show(value)}" if target else _show(value)
