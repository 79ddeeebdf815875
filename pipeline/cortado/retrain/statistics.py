"""BatchNorm statistics around a training: measured again where that helps.

While it trains, the network uses fixed statistics, so that the loss is that of the network as it
will run. Pruning, and then training, move what enters a normalization; so its statistics are
measured before the first step and after the last one, and taken where the loss on the validation
images is lower with them.
"""

import onnx_ir as ir

from cortado.batchnorm import reestimate
from cortado.data import Dataset, subset
from cortado.progress import Progress, Steps
from cortado.runtime import Runtime
from cortado.scoring.evaluate import evaluate

__all__ = ["refresh_statistics"]

_IMAGES = 2000


def refresh_statistics(
    model: ir.Model, data: Dataset, head: str | None, moment: str, runtime: Runtime = Runtime()
) -> Steps[ir.Model]:
    """Return a model with statistics of training images, or the model itself where it is better.

    Parameters
    ----------
    model : onnx_ir.Model
        Left as it is.
    data : Dataset
        Statistics are measured on training images; the validation images decide.
    head : str or None
        The output that is scored, see `choose_output`.
    moment : str
        When this is, for the message: ``before training``.
    runtime : Runtime
        Where the models run.
    """
    measured = yield from reestimate(model, subset(data.train, _IMAGES), runtime)
    if not measured.count:
        return model
    old = (yield from evaluate(model, data.val, data.classes, head, runtime)).loss
    new = (yield from evaluate(measured.model, data.val, data.classes, head, runtime)).loss
    verdict = "taken" if new < old else "not taken"
    message = (
        f"statistics of {measured.count} normalizations measured {moment}: "
        f"validation loss {old:.4f} → {new:.4f}, {verdict}"
    )
    yield Progress("statistics", 1, 1, (), message)
    return measured.model if new < old else model
