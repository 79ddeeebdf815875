"""The repair pass: a cut model, the dense one and samples → the cut model with fitted weights.

The layers are taken in graph order. What enters a layer comes from the model as far as it is
repaired, what it should give from the reference, so that each layer also makes up for the errors of
those before it. On samples that no fit has seen, a layer that got worse keeps its old values; and
so does the whole model, if its outputs did.

Values whose shape depends on the weights, such as those behind NonMaxSuppression, cannot be
compared with the reference: layers there stay, and outputs there do not count.
"""

from dataclasses import dataclass
from math import nan

import onnx_ir as ir

from cortado.batchnorm import Norm, find_norms
from cortado.data import Samples
from cortado.errors import CortadoError
from cortado.invariants import check_kept
from cortado.model.layers.prunable import Skipped, check_finite, find_layers, replace_weights
from cortado.progress import Progress, Steps
from cortado.repair.distance import MisalignedError
from cortado.repair.options import RepairOptions
from cortado.repair.reference import check_reference
from cortado.repair.regression import Regression, find_regression
from cortado.repair.work import Step, Work

__all__ = ["Repaired", "Step", "repair"]

_FEWEST_HELD = 2  # of one sample no variance is known


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
        Distance of the outputs, as in `Step`; of a Softmax, that of what it gets. Where no output
        can be compared, that of what the last layers give; NaN without steps.
    kept : bool
        Whether the repair as a whole made the outputs better.
    """

    model: ir.Model
    steps: tuple[Step, ...]
    skipped: tuple[Skipped, ...]
    before: float
    after: float
    kept: bool

    @property
    def refusal(self) -> str:
        """Why nothing could be repaired; empty if something could."""
        if self.steps:
            return ""
        why = f"{self.skipped[0].name}: {self.skipped[0].reason}" if self.skipped else "it has none"
        return f"no layer of the model can be repaired: {why}"


def repair(
    model: ir.Model,
    reference: ir.Model,
    samples: Samples,
    held: Samples,
    options: RepairOptions = RepairOptions(),
) -> Steps[Repaired]:
    """Fit the weights that are left, layer by layer, to what the reference gives.

    Where no layer can be fitted, the model stays; see `Repaired.refusal`.

    Parameters
    ----------
    model : onnx_ir.Model
        Left as it is. Its zeros stay zero, its shared values stay shared.
    reference : onnx_ir.Model
        The same graph with other weights: the model before it was cut.
    samples : Samples
        What is fitted on; targets are not used.
    held : Samples
        What decides whether a fit is better.
    options : RepairOptions
        How strongly to damp, the seed, and where models run.

    Raises
    ------
    CortadoError
        If the reference is another net, samples don't fit, or values are not finite.
    """
    if len(held) < _FEWEST_HELD:
        raise CortadoError(f"a repair is checked on {_FEWEST_HELD} samples at least; there is 1")
    check_reference(model, reference)
    check_finite([*find_layers(model).prunable, *find_layers(reference).prunable])
    jobs, skipped = _jobs(model)
    work = Work.of((model, reference), (samples, held), options)
    steps, fitted = list[Step](), list[Regression | Norm]()
    for done, job in enumerate(jobs, start=1):
        try:
            steps.append(work.fit(job) if isinstance(job, Regression) else work.measure(job))
            fitted.append(job)
        except MisalignedError as error:
            skipped.append(_skipped(job, str(error)))
        figures = (("error", steps[-1].after),) if steps else ()
        yield Progress("repair", done, len(jobs), figures)
    if not steps:
        return Repaired(replace_weights(model, {}), (), tuple(skipped), nan, nan, kept=False)
    before, after = work.distances(model, fitted)
    result = work.student.model if after < before else replace_weights(model, {})
    check_kept(model, result)
    return Repaired(result, tuple(steps), tuple(skipped), before, after, after < before)


def _skipped(job: "Regression | Norm", reason: str) -> Skipped:
    if isinstance(job, Regression):
        return Skipped(job.layer.name, job.layer.op_type, reason)
    return Skipped(job.name, "BatchNormalization", reason)


def _jobs(model: ir.Model) -> tuple[list[Regression | Norm], list[Skipped]]:
    """Return what can be repaired, in graph order, and what can't."""
    places = {node: place for place, node in enumerate(model.graph)}
    layers, norms = find_layers(model), find_norms(model)
    normalized = {norm.source for norm in norms.found}
    jobs: list[Regression | Norm] = list(norms.found)
    skipped = list(layers.skipped)
    for layer in layers.prunable:
        found = find_regression(layer, places, normalized)
        if isinstance(found, str):
            skipped.append(Skipped(layer.name, layer.op_type, found))
        else:
            jobs.append(found)
    jobs.sort(key=lambda job: job.place)
    return jobs, [*skipped, *norms.skipped]
