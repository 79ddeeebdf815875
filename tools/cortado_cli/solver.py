"""``--solver``: a solver.prototxt of Caffe in place of the options of a training run."""

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from cortado.errors import CortadoError
from cortado_cli.options import (
    flag_of,
    given_options,
)

if TYPE_CHECKING:
    from cortado.caffe import TrainingNet
    from cortado.caffe.solver import ReadSolver
    from cortado.retrain import RetrainOptions
    from cortado.task.solver import Solver
    from cortado_cli.talk import Talk
    from cortado_cli.training import Training

__all__ = ["solver_options"]

_CONTRADICTING = {"optimizer", "rate"}


def solver_options(
    path: str, net: str | None, training: "Training", options: "RetrainOptions", talk: "Talk"
) -> "RetrainOptions":
    """Return the options of a training run as a solver says; those on the command line win.

    Parameters
    ----------
    path : str
        The solver.prototxt.
    net : str or None
        Its net, where the user names it.
    training : Training
        What the command line says.
    options : RetrainOptions
        The same with defaults, for what a solver does not say.
    talk : Talk
        Tells what has no effect.
    """
    from cortado import caffe, files
    from cortado_cli.streams import naming

    given = {str(option.name): option for option in given_options(click.get_current_context())}
    for name in sorted(_CONTRADICTING & given.keys()):
        raise click.UsageError(f"{flag_of(given[name])} contradicts --solver, which says it")
    text = files.read_text(path)
    with naming(path):
        found = caffe.read_solver(text)
    talk.say_all(found.notes)
    trained = _read_net(path, net, found)
    solver = replace(found.solver, params=trained.params)
    if "epochs" not in given and not solver.max_iter:
        raise CortadoError(f"{path} has no max_iter: say how long to train with --epochs")
    return replace(
        options,
        solver=_with_given(solver, training, set(given)),
        iterations=None if "epochs" in given else solver.max_iter,
        batch=training.batch if "batch" in given else trained.batch or training.batch,
        seed=options.seed if "seed" in given or found.seed is None else found.seed,
    )


def _with_given(solver: "Solver", training: "Training", given: set[str]) -> "Solver":
    if "lr" in given and training.lr is not None:
        solver = replace(solver, base_lr=training.lr)
    if "momentum" in given:
        try:
            solver = replace(solver, momentum=training.momentum)
        except CortadoError as error:  # of types that know no momentum
            raise click.UsageError(f"--momentum {training.momentum:g}: {error}") from error
    if "weight_decay" in given:
        solver = replace(solver, weight_decay=training.weight_decay)
    return solver


def _read_net(path: str, net: str | None, found: "ReadSolver") -> "TrainingNet":
    from cortado import caffe, files
    from cortado_cli.streams import naming

    if net is None and not found.net:
        raise CortadoError(f"{path} names no net: give it with --net")
    place = net or files.find_beside(found.net, path)
    try:
        text = files.read_text(place)
    except CortadoError as error:
        hint = "" if net else f"; it is the net of {path}: say where it is with --net"
        raise CortadoError(f"{error}{hint}") from error
    with naming(place):
        return caffe.read_training_net(text, found.state)
