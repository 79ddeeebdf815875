"""The options of a training run, shared by the commands that train."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from cortado.built_in import LOSSES, names_of
from cortado_cli.options import (
    refuse_without,
)
from cortado_cli.types import Number

if TYPE_CHECKING:
    from cortado.retrain import RetrainOptions
    from cortado.scoring.losses import LossChoice

__all__ = ["TRAINING", "Training", "batch_option", "shift_option", "training_options"]

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Training:
    """The training options of the command line."""

    epochs: int
    batch: int
    optimizer: Literal["sgd", "adam"]
    lr: float | None
    rate: Literal["constant", "step", "cosine", "one-cycle"]
    momentum: float
    weight_decay: float
    shift: int
    batchnorm: Literal["measure", "keep"]
    losses: "tuple[LossChoice, ...]" = ()

    def options(self, device: str, seed: int) -> "RetrainOptions":
        """Return the options of the library."""
        from cortado.retrain import RetrainOptions

        return RetrainOptions(
            epochs=self.epochs,
            batch=self.batch,
            optimizer=self.optimizer,
            lr=self.lr,
            rate=self.rate,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            shift=self.shift,
            batchnorm=self.batchnorm,
            device=device,
            seed=seed,
            losses=self.losses,
        )


TRAINING = tuple(field.name for field in fields(Training))
"""The parameters that `training_options` adds."""


def batch_option(command: F) -> F:
    """Add ``--batch``."""
    return click.option(
        "--batch",
        type=click.IntRange(min=1),
        default=128,
        show_default=True,
        help="Samples a step.",
    )(command)


def shift_option(default: int) -> Callable[[F], F]:
    """Add ``--shift``."""
    return click.option(
        "--shift",
        type=click.IntRange(min=0),
        default=default,
        show_default=True,
        metavar="PIXELS",
        help="Move each training image at random by up to this many pixels.",
    )


def _read_losses(
    ctx: click.Context,  # noqa: ARG001  # click hands it over
    param: click.Parameter,  # noqa: ARG001
    values: tuple[str, ...],
) -> "tuple[LossChoice, ...]":
    if not values:
        return ()
    from cortado.scoring.losses import parse_loss

    return tuple(parse_loss(value) for value in values)


_OPTIONS = (
    batch_option,
    click.option(
        "--optimizer",
        type=click.Choice(["adam", "sgd"]),
        default="adam",
        show_default=True,
        help="What turns gradients into steps; sgd has momentum.",
    ),
    click.option(
        "--lr",
        type=Number(min=0, min_open=True),
        help="Peak learning rate; 0.001 for adam and 0.01 for sgd.",
    ),
    click.option(
        "--rate",
        type=click.Choice(["constant", "step", "cosine", "one-cycle"]),
        default="cosine",
        show_default=True,
        help="How the learning rate runs; step: a tenth after 1/2 and after 3/4.",
    ),
    click.option(
        "--momentum",
        type=Number(0, 1, max_open=True),
        default=0.9,
        show_default=True,
        help="Of sgd.",
    ),
    click.option(
        "--weight-decay",
        type=Number(min=0),
        default=0.0,
        show_default=True,
        help="Draws weights to zero; those that are zero stay.",
    ),
    shift_option(0),
    click.option(
        "--batchnorm",
        type=click.Choice(["measure", "keep"]),
        default="measure",
        show_default=True,
        help="Measure BatchNorm statistics before and after training, or keep the file's.",
    ),
    click.option(
        "--loss",
        "losses",
        multiple=True,
        metavar="[OUTPUT=]NAME[*WEIGHT]",
        callback=_read_losses,
        help=f"What is minimized: {', '.join(names_of(LOSSES))}, or package.module:callable. "
        "Repeat it for several outputs; the sum is minimized. The default is the loss that the "
        "model was trained with, else what the targets suggest.",
    ),
)


def training_options(epochs: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the options of a training run, and hand the command one `Training` made of them.

    Parameters
    ----------
    epochs : int
        The default number of epochs.
    """

    def add(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def training(
            *,
            epochs: int,
            batch: int,
            optimizer: Literal["sgd", "adam"],
            lr: float | None,
            rate: Literal["constant", "step", "cosine", "one-cycle"],
            momentum: float,
            weight_decay: float,
            shift: int,
            batchnorm: Literal["measure", "keep"],
            losses: "tuple[LossChoice, ...]",
            **options: object,
        ) -> None:
            if optimizer != "sgd" and options.get("solver") is None:
                refuse_without("--optimizer sgd", ["momentum"])
            chosen = Training(
                epochs,
                batch,
                optimizer,
                lr,
                rate,
                momentum,
                weight_decay,
                shift,
                batchnorm,
                losses,
            )
            command(training=chosen, **options)

        passes = click.option(
            "--epochs",
            type=click.IntRange(min=0),
            default=epochs,
            show_default=True,
            help="Passes over the training samples.",
        )
        for option in reversed((passes, *_OPTIONS)):
            training = option(training)
        return training

    return add
