"""`transform_param` of a data layer: how Caffe turns pixels into inputs.

Source: BVLC/caffe data_transformer.cpp: (pixel - mean) * scale, the mean one value for all
channels or one a channel.
"""

from collections.abc import Sequence

from cortado.caffe.inputs import DATA_TYPES
from cortado.caffe.net import LayerSpec, read_net
from cortado.caffe.options import CaffeOptions
from cortado.errors import CortadoError
from cortado.model.metadata import InputTransform

__all__ = ["read_transform_param", "transform_of"]


def read_transform_param(
    prototxt: str, options: CaffeOptions = CaffeOptions()
) -> InputTransform | None:
    """Return the transform of the data layer in a prototxt, such as a train_val.

    Parameters
    ----------
    prototxt : str
        The text of the prototxt.
    options : CaffeOptions
        Whose phase, level and stages choose among several data layers.

    Returns
    -------
    InputTransform or None
        None where no data layer has a `transform_param`.

    Raises
    ------
    CortadoError
        If the mean is in a file, or data layers disagree.
    """
    return transform_of(read_net(prototxt, options).layers)


def transform_of(layers: Sequence[LayerSpec]) -> InputTransform | None:
    """Return the transform that the data layers among `layers` state, if any does."""
    found = {
        _transform(layer)
        for layer in layers
        if layer.type in DATA_TYPES and layer.message.has("transform_param")
    }
    if len(found) > 1:
        raise CortadoError("the data layers of the prototxt have different transform_param")
    return next(iter(found), None)


def _transform(layer: LayerSpec) -> InputTransform:
    param = layer.message.message("transform_param")
    if param.has("mean_file"):
        raise layer.refuse(
            f"its mean is in the file {param.text('mean_file')!r}; pass the mean explicitly"
        )
    return InputTransform(param.number("scale", 1.0), param.numbers("mean_value"))
