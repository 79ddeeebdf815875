"""BatchNorm statistics, measured again on unlabelled samples.

Pruning changes the mean and the variance of what enters a BatchNormalization; the file still
holds those of the dense network. Measured again, one normalization after the other in graph
order, they are those that the network has as it will run:

    mean = 1/n Σ x        variance = 1/n Σ (x − mean)²        for each channel,

over all samples and positions. So the result does not depend on the size of batches, where
PyTorch's training mode (`momentum=None`) normalizes each batch by itself and averages over the
batches; in one batch of all samples both are the same, but for the n / (n − 1) of PyTorch's
variance. A channel that never varies keeps its variance: 1 / √epsilon would blow up whatever else
it may get.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from cortado.data import Inputs, Samples
from cortado.errors import CortadoError
from cortado.layerwise import Frontier
from cortado.model.graph.nodes import is_standard
from cortado.model.layers.prunable import Skipped
from cortado.model.typing import Array, FloatArray
from cortado.progress import Progress, Steps
from cortado.runtime import Runtime

__all__ = ["Norm", "Norms", "Reestimated", "find_norms", "measure", "normalize", "reestimate"]


@dataclass(frozen=True)
class Norm:
    """A BatchNormalization with statistics of its own; strings are names.

    Attributes
    ----------
    name : str
        What reports call it.
    place : int
        Its index among the nodes of the graph.
    source : str
        What it normalizes.
    mean, variance : str
        The initializers of its statistics, of shape (channels,).
    epsilon : float
        What is added to the variance.
    """

    name: str
    place: int
    source: str
    mean: str
    variance: str
    epsilon: float


@dataclass(frozen=True)
class Norms:
    """The normalizations whose statistics can be measured in graph order, and the others."""

    found: tuple[Norm, ...]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True)
class Reestimated:
    """A model with new statistics, how many normalizations have them, and which ones have not."""

    model: ir.Model
    count: int
    skipped: tuple[Skipped, ...]


def find_norms(model: ir.Model) -> Norms:
    """Return the BatchNormalization nodes of `model`."""
    places = {node: place for place, node in enumerate(model.graph)}
    found, skipped = [], []
    for node in model.graph.all_nodes():
        if not is_standard(node, "BatchNormalization"):
            continue
        name = _name_of(node)
        reason = "it is inside a node such as If" if node not in places else _why_not(node)
        if reason:
            skipped.append(Skipped(name, node.op_type, reason))
            continue
        names = [str(value.name) for value in node.inputs if value is not None]
        epsilon = node.attributes.get_float("epsilon", 1e-5)
        found.append(Norm(name, places[node], names[0], names[3], names[4], epsilon))
    return Norms(tuple(found), tuple(skipped))


def _name_of(node: ir.Node) -> str:
    """Return the name of a normalization: as with layers, that of its weights if they tell it."""
    for value in node.inputs[3:4]:
        for suffix in (".running_mean", ".mean"):
            if value is not None and str(value.name).endswith(suffix):
                return str(value.name).removesuffix(suffix)
    return node.name or str(node.outputs[0].name)


def _why_not(node: ir.Node) -> str:
    """Return why the statistics of a node stay; empty if they need not."""
    if node.attributes.get_int("training_mode", 0):
        return "it normalizes each batch by itself, and reads no statistics (training_mode)"
    if not node.attributes.get_int("spatial", 1):
        return "it has statistics for each position (spatial=0)"
    for value in node.inputs[3:5]:
        if value is None or not value.is_initializer() or value.dtype is not ir.DataType.FLOAT:
            return "its statistics are not float32 constants"
        if len(value.uses()) > 1:
            return f"its statistics {value.name} are shared with another node"
        if value.is_graph_input() or value.is_graph_output():
            return f"its statistics {value.name} are an input or output of the model"
    return ""


def reestimate(
    model: ir.Model, samples: Samples, runtime: Runtime, *, raw: bool = False
) -> Steps[Reestimated]:
    """Measure the statistics of every BatchNormalization on some samples.

    Parameters
    ----------
    model : onnx_ir.Model
        Left as it is.
    samples : Samples
        Such as the model will see; their targets are not used.
    runtime : Runtime
        Where the model runs.
    raw : bool
        Feed arrays as they are, whatever transform the model stores.

    Raises
    ------
    CortadoError
        If the samples do not fit the inputs, or what enters a normalization is not finite.
    """
    norms = find_norms(model)
    if not norms.found:
        return Reestimated(model, 0, norms.skipped)
    frontier = Frontier(model, Inputs.of(model, samples, raw=raw), runtime=runtime)
    for done, norm in enumerate(norms.found, start=1):
        frontier.advance([norm.source])
        frontier.change(measure(frontier.model, norm, frontier.values(norm.source)))
        yield Progress("statistics", done, len(norms.found))
    return Reestimated(frontier.model, len(norms.found), norms.skipped)


def measure(model: ir.Model, norm: Norm, batches: Iterable[FloatArray]) -> dict[str, Array]:
    """Return the statistics of one normalization, by the names of their initializers.

    Parameters
    ----------
    model : onnx_ir.Model
        Whose variance a channel keeps that does not vary.
    norm : Norm
        One of `find_norms`.
    batches : iterable of array
        What enters it, each of shape (n, channels, …); gone through twice.
    """
    count, total = 0, np.zeros((), np.float64)
    for batch in batches:
        count += batch.size // batch.shape[1]
        total = total + batch.sum(axis=_others(batch), dtype=np.float64)
    mean = total / count
    if not np.isfinite(mean).all():
        raise CortadoError(f"what enters the normalization {norm.name} is NaN or infinite")
    squares = (np.square(x - _along(mean, x)).sum(axis=_others(x)) for x in batches)
    variance = np.asarray(sum(squares) / count)
    old = model.graph.initializers[norm.variance].const_value
    assert old is not None  # find_norms saw to it
    kept = np.where(variance > 0, variance, old.numpy())
    return {norm.mean: mean.astype(np.float32), norm.variance: kept.astype(np.float32)}


def normalize(model: ir.Model, norm: Norm, batches: Iterable[FloatArray]) -> Iterator[FloatArray]:
    """Yield what a normalization gives before its scale and bias, for each batch."""
    constants = model.graph.initializers
    mean, variance = (constants[name].const_value for name in (norm.mean, norm.variance))
    assert mean is not None  # find_norms saw to it
    assert variance is not None
    factor = 1 / np.sqrt(variance.numpy() + np.float32(norm.epsilon))
    for batch in batches:
        yield (batch - _along(mean.numpy(), batch)) * _along(factor, batch)


def _others(batch: FloatArray) -> tuple[int, ...]:
    """Return all axes but that of the channels."""
    return (0, *range(2, batch.ndim))


def _along(vector: FloatArray, batch: FloatArray) -> FloatArray:
    """Return a vector of channels in a shape that broadcasts to (n, channels, …)."""
    return vector.reshape(-1, *[1] * (batch.ndim - 2))
