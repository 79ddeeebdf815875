"""`transform_param` of a data layer: how Caffe turns pixels into inputs.

The mean is one value for all channels, one a channel, or an image in a file. Where the layer of the
phase that is asked for does not mirror, that of the TRAIN phase says whether training does. An
ImageData layer in colour reads its files by OpenCV, in the order BGR; of databases nobody knows the
order. `force_color` and `force_gray` follow from the channels of the model.

Source: BVLC/caffe data_transformer.cpp, image_data_layer.cpp.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cortado.caffe.inputs import DATA_TYPES
from cortado.caffe.mean import read_mean
from cortado.caffe.message import Message
from cortado.caffe.net import LayerSpec, layers_of, parse_net
from cortado.caffe.options import CaffeOptions
from cortado.errors import CortadoError
from cortado.task.transform import InputTransform, MeanImage, Order

__all__ = ["StatedTransform", "read_transform_param", "transform_of"]


@dataclass(frozen=True)
class StatedTransform:
    """The input transform as a prototxt states it.

    Attributes
    ----------
    transform : InputTransform
        All of it, or all but the mean image.
    missing : str
        Why the mean image is missing; empty where nothing is.
    """

    transform: InputTransform
    missing: str = ""


def read_transform_param(
    prototxt: str, options: CaffeOptions = CaffeOptions()
) -> StatedTransform | None:
    """Return the transform of the data layer in a prototxt, such as a train_val.

    Parameters
    ----------
    prototxt : str
        The text of the prototxt.
    options : CaffeOptions
        Whose phase, level and stages choose among several data layers.

    Returns
    -------
    StatedTransform or None
        None where no data layer has a `transform_param`.

    Raises
    ------
    CortadoError
        If data layers disagree.
    """
    return transform_of(parse_net(prototxt), options)


def transform_of(net: Message, options: CaffeOptions) -> StatedTransform | None:
    """Return the same of a net that is parsed; raises as `read_transform_param`."""
    layers = _data_layers(layers_of(net, options))
    found = {_transform(layer, options) for layer in layers}
    if len(found) > 1:
        raise CortadoError("the data layers of the prototxt have different transform_param")
    if not found:
        return None
    trained = _data_layers(layers_of(net, replace(options, phase="TRAIN")))
    stated = found.pop()
    mirror = any(_mirrors(layer) for layer in (*layers, *trained))
    return replace(stated, transform=replace(stated.transform, mirror=mirror))


def _data_layers(layers: Sequence[LayerSpec]) -> list[LayerSpec]:
    """Return the data layers that transform what they read."""
    return [
        layer
        for layer in layers
        if layer.type in DATA_TYPES and layer.message.has("transform_param")
    ]


def _mirrors(layer: LayerSpec) -> bool:
    return layer.message.message("transform_param").flag("mirror", default=False)


def _transform(layer: LayerSpec, options: CaffeOptions) -> StatedTransform:
    param = layer.message.message("transform_param")
    means = param.numbers("mean_value")
    if param.has("mean_file") and means:
        raise layer.refuse("it has both a mean_file and mean_value")
    transform = InputTransform(
        scale=param.number("scale", 1.0),
        mean=means,
        crop=param.integer("crop_size", 0, minimum=0),
        order=_order(layer),
    )
    if not param.has("mean_file"):
        return StatedTransform(transform)
    try:
        return StatedTransform(replace(transform, image=_mean_image(layer, options)))
    except CortadoError as error:
        return StatedTransform(transform, str(error))


def _mean_image(layer: LayerSpec, options: CaffeOptions) -> MeanImage:
    path = layer.message.message("transform_param").text("mean_file")
    if options.read_file is None:
        raise layer.refuse(f"its mean is in the file {path!r}, which was not read")
    try:
        return read_mean(options.read_file(path))
    except CortadoError as error:
        raise layer.refuse(f"its mean_file {path!r}: {error}") from error


def _order(layer: LayerSpec) -> Order:
    colour = layer.message.message("image_data_param").flag("is_color", default=True)
    return "bgr" if layer.type == "ImageData" and colour else ""
