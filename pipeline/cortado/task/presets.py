"""Input transforms by name, and fitted to the input of a model.

imagenet  torchvision's: RGB in 0…1, minus the mean of ImageNet, divided by its standard deviation;
          the shorter side resized to 256, the centre of 224×224
caffe     the nets of BVLC and VGG: BGR in 0…255, minus the mean of ImageNet
tf        TensorFlow's: RGB in −1…1

A further preset is an entry in `PRESETS`.
"""

from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

import onnx_ir as ir

from cortado.task.transform import InputTransform

__all__ = ["PRESETS", "Plane", "apply_preset", "find_plane"]

PRESETS = MappingProxyType(
    {
        "imagenet": InputTransform(
            scale=1 / 255,
            mean=(0.485 * 255, 0.456 * 255, 0.406 * 255),
            std=(0.229, 0.224, 0.225),
            order="rgb",
            resize=256,
            crop=224,
        ),
        "caffe": InputTransform(1.0, (104.00698793, 116.66876762, 122.67891434), order="bgr"),
        "tf": InputTransform(1.0, (127.5,), std=(127.5,), order="rgb"),
    }
)

_COLOURS = (1, 3, 4)  # numbers of channels that tell an axis


class Plane(NamedTuple):
    """The images that a model takes: channels, height and width; None where it leaves them open."""

    channels: int | None
    height: int | None
    width: int | None

    @property
    def is_fixed(self) -> bool:
        """Whether height and width are fixed."""
        return self.height is not None and self.width is not None


def find_plane(model: ir.Model) -> Plane | None:
    """Return which images a model takes; None where not exactly one of its inputs has four axes."""
    shapes = [v.shape for v in model.graph.inputs if not v.is_initializer() and v.shape is not None]
    planes = [shape for shape in shapes if len(shape) == 4]
    if len(planes) != 1:
        return None
    _, *axes = (size if isinstance(size, int) else None for size in planes[0])
    if axes[2] in _COLOURS and axes[0] not in _COLOURS:  # channels last
        axes = [axes[2], axes[0], axes[1]]
    return Plane(*axes)


def apply_preset(name: str, base: InputTransform, plane: Plane | None) -> InputTransform:
    """Return a preset on top of what else is known of a model's transform.

    A preset decides on scale, mean, standard deviation and order. A resize and crop of it are
    fitted to a model whose input is fixed: the crop is the input, and the shorter side before it
    is longer by the same ratio where it would be smaller than the crop. An input that is no square
    has neither, and takes the whole image. A preset without them leaves those of `base`.
    """
    preset = PRESETS[name]
    resize, crop, size = preset.resize, preset.crop, None
    if not resize:
        resize, crop, size = base.resize, base.crop, base.size
    elif plane is not None and plane.height is not None and plane.width is not None:
        if plane.height != plane.width:
            resize = crop = 0
        else:
            wanted = plane.height
            resize = resize if wanted <= resize else round(wanted * resize / crop)
            crop = wanted
    return replace(preset, resize=resize, crop=crop, size=size, mirror=base.mirror)
