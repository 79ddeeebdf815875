"""plan.json: how far each layer goes, and what to expect of it.

{"version": 2, "model": "sha256:…", "method": "magnitude", "seed": 0,
 "layers": [{"name": "fc1", "shape": [500, 800], "treatments": {"prune": 0.95, "bits": 4},
             "loss": 0.01, "bytes": 8000}, …],
 "expected": {"metric": "accuracy", "better": "higher", "value": 0.989, "drop": 0.003,
              "drop_low": -0.002, "drop_high": 0.005, …}}

People edit these files: whatever is in one, it gives a plan
that can be carried out, or an error that names the layer and field.
"""

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Literal, TypeAlias, get_args

from cortado.errors import CortadoError
from cortado.plan.json_fields import (
    Rule,
    anything,
    integer,
    number,
    objects,
    one_of,
    or_null,
    read_fields,
    shape,
    text,
)
from cortado.prune import Method
from cortado.treatments import Treatment, all_treatments

__all__ = ["Expectation", "LayerPlan", "Plan", "encode_plan", "parse_plan"]

_VERSION = 2

Better: TypeAlias = Literal["higher", "lower"]
"""The direction of a metric."""


@dataclass(frozen=True)
class LayerPlan:
    """One layer.

    Attributes
    ----------
    name : str
        Its name.
    shape : tuple of int
        Of its weights.
    treatments : mapping of str to float
        The level of each treatment by its name, see `cortado.treatments`; none: the layer stays.
    loss : float
        The rise of the task's loss that it alone costs: cross-entropy in nats for a classifier.
    bytes : float
        What its weights take, as the encoder measured them.
    """

    name: str
    shape: tuple[int, ...]
    treatments: Mapping[str, float]
    loss: float
    bytes: float


@dataclass(frozen=True)
class Expectation:
    """The expected cost and gain of the plan.

    Attributes
    ----------
    metric : str
        What is expected to get worse.
    better : {"higher", "lower"}
        Its direction.
    value : float or None
        What it will be.
    drop, drop_low, drop_high : float or None
        How much worse than that of the dense model, in its units, and the 95 % interval; None where
        it is no finite number, as the ends of an interval of a single sample.
    bytes : float
        What the weights of all layers take, each encoded alone. In a file, layers share codes where
        that costs less than a decoder of about 1,000 bytes more.
    sparsity : float
        The fraction of zeros in them.
    samples : int
        How many samples the drop was measured on, all layers together; 0: it is the sum of what
        the layers lost alone.
    """

    metric: str
    better: Better
    value: float | None
    drop: float | None
    drop_low: float | None
    drop_high: float | None
    bytes: float
    sparsity: float
    samples: int


@dataclass(frozen=True)
class Plan:
    """How far each layer goes.

    Attributes
    ----------
    model : str
        The hash of the dense model's weights.
    method : str
        How weights to prune are chosen.
    seed : int
        Of that.
    layers : tuple of LayerPlan
        In the order of the graph.
    expected : Expectation
        What to expect.
    """

    model: str
    method: str
    seed: int
    layers: tuple[LayerPlan, ...]
    expected: Expectation


def encode_plan(plan: Plan) -> bytes:
    """Return the file of a plan."""
    fields = asdict(plan)
    for layer in fields["layers"]:
        layer["treatments"] = {name: _plain(level) for name, level in layer["treatments"].items()}
    return (json.dumps({"version": _VERSION, **fields}, indent=2) + "\n").encode()


def _plain(level: float) -> float:
    """Return a level as people write it: a whole number without a point."""
    return int(level) if float(level).is_integer() else level


