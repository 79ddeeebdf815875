"""plan.json: how far each layer goes, and what to expect of it.

{"version": 1, "model": "sha256:…", "method": "magnitude", "seed": 0,
 "layers": [{"name": "fc1", "sparsity": 0.95, "bits": 4, "loss": 0.01, "bytes": 8000, …}, …],
 "expected": {"drop": 0.003, "drop_low": 0.001, "drop_high": 0.005, …}}
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cortado.errors import CortadoError

__all__ = ["Expectation", "LayerPlan", "Plan", "encode_plan", "parse_plan"]

_VERSION = 1


@dataclass(frozen=True)
class LayerPlan:
    """One layer.

    Attributes
    ----------
    name : str
        Its name.
    sparsity : float
        The fraction of zeros to prune it to; 0 is not at all.
    bits : int or None
        2^bits shared values; None: none.
    loss : float
        The rise of the cross-entropy that it alone costs, in nats.
    bytes : float
        What its weights take, as the encoder measured them.
    """

    name: str
    sparsity: float
    bits: int | None
    loss: float
    bytes: float


@dataclass(frozen=True)
class Expectation:
    """What the plan costs and brings.

    Attributes
    ----------
    drop, drop_low, drop_high : float
        The fall of the accuracy, and its 95 % interval.
    bytes : float
        What the weights of the planned layers take.
    sparsity : float
        The fraction of zeros in them.
    images : int
        How many images the drop was measured on, all layers together; 0: it is the sum of what
        the layers lost alone.
    """

    drop: float
    drop_low: float
    drop_high: float
    bytes: float
    sparsity: float
    images: int


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
    return (json.dumps({"version": _VERSION, **asdict(plan)}, indent=2) + "\n").encode()


def parse_plan(data: bytes, source: str) -> Plan:
    """Read a plan.

    Raises
    ------
    CortadoError
        If the file is damaged, or of a newer version.
    """
    try:
        stored = json.loads(data)
        if stored["version"] != _VERSION:
            raise CortadoError(f"{source} is a plan of a newer version of cortado")
        layers = tuple(_parse_layer(layer) for layer in stored["layers"])
        expected = stored["expected"]
        figures = {name: float(expected[name]) for name in _FIGURES}
        expectation = Expectation(**figures, images=int(expected["images"]))
        method, seed = str(stored["method"]), int(stored["seed"])
        return Plan(str(stored["model"]), method, seed, layers, expectation)
    except (ValueError, TypeError, KeyError) as error:
        raise CortadoError(f"{source} is no plan, or is damaged: {error!r}") from error


_FIGURES = ("drop", "drop_low", "drop_high", "bytes", "sparsity")


def _parse_layer(stored: Mapping[str, Any]) -> LayerPlan:
    bits = stored["bits"]
    return LayerPlan(
        str(stored["name"]),
        float(stored["sparsity"]),
        None if bits is None else int(bits),
        float(stored["loss"]),
        float(stored["bytes"]),
    )
