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

_PLACES = {"model", "output", "quiet", "verbose", "json_path", "device", "prototxt", "caffemodel"}


def record(model: ir.Model) -> None:
    """Append the command that is running to the history of `model`, in place."""
    ctx = click.get_current_context()
    words = [str(ctx.info_name)]
    for parameter in ctx.command.params:
        name = str(parameter.name)
        if name not in _PLACES and ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            words += _words(parameter, ctx.params[name])
    add_history(model, " ".join(words))


def _words(parameter: click.Parameter, value: object) -> list[str]:
    flag = max(parameter.opts, key=len)
    if isinstance(value, bool):
        return [flag]
    values = value if isinstance(value, tuple) and parameter.multiple else (value,)
    return [word for item in values for word in (flag, _show(item))]


def _show(value: object) -> str:
    if isinstance(value, Assignment):
        text = f"{value.value:g}" if isinstance(value.value, float) else str(value.value)
        return text if value.selector == ALL else f"{value.selector}={text}"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value).rstrip("/").rpartition("/")[2]
