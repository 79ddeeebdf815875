"""The repair pass: a cut model, the dense one and images → the cut model with fitted weights.

The layers are taken in graph order. What enters a layer comes from the model as far as it is
repaired, what it should give from the reference, so that each layer also makes up for the errors of
those before it. On images that no fit has seen, a layer that got worse keeps its old values; and
so does the whole model, if its outputs did.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from threadpoolctl import threadpool_limits

from cortado.batchnorm import Norm, find_norms, measure, normalize
from cortado.data import Inputs, Samples
from cortado.errors import CortadoError
from cortado.invariants import check_kept
from cortado.layerwise import Frontier
from cortado.model.layers.prunable import Skipped, check_finite, find_layers, replace_weights
from cortado.model.typing import Array, BoolArray, FloatArray
from cortado.progress import Progress, Steps
from cortado.repair.distance import relative_distance
from cortado.repair.fit import Linear, fit
from cortado.repair.moments import measure_moments
from cortado.repair.options import RepairOptions
from cortado.repair.reference import check_reference
from cortado.repair.regression import Regression, find_regression

__all__ = ["Repaired", "Step", "repair"]

_FEWEST_HELD = 2  # of one image no variance is known
_HELD_ROWS = 4  # a fit has so many times the rows that its check has
_LAST = {"LogSoftmax", "Sigmoid", "Softmax"}  # what classifiers end with
_WIDE = 2_000  # inputs of a layer: below, threads would wait for one another more than they do


@dataclass(frozen=True)
class Step:
    """What was done to one layer, or to one normalization.

    Attributes
    ----------
    name, op_type : str
        The layer.
    kind : str
        What was fitted: ``weights``; the ``values`` that weights share, or the ``step`` of their
        grid; the ``statistics`` of a BatchNormalization.
    before, after : float
        Mean squared distance to what the reference gives there, by the variance of that.
    kept : bool
        Whether the new values were taken.
    """

    name: str
    op_type: str
    kind: str
    before: float
    after: float
    kept: bool


@dataclass(frozen=True)
class Repaired:
    """A repaired model.

    Attributes
    ----------
    model : onnx_ir.Model
        With new values; with the old ones if `kept` is false.
    steps : tuple of Step
        What was done, in graph order.
    skipped : tuple of Skipped
        Layers and normalizations that stay as they were, and why.
    before, after : float
        Distance of the outputs, as in `Step`; of a Softmax, that of what it gets.
    kept : bool
        Whether the repair as a whole made the outputs better.
    """

    model: ir.Model
    steps: tuple[Step, ...]
    skipped: tuple[Skipped, ...]
    before: float
    after: float
    kept: bool


def repair(
    model: ir.Model,
    reference: ir.Model,
    images: Samples,
    held: Samples,
    options: RepairOptions = RepairOptions(),
) -> Steps[Repaired]:
    """Fit the weights that are left, layer by layer, to what the reference gives.

    Parameters
    ----------
    model : onnx_ir.Model
        Left as it is. Its zeros stay zero, its shared values stay shared.
    reference : onnx_ir.Model
        The same graph with other weights: the model before it was cut.
    images : Samples
        What is fitted on; labels are not used.
    held : Samples
        Images to decide on whether a fit is better.
    options : RepairOptions
        How strongly to damp, and the seed.

    Raises
    ------
    CortadoError
        If the reference is another net, images don't fit, or values are not finite.
    """
    if len(held) < _FEWEST_HELD:
        raise CortadoError(f"a repair is checked on {_FEWEST_HELD} images at least; there is 1")
    check_reference(model, reference)
    check_finite([*find_layers(model).prunable, *find_layers(reference).prunable])
    work = _Work.of(model, reference, images, held, options)
    jobs, skipped = _jobs(model)
    steps: list[Step] = []
    for done, job in enumerate(jobs, start=1):
        steps.append(work.fit(job) if isinstance(job, Regression) else work.measure(job))
        yield Progress("repair", done, len(jobs), (("error", steps[-1].after),))
    before, after = work.distances(model)
    result = work.student.model if after < before else replace_weights(model, {})
    check_kept(model, result)
    return Repaired(result, tuple(steps), skipped, before, after, after < before)


def _jobs(model: ir.Model) -> tuple[list[Regression | Norm], tuple[Skipped, ...]]:
    """Return what can be repaired, in graph order, and what can't."""
    layers, norms = find_layers(model), find_norms(model)
    normalized = {norm.source for norm in norms.found}
    jobs: list[Regression | Norm] = list(norms.found)
    skipped = list(layers.skipped)
    for layer in layers.prunable:
        found = find_regression(layer, model.graph, normalized)
        if isinstance(found, str):
            skipped.append(Skipped(layer.name, layer.op_type, found))
        else:
            jobs.append(found)
    jobs.sort(key=lambda job: job.place)
    if not jobs:
        why = f"{skipped[0].name}: {skipped[0].reason}" if skipped else "it has none"
        raise CortadoError(f"no layer of the model can be repaired: {why}")
    return jobs, (*skipped, *norms.skipped)


