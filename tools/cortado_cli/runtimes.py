"""The options that say where onnxruntime runs, for a whole command.

runtime_options    --provider, --provider-option, --threads; the command gets ``runtime``
RUNTIME            the parameters of these
runtimes_options   the same with several --provider; the command gets ``runtimes``
"""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from cortado.runtime import Runtime

__all__ = ["RUNTIME", "runtime_options", "runtimes_options"]

RUNTIME = ("provider", "provider_options", "threads")
"""The parameters that `runtime_options` adds."""

Command = Callable[..., None]
_HELP = "An execution provider of onnxruntime, such as cpu or cuda."


def runtime_options(command: Command) -> Command:
    """Add the options of a command that runs models in one place, given as ``runtime``."""

    @click.option("--provider", default="cpu", show_default=True, metavar="NAME", help=_HELP)
    @_further_options
    @functools.wraps(command)
    def running(
        *,
        provider: str,
        provider_options: tuple[tuple[str, str], ...],
        threads: int | None,
        **options: object,
    ) -> None:
        command(runtime=_runtime(provider, provider_options, threads), **options)

    return running


def runtimes_options(command: Command) -> Command:
    """Add the options of a command that compares several places, given as ``runtimes``."""

    @click.option(
        "--provider",
        "providers",
        multiple=True,
        default=("cpu",),
        show_default=True,
        metavar="NAME",
        help=f"{_HELP} Repeat it for several.",
    )
    @_further_options
    @functools.wraps(command)
    def running(
        *,
        providers: tuple[str, ...],
        provider_options: tuple[tuple[str, str], ...],
        threads: int | None,
        **options: object,
    ) -> None:
        if provider_options and len(providers) > 1:
            raise click.UsageError("--provider-option needs a single --provider")
        runtimes = tuple(_runtime(each, provider_options, threads) for each in providers)
        command(runtimes=runtimes, **options)

    return running


def _further_options(command: Command) -> Command:
    given = click.option(
        "--provider-option",
        "provider_options",
        multiple=True,
        metavar="KEY=VALUE",
        callback=_pairs,
        help="An option of that provider, such as device_id=1. Repeat it for several.",
    )
    threads = click.option(
        "--threads",
        type=click.IntRange(1),
        metavar="N",
        help="Threads of onnxruntime; by default one a core.",
    )
    return given(threads(command))


def _pairs(
    ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    """Split ``KEY=VALUE``."""
    pairs = []
    for value in values:
        key, sign, rest = value.partition("=")
        if not key or not sign:
            raise click.BadParameter(f"{value!r} is not KEY=VALUE", ctx, param)
        pairs.append((key, rest))
    return tuple(pairs)


def _runtime(provider: str, options: tuple[tuple[str, str], ...], threads: int | None) -> "Runtime":
    from cortado.runtime import Runtime  # imports onnxruntime, which --help can do without

    return Runtime(provider, options, threads)