def parse_plan(data: bytes, source: str) -> Plan:
    """Read the file of a plan.

    Raises
    ------
    CortadoError
        If the file is damaged, or of another version; the message names the layer and field.
    """
    stored = _load(data, source)
    _check_version(stored, source)
    fields = read_fields(stored, _PLAN, source)
    layers = [_parse_layer(each, i, source) for i, each in enumerate(fields["layers"])]
    counts = Counter(layer.name for layer in layers)
    name, count = counts.most_common(1)[0]
    if count > 1:
        raise CortadoError(f"{source} has the layer {name!r} {count} times")
    expected = Expectation(**read_fields(fields["expected"], _EXPECTED, f"{source}: expected"))
    return Plan(fields["model"], fields["method"], fields["seed"], tuple(layers), expected)


_FINITE = number("a finite number")
_AMOUNT = number("a finite number from 0 up", 0)
_LAYER = {
    "name": text,
    "shape": shape,
    "treatments": anything,
    "loss": _AMOUNT,
    "bytes": _AMOUNT,
}
_EXPECTED = {
    "metric": text,
    "better": one_of(get_args(Better)),
    "value": or_null(_FINITE),
    "drop": or_null(_FINITE),
    "drop_low": or_null(_FINITE),
    "drop_high": or_null(_FINITE),
    "bytes": _AMOUNT,
    "sparsity": number("a fraction from 0 to 1", 0, math.nextafter(1, 2)),
    "samples": integer(0),
}
_PLAN = {
    "version": anything,
    "model": text,
    "method": one_of(get_args(Method)),
    "seed": integer(0),
    "layers": objects,
    "expected": anything,
}


def _load(data: bytes, source: str) -> object:
    try:
        return json.loads(data, object_pairs_hook=_once)
    except ValueError as error:
        raise CortadoError(f"{source} is no plan, or is damaged: {error}") from error
    except RecursionError as error:
        raise CortadoError(f"{source} is no plan: it is nested too deeply") from error


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return an object whose fields occur once: of two, JSON does not say which counts."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a field occurs twice")
    return found


def _check_version(stored: object, source: str) -> None:
    """Look at the version, before fields that it may not know."""
    if not isinstance(stored, dict) or "version" not in stored:
        raise CortadoError(f"{source} is no plan: it is no JSON object with a version")
    version = stored["version"]
    if isinstance(version, int) and version > _VERSION:
        raise CortadoError(f"{source} is a plan of version {version}, of a newer cortado")
    if version == 1:
        raise CortadoError(
            f"{source} is a plan of an earlier cortado, which does not say what its drop is of: "
            "sweep and plan again"
        )
    read_fields({"version": version}, {"version": integer(_VERSION)}, source)


def _parse_layer(stored: object, index: int, source: str) -> LayerPlan:
    name = stored.get("name") if isinstance(stored, dict) else None
    place = f"layer {name}" if isinstance(name, str) and name else f"layers[{index}]"
    fields = read_fields(stored, _LAYER, f"{source}: {place}")
    levels = _parse_levels(fields.pop("treatments"), f"{source}: {place}: treatments")
    return LayerPlan(treatments=levels, **fields)


def _parse_levels(stored: object, place: str) -> dict[str, float]:
    """Return the levels of known treatments, in their order."""
    known = {each.name: each for each in all_treatments()}
    names = list(stored) if isinstance(stored, dict) else []
    for name in names:
        if name not in known:
            raise CortadoError(
                f"{place} has {name!r}, which is not one of {', '.join(known)}; others are known "
                "by --treatment package.module:name"
            )
    chosen = [each for each in known.values() if each.name in names]
    for one, other in pairwise(chosen):
        if one.order == other.order:
            raise CortadoError(f"{place} has {one.name} and {other.name}: they exclude each other")
    return read_fields(stored, {each.name: _level_rule(each) for each in chosen}, place)


def _level_rule(treatment: Treatment) -> Rule:
    """Return the rule for a level of a treatment."""

    def rule(value: object) -> object:
        level: float = number(treatment.requirement(math.nan))(value)  # which is never a level
        fault = treatment.requirement(level)
        if fault:
            raise ValueError(fault)
        return level

    return rule