@dataclass(frozen=True)
class _Work:
    """Both models on all images: `fitted` batches to fit on, then the `held` ones."""

    student: Frontier
    teacher: Frontier
    held: Inputs
    fitted: int
    pruned_biases: bool
    options: RepairOptions

    @classmethod
    def of(
        cls,
        model: ir.Model,
        reference: ir.Model,
        images: Samples,
        held: Samples,
        options: RepairOptions,
    ) -> "_Work":
        student, teacher = (
            Frontier(each, Inputs.of(each, images, held), options.memory, options.runtime)
            for each in (model, reference)
        )
        fitted, pruned = len(Inputs.of(model, images)), _has_pruned_biases(model)
        return cls(student, teacher, Inputs.of(model, held), fitted, pruned, options)

    def fit(self, job: Regression) -> Step:
        """Fit one layer, and take the fit if it is better."""
        self.student.advance([job.source])
        self.teacher.advance([job.target])
        with threadpool_limits(1 if job.width < _WIDE else None, user_api="blas"):
            return self._fit(job)

    def _fit(self, job: Regression) -> Step:
        rows = self._rows(job)
        with np.errstate(over="ignore", invalid="ignore"):
            moments = measure_moments(next(rows) for _ in range(self.fitted))
        if not (np.isfinite(moments.inputs).all() and np.isfinite(moments.cross).all()):
            raise CortadoError(f"values around {job.layer.name} are too large to be fitted")
        inputs, wanted = zip(*rows, strict=True)
        old, free = self._layer(job)
        new, kind = fit(moments, old, free | job.normalized, self.options.damping)
        before, after = (
            relative_distance(map(linear, inputs), wanted, centred=job.normalized)
            for linear in (old, new)
        )
        if after < before:
            self.student.change(self._values(job, new, free))
        return Step(job.layer.name, job.layer.op_type, kind, before, after, after < before)

    def measure(self, job: Norm) -> Step:
        """Measure the statistics of one normalization again."""
        self.student.advance([job.source])
        self.teacher.advance([job.source])
        old, fitted, held = self.student.model, slice(self.fitted), slice(self.fitted, None)
        self.student.change(measure(old, job, self.student.values(job.source, fitted)))
        before, after = (
            relative_distance(
                normalize(model, job, self.student.values(job.source, held)),
                normalize(self.teacher.model, job, self.teacher.values(job.source, held)),
            )
            for model in (old, self.student.model)
        )
        if not after < before:
            self.student.model = old
        return Step(job.name, "BatchNormalization", "statistics", before, after, after < before)

    def distances(self, model: ir.Model) -> tuple[float, float]:
        """Return how far the outputs are from the reference's, before and after, on held images."""
        names = _scores(model)
        old = Frontier(model, self.held, self.options.memory, self.options.runtime)
        for frontier in (old, self.student, self.teacher):
            frontier.advance(names)
        distances, held = [], slice(self.fitted, None)
        for name in names:
            wanted = self.teacher.values(name, held)
            found = (old.values(name), self.student.values(name, held))
            distances.append([relative_distance(values, wanted) for values in found])
        before, after = np.mean(distances, axis=0)
        return float(before), float(after)

    def _layer(self, job: Regression) -> tuple[Linear, BoolArray]:
        """Return a layer as it is, and where its bias may move."""
        matrix, constants = job.matrix(job.layer.array), self.student.model.graph.initializers
        outputs = len(matrix)
        if job.bias is None:
            fixed = np.zeros(outputs, np.float32) if job.offset is None else job.offset
            return Linear(matrix, fixed), np.zeros(outputs, bool)
        stored = constants[job.bias].const_value
        assert stored is not None  # find_regression saw to it
        bias = stored.numpy().reshape(-1) * np.float32(job.bias_factor)
        return Linear(matrix, bias), (bias != 0) | (not self.pruned_biases)

    def _values(self, job: Regression, new: Linear, free: BoolArray) -> dict[str, Array]:
        """Return the initializers of a layer that was fitted."""
        weights = {job.layer.key: np.ascontiguousarray(job.weights(new.matrix), np.float32)}
        if job.bias is None:
            return weights
        stored = self.student.model.graph.initializers[job.bias].const_value
        assert stored is not None  # find_regression saw to it
        old, fitted = stored.numpy(), new.bias / np.float32(job.bias_factor)
        bias = np.where(free, fitted, old.reshape(-1)).reshape(old.shape)
        return {**weights, job.bias: bias.astype(np.float32)}

    def _rows(self, job: Regression) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Yield the rows of each batch: first those to fit on, then those to check with."""
        generator = np.random.default_rng([self.options.seed, job.place])
        pairs = zip(self.student.values(job.source), self.teacher.values(job.target), strict=True)
        for index, (x, y) in enumerate(pairs):
            if not (np.isfinite(x).all() and np.isfinite(y).all()):
                raise CortadoError(f"values around {job.layer.name} are NaN or infinite")
            share = self.fitted if index < self.fitted else _HELD_ROWS * len(self.held)
            yield job.rows(x, y, -(-self.options.rows // share), generator)


def _scores(model: ir.Model) -> list[str]:
    """Return the values that tell how good a model is: its outputs, or what a Softmax gets there.

    Behind a Softmax, errors of two sure answers count as much as all others together.
    """
    names = []
    for value in model.graph.outputs:
        if value.dtype is not ir.DataType.FLOAT:
            continue
        node = value.producer()
        before = node.inputs[0] if node is not None and node.op_type in _LAST else None
        names.append(str((before or value).name))
    return list(dict.fromkeys(names))


def _has_pruned_biases(model: ir.Model) -> bool:
    """Tell whether zeros of biases were pruned, as `retrain` does: weights were, biases live."""
    layers = find_layers(model).prunable
    keys = {layer.key for layer in layers}
    vectors = [
        value.const_value.numpy()
        for name, value in model.graph.initializers.items()
        if name not in keys and value.dtype is ir.DataType.FLOAT and value.const_value is not None
    ]
    return any((x.array == 0).any() for x in layers) and any(vector.any() for vector in vectors)
