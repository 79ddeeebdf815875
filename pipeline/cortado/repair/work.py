"""Both models at work: one layer or normalization after the other is fitted and checked.

What enters a layer comes from the model as far as it is repaired, what it should give from the
reference.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir
from threadpoolctl import threadpool_limits

from cortado.batchnorm import Norm, measure, normalize
from cortado.data import Inputs, Samples
from cortado.errors import CortadoError
from cortado.layerwise import Frontier
from cortado.model.layers.prunable import find_layers
from cortado.model.typing import Array, BoolArray, FloatArray
from cortado.repair.distance import MisalignedError, relative_distance
from cortado.repair.fit import Linear, fit
from cortado.repair.judged import judged_ends, judged_outputs
from cortado.repair.moments import measure_moments
from cortado.repair.options import RepairOptions
from cortado.repair.regression import Regression

__all__ = ["Step", "Work"]

_HELD_ROWS = 4  # a fit has so many times the rows that its check has
_WIDE = 2_000  # inputs of a layer: below, threads would wait for one another more than they do


@dataclass(frozen=True)
class Step:
    """The result for one layer, or for one normalization.

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
class Work:
    """Both models on all samples: `fitted` batches to fit on, then the `held` ones."""

    student: Frontier
    teacher: Frontier
    held: Inputs
    fitted: int
    pruned_biases: bool
    outputs: tuple[str, ...]
    options: RepairOptions

    @classmethod
    def of(
        cls,
        models: tuple[ir.Model, ir.Model],
        parts: tuple[Samples, Samples],
        options: RepairOptions,
    ) -> "Work":
        """Return the work on a model and its reference, with samples to fit on and held ones."""
        model, raw, outputs = models[0], options.raw, tuple(judged_outputs(models[0]))
        student, teacher = (
            Frontier(
                each, Inputs.of(each, *parts, raw=raw), options.runtime, options.memory, outputs
            )
            for each in models
        )
        whole = Inputs.of(model, *parts, raw=raw)
        fitted, held = (replace(whole, parts=(part,)) for part in parts)
        pruned = _has_pruned_biases(model)
        return cls(student, teacher, held, len(fitted), pruned, outputs, options)

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
        old, free = self._layer(job)
        centred = job.normalized and self._is_by_output(job)
        new, kind = fit(moments, old, free | centred, self.options.damping)
        del moments
        found = [(old(x), new(x), y) for x, y in rows]  # of inputs, one batch at a time is held
        olds, news, wanted = zip(*found, strict=True)
        before, after = (
            relative_distance(given, wanted, centred=centred) for given in (olds, news)
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

    def distances(self, model: ir.Model, jobs: Sequence[Regression | Norm]) -> tuple[float, float]:
        """Return how far the outputs are from the reference's, before and after, if held out.

        Where no output can be compared, what the last of `jobs` give is.
        """
        old, held = self._on_held(model), slice(self.fitted, None)
        found = _distances(self.outputs, (old, self.student, self.teacher), held)
        if not found:
            models = (model, self.student.model, self.teacher.model)
            old, student, teacher = (self._on_held(each) for each in models)
            found = _distances(judged_ends(model, jobs), (old, student, teacher), slice(None))
        if not found:
            raise CortadoError("nothing that the model gives can be compared with the reference")
        before, after = np.mean(found, axis=0)
        return float(before), float(after)

    def _on_held(self, model: ir.Model) -> Frontier:
        return Frontier(model, self.held, self.options.runtime, self.options.memory)

    def _is_by_output(self, job: Regression) -> bool:
        """Return whether the channels of a normalization behind a layer are its outputs."""
        first = next(iter(self.teacher.values(job.target, slice(1))))
        return job.form.counts_outputs_second(first)

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
            rows = job.rows(x, y, -(-self.options.rows // share), generator)
            if rows is None:
                raise MisalignedError
            yield rows


def _distances(
    names: Sequence[str], models: tuple[Frontier, Frontier, Frontier], held: slice
) -> list[tuple[float, float]]:
    """Return the distances of values, before and after, but of those whose shapes differ.

    The models are the old one, which sees held samples alone, the repaired one and the reference.
    """
    old, student, teacher = models
    for frontier in models:
        frontier.advance(names)
    found = []
    for name in names:
        wanted = teacher.values(name, held)
        try:
            before = relative_distance(old.values(name), wanted)
            found.append((before, relative_distance(student.values(name, held), wanted)))
        except MisalignedError:
            continue
    return found


def _has_pruned_biases(model: ir.Model) -> bool:
    """Return whether zeros of biases were pruned, as `retrain` does: weights were, biases live."""
    layers = find_layers(model).prunable
    keys = {layer.key for layer in layers}
    vectors = [
        value.const_value.numpy()
        for name, value in model.graph.initializers.items()
        if name not in keys and value.dtype is ir.DataType.FLOAT and value.const_value is not None
    ]
    return any((x.array == 0).any() for x in layers) and any(vector.any() for vector in vectors)
