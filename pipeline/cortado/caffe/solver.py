"""solver.prototxt: how a net is trained.

`read_training_net` reads from the net what belongs to training: the factors of each blob on the
rate and on the weight decay, and the batch size.

Source: BVLC/caffe caffe.proto, the solvers beside sgd_solver.cpp.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from cortado.caffe.inputs import DATA_TYPES
from cortado.caffe.message import Message
from cortado.caffe.net import LayerSpec, layers_of, parse_net
from cortado.caffe.options import CaffeOptions
from cortado.caffe.prototxt import parse_prototxt
from cortado.errors import CortadoError
from cortado.task.solver import ParamSpec, Policy, Solver, SolverType

__all__ = ["ReadSolver", "TrainingNet", "read_solver", "read_training_net"]

_TYPES: tuple[SolverType, ...] = get_args(SolverType)
_LEGACY_TYPES = ("SGD", "NESTEROV", "ADAGRAD", "RMSPROP", "ADADELTA", "ADAM")
_POLICIES: tuple[Policy, ...] = get_args(Policy)
_NEEDS: dict[str, tuple[str, ...]] = {
    "step": ("gamma", "stepsize"),
    "exp": ("gamma",),
    "inv": ("gamma", "power"),
    "multistep": ("gamma", "stepvalue"),
    "poly": ("power",),
    "sigmoid": ("gamma", "stepsize"),
}
_READ = {"net", "train_net", "train_state", "type", "solver_type", "random_seed"}
_READ |= {"base_lr", "lr_policy", "gamma", "power", "stepsize", "stepvalue", "max_iter"}
_READ |= {"momentum", "momentum2", "rms_decay", "delta", "weight_decay", "regularization_type"}
_READ |= {"iter_size", "clip_gradients"}


@dataclass(frozen=True)
class ReadSolver:
    """A solver as read.

    Attributes
    ----------
    solver : Solver
        Without `params`, which the net knows.
    net : str
        The path of its net; empty where it names none.
    state : CaffeOptions
        Which layers of the net are trained.
    seed : int or None
        None where Caffe would take a seed from the clock.
    notes : tuple of str
        What is ignored, a line each.
    """

    solver: Solver
    net: str
    state: CaffeOptions
    seed: int | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class TrainingNet:
    """Training settings in a net: factors by layer, and the images of a step, if stated."""

    params: Mapping[str, tuple[ParamSpec, ...]]
    batch: int | None


def read_solver(text: str) -> ReadSolver:
    """Return what the text of a solver.prototxt says.

    Raises
    ------
    CortadoError
        With the line, where the text is no solver, or Caffe would refuse its values.
    """
    message = parse_prototxt(text)
    policy = message.text("lr_policy")
    if policy not in _POLICIES:
        known = ", ".join(_POLICIES)
        raise CortadoError(f"the solver's lr_policy is {policy!r}; it must be one of {known}")
    for name in _NEEDS.get(policy, ()):
        if not message.has(name):
            raise CortadoError(f"the solver's lr_policy {policy!r} needs {name}")
    solver = Solver(
        type=_type(message),
        base_lr=message.number("base_lr", 0.0),
        policy=policy,
        gamma=message.number("gamma", 0.0),
        power=message.number("power", 0.0),
        stepsize=message.integer("stepsize", 1, minimum=1),
        stepvalues=message.integers("stepvalue", minimum=0),
        max_iter=message.integer("max_iter", 0, minimum=0),
        momentum=message.number("momentum", 0.0),
        momentum2=message.number("momentum2", 0.999),
        rms_decay=message.number("rms_decay", 0.99),
        delta=message.number("delta", 1e-8),
        weight_decay=message.number("weight_decay", 0.0),
        regularization=_regularization(message),
        iter_size=message.integer("iter_size", 1, minimum=1),
        clip_gradients=message.number("clip_gradients", -1.0),
    )
    state = message.message("train_state")
    options = CaffeOptions(
        phase="TRAIN", level=state.integer("level", 0), stages=state.texts("stage")
    )
    seed = message.integer("random_seed", -1)
    net = message.text("net") or message.text("train_net")
    return ReadSolver(solver, net, options, seed if seed >= 0 else None, _notes(message))


def read_training_net(prototxt: str, state: CaffeOptions) -> TrainingNet:
    """Return what the text of a net says of its training."""
    layers = layers_of(parse_net(prototxt), state)
    params = {layer.name: layer.params for layer in layers if layer.params}
    batches = [batch for layer in layers if (batch := _batch(layer))]
    return TrainingNet(params, batches[0] if batches else None)


def _batch(layer: LayerSpec) -> int:
    """Return the images a step of a data layer; 0 where it does not say."""
    if layer.type not in DATA_TYPES:
        return 0
    sources = ("data_param", "image_data_param", "memory_data_param", "hdf5_data_param")
    found = (layer.message.message(name).integer("batch_size", 0, minimum=0) for name in sources)
    return max(found)


def _type(message: Message) -> SolverType:
    if message.has("type") and message.has("solver_type"):
        raise CortadoError("the solver has both a type and a solver_type")
    legacy = message.choice("solver_type", _LEGACY_TYPES, "SGD")
    name = message.text("type", _TYPES[_LEGACY_TYPES.index(legacy)])
    if name not in _TYPES:
        raise CortadoError(f"the solver's type is {name!r}; it must be one of {', '.join(_TYPES)}")
    return name


def _regularization(message: Message) -> Literal["L1", "L2"]:
    name = message.text("regularization_type", "L2")
    if name == "L1":
        return "L1"
    if name == "L2":
        return "L2"
    raise CortadoError(f"the solver's regularization_type is {name!r}; it must be L1 or L2")


def _notes(message: Message) -> tuple[str, ...]:
    ignored = dict.fromkeys(field.name for field in message.fields if field.name not in _READ)
    return (f"of the solver, these have no effect: {', '.join(ignored)}",) if ignored else ()
