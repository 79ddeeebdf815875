"""The command line as it is remembered in the model that it made.

Only what decides on the result is kept: no paths, so that the same work gives the same bytes
wherever it is done.
"""

import click
import onnx_ir as ir
from click.core import ParameterSource

from cortado.model.metadata import add_history
from cortado.model.selector import ALL, Assignment

__all__ = ["record"]

_WITHOUT_EFFECT = {"output", "quiet", "verbose", "json_path", "device"}


def record(model: ir.Model) -> None:
    """Append the command that is running to the history of `model`, in place."""
    ctx = click.get_current_context()
    words = [str(ctx.info_name)]
    for option in ctx.command.params:
        name = str(option.name)
        given = ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if isinstance(option, click.Option) and given and name not in _WITHOUT_EFFECT:
            words += _words(option, ctx.params[name])
    add_history(model, " ".join(words))


def _words(option: click.Option, value: object) -> list[str]:
    flag = max(option.opts, key=len)
    if isinstance(value, bool):
        return [flag]
    values = value if isinstance(value, tuple) and option.multiple else (value,)
    return [word for item in values for word in (flag, _show(item))]


def _show(value: object) -> str:
    if isinstance(value, Assignment):
        text = f"{value.value:g}" if isinstance(value.value, float) else str(value.value)
        return text if value.selector == ALL else f"{value.selector}={text}"
    if isinstance(value, tuple):  # numbers, or the name of a blob and its shape
        name = f"{value[0]}=" if value[0] else ""
        return name + _show(value[1]) if isinstance(value[0], str) else ",".join(map(_show, value))
    if isinstance(value, float):
        return f"{value:g}"
    return str(value).rstrip("/").rpartition("/")[2]
