"""The options and arguments that commands share, spelled and explained once.

model_argument   MODEL          a path, or ``-`` for standard input
models_argument  MODEL...       several of them
output_option    -o/--output    a path, or ``-`` for standard output
samples_option   --samples      alone, where a command has --data of its own
talk_options     -q, -v         how much is said on standard error
json_option      --json         a machine-readable report
seed_option      --seed
device_option    --device       where PyTorch trains
selector_option                 ``SELECTOR=VALUE``, which may be repeated

check_file       the callback of an option that names a file to write beside the artifact
check_place      the same, where the file may be standard output
given_options    which options the user gave
refuse_without   refuses those that would have no effect
flag_of          how an option is spelled
"""

import functools
import sys
import traceback
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from cortado_cli.types import InputPath, ReportPath, SelectorValue

__all__ = [
    "STREAM",
    "check_file",
    "check_place",
    "device_option",
    "flag_of",
    "given_options",
    "json_option",
    "model_argument",
    "models_argument",
    "output_option",
    "refuse_without",
    "seed_option",
    "selector_option",
    "talk_options",
]

F = TypeVar("F", bound=Callable[..., Any])
STREAM = "-"
"""The path that means standard input or standard output."""

_WITH_TRACEBACK = 2  # times -v
_PLACES = f"{__name__}.places"


def _check_output(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """Refuse, before any work is done, a place where the model could not go."""
    if value == STREAM and (sys.stdout is None or sys.stdout.isatty()):
        place = "a closed standard output" if sys.stdout is None else "a terminal"
        message = f"a model is not written to {place}: name a file, or pipe it on"
        raise click.BadParameter(message, ctx, param)
    _claim_place(ctx, param, value)
    return value


def check_place(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Refuse, before any work is done, a place where a report could not go."""
    if value is not None:
        _claim_place(ctx, param, value)
    return value


def check_file(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Refuse, before any work is done, a file beside the artifact that could not be written."""
    if value == STREAM:
        raise click.BadParameter("it goes to a file, not to standard output", ctx, param)
    if value is not None:
        _claim_place(ctx, param, value)
    return value


def _claim_place(ctx: click.Context, param: click.Parameter, path: str) -> None:
    """Refuse a path that cannot be written, or that another option writes to."""
    if path != STREAM:
        from cortado import files  # imports onnx, which --help can do without

        files.check_writable(path)
    places: dict[Path, str] = ctx.meta.setdefault(_PLACES, {})
    first = places.setdefault(Path(path).resolve(), flag_of(param))
    if first != flag_of(param):
        place = "standard output" if path == STREAM else path
        raise click.UsageError(f"{first} and {flag_of(param)} cannot both go to {place}", ctx)


def _spare_inputs(ctx: click.Context) -> None:
    """Refuse to write a report over a file that is read; a model may replace its own file."""
    read = {Path(path).resolve() for _, path in _paths(ctx, InputPath)}
    for parameter, path in _paths(ctx, ReportPath):
        if Path(path).resolve() in read:
            raise click.UsageError(f"{flag_of(parameter)} would overwrite {path}", ctx)


def _paths(
    ctx: click.Context, role: type[InputPath | ReportPath]
) -> Iterator[tuple[click.Parameter, str]]:
    for parameter in ctx.command.params:
        if isinstance(parameter.type, role):
            value = ctx.params.get(str(parameter.name))
            for path in value if isinstance(value, tuple) else (value,):
                if isinstance(path, str) and path != STREAM:
                    yield parameter, path


def given_options(ctx: click.Context) -> list[click.Option]:
    """Return the options that stand on the command line, in the order of the command's help."""
    return [
        option
        for option in ctx.command.params
        if isinstance(option, click.Option)
        and ctx.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE
    ]


def refuse_without(needed: str, names: Collection[str]) -> None:
    """Refuse options that were given without what they need: they would have no effect.

    Parameters
    ----------
    needed : str
        What is missing, as the user would give it.
    names : collection of str
        The parameters of the running command that would be ignored.
    """
    ctx = click.get_current_context()
    for option in given_options(ctx):
        if option.name in names:
            raise click.UsageError(f"{flag_of(option)} needs {needed}", ctx)


def flag_of(option: click.Parameter) -> str:
    """Return the long spelling of an option."""
    return max(option.opts, key=len)


def model_argument(command: F) -> F:
    """Add ``MODEL``, a path or standard input."""
    return click.argument("model", type=InputPath(), default=STREAM, metavar="[MODEL]")(command)


def models_argument(command: F) -> F:
    """Add ``[MODEL]...``, paths or, where there is none, standard input."""
    return click.argument(
        "models",
        type=InputPath(),
        nargs=-1,
        metavar="[MODEL]...",
        callback=lambda _ctx, _param, paths: paths or (STREAM,),
    )(command)


def output_option(command: F) -> F:
    """Add ``-o/--output``, a path or standard output."""
    return click.option(
        "-o",
        "--output",
        default=STREAM,
        callback=_check_output,
        metavar="PATH",
        help="Where the result goes; - is standard output, the default.",
    )(command)


def json_option(command: F) -> F:
    """Add ``--json``."""
    return click.option(
        "--json",
        "json_path",
        type=ReportPath(),
        callback=check_place,
        metavar="PATH",
        help="Write a machine-readable report; - is standard output, where no model goes there.",
    )(command)


def seed_option(command: F) -> F:
    """Add ``--seed``."""
    return click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="Same seed, same machine, same bytes.",
    )(command)


def device_option(command: F) -> F:
    """Add ``--device``."""
    return click.option(
        "--device",
        default="auto",
        show_default=True,
        help="Where PyTorch trains: cpu, cuda; auto is CUDA where there is one.",
    )(command)


def talk_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add ``-q`` and ``-v``, and hand the command one `Talk` made of them."""

    @click.option("-q", "--quiet", is_flag=True, help="Show no progress and no messages.")
    @click.option(
        "-v", "--verbose", count=True, help="Say more; -vv shows the traceback of an error."
    )
    @functools.wraps(command)
    def talking(*, quiet: bool, verbose: int, **options: object) -> None:
        from cortado_cli.talk import Talk  # imports rich, which --help can do without

        _spare_inputs(click.get_current_context())
        try:
            command(talk=Talk(quiet, verbose), **options)
        except (Exception, KeyboardInterrupt):
            if verbose >= _WITH_TRACEBACK:
                traceback.print_exc(file=sys.stderr)
            raise

    return talking


def samples_option(default: int | None, text: str) -> Callable[[F], F]:
    """Add ``--samples``; None is all of them."""
    return click.option(
        "--samples",
        type=click.IntRange(min=1),
        default=default,
        show_default=default is not None,
        metavar="N",
        help=text,
    )


def selector_option(flag: str, value_type: click.ParamType[Any], text: str) -> Callable[[F], F]:
    """Add an option that assigns values to layers, and may be repeated."""
    return click.option(
        flag,
        type=SelectorValue(value_type),
        multiple=True,
        help=f"{text} SELECTOR is a layer's name, a glob or re:REGEX; the last match wins.",
    )
