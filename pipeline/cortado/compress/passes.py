"""Compression: smaller models, the last of them emitted, the file validated.

Every choice is made on validation images, by training or without; only the finished file is
measured on the test images, beside the dense model as it came.
"""

from dataclasses import dataclass, replace

import onnx_ir as ir

from cortado.compress.options import EFFORTS, CompressOptions
from cortado.compress.stages import Compression, Stage, judge_stage
from cortado.compress.trained import train_small
from cortado.compress.untrained import fit_small
from cortado.emit import Emitted, check_decoded
from cortado.errors import CortadoError
from cortado.model.layers.codebook import find_codebook
from cortado.model.layers.prunable import find_layers
from cortado.progress import Steps
from cortado.scoring.task import Task
from cortado.sensitivity import Table
from cortado.validate import Candidate, ValidateOptions, Validation, validate

__all__ = ["Compressed", "compress"]


@dataclass(frozen=True)
class Compressed:
    """The file, and how it came to be.

    Attributes
    ----------
    emitted : Emitted
        The bytes, and how each tensor is stored.
    stages : tuple of Stage
        Every model on the way, judged on validation images: dense, reference (with labels), rungs,
        shared.
    validation : Validation
        The file and the dense model on the test images, and the latency of one image.
    curves : Table or None
        The sweep of the dense model that plans were made of; None where it was trained.
    """

    emitted: Emitted
    stages: tuple[Stage, ...]
    validation: Validation
    curves: Table | None = None

    @property
    def model(self) -> ir.Model:
        """The model that the file holds."""
        return self.stages[-1].model


def compress(
    model: ir.Model, task: Task, options: CompressOptions = CompressOptions()
) -> Steps[Compressed]:
    """Make the smallest file that loses no more than it may on validation samples.

    Parameters
    ----------
    model : onnx_ir.Model
        The trained model, which the task is bound to; left as it is.
    task : Task
        Models are trained on the training part of its data, judged on the validation part, and
        reported on the test part. Without targets they are trained by the dense model's outputs.
    options : CompressOptions
        The limit, the bits, and how long to search.

    Raises
    ------
    LimitNotMetError
        If no shared model holds the floor, or the reference misses `floor`.
    CortadoError
        If the model can't be trained, or shares weights already.
    UsageError
        If the user does not say how much worse the metric may become, and no number is usual.
    """
    _check_free(model)
    job = Compression.of(task, options, EFFORTS[options.effort])
    dense = yield from judge_stage(job, "dense", model, None)
    curves = None
    if options.train:
        smaller = yield from train_small(job, dense)
    else:
        smaller, curves = yield from fit_small(job, dense)
    emitted = smaller[-1].emitted
    check_decoded(smaller[-1].model, emitted)  # that it loads, validation shows
    candidate = Candidate(emitted.data, smaller[-1].model)
    measured = replace(ValidateOptions.of_test(task), latency_batch=1)
    validation = yield from validate(candidate, model, measured)
    return Compressed(emitted, (dense, *smaller), validation, curves)


def _check_free(model: ir.Model) -> None:
    """Refuse, before any work is done, a model that the ladder could not prune."""
    layers = find_layers(model).prunable
    if not layers:
        raise CortadoError("the model has no prunable layer; `cortado inspect` says why")
    for layer in layers:
        if find_codebook(layer.array) is not None:
            raise CortadoError(
                f"the weights of {layer.name} share values already: compress a model before "
                "its weights are quantized"
            )
