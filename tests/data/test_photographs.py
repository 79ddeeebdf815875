"""Photographs and a net for ImageNet: inputs and accuracy of a loop of Pillow and onnxruntime."""

import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image

from cortado import files
from cortado.data.flat import open_flat
from cortado.data.images import ImageForm
from cortado.data.samples import IMAGE
from cortado.task.presets import apply_preset, find_plane
from cortado.task.transform import InputTransform
from support import SHARED, needs_shared

NET = SHARED / "real" / "onnx" / "efficientnet-lite0.onnx"
PHOTOGRAPHS = SHARED / "real" / "imagenet-1000"
CHOSEN = np.arange(0, 1000, 5)


def plain_input(path):
    """Return the net's input for a photograph: the centre of 224×224, RGB in −1…1."""
    with Image.open(path) as image:
        rgb = image.convert("RGB")
    left, top = (rgb.width - 224) // 2, (rgb.height - 224) // 2
    pixels = np.asarray(rgb.crop((left, top, left + 224, top + 224)), np.float32)
    return ((pixels - np.float32(127.5)) / np.float32(127.5)).transpose(2, 0, 1)


@needs_shared
@pytest.mark.parametrize("resize", [0, 256])
def test_the_preset_tf_gives_the_inputs_of_a_plain_loop(resize):
    """The photographs are 256×256, so that a resize to that changes nothing."""
    plane = find_plane(files.read_model(str(NET)))
    transform = apply_preset("tf", InputTransform(resize=resize, crop=224), plane)
    samples = open_flat(str(PHOTOGRAPHS), ImageForm.of(plane, transform))
    paths = sorted(PHOTOGRAPHS.glob("*.jpg"))
    for i in CHOSEN[::10]:
        found = transform(samples.take(np.array([i])).inputs[IMAGE])
        np.testing.assert_array_equal(found, plain_input(paths[i])[None])


@needs_shared
def test_a_net_for_imagenet_is_as_right_as_published_on_a_flat_folder(tmp_path):
    plane = find_plane(files.read_model(str(NET)))
    transform = apply_preset("tf", InputTransform(crop=224), plane)
    names = sorted(path.name for path in PHOTOGRAPHS.glob("*.jpg"))
    labels = tmp_path / "labels.txt"
    labels.write_text("".join(f"{name}\t{i}\n" for i, name in enumerate(names)))
    samples = open_flat(str(PHOTOGRAPHS), ImageForm.of(plane, transform), str(labels))
    assert samples.alike is not None
    assert len(set(samples.alike[CHOSEN].tolist())) == 1
    session = onnxruntime.InferenceSession(onnx.load(NET).SerializeToString())
    hits = 0
    for begin in range(0, len(CHOSEN), 20):
        batch = samples.take(CHOSEN[begin : begin + 20])
        (scores,) = session.run(None, {"x": transform(batch.inputs[IMAGE])})
        hits += int((scores.argmax(axis=1) == CHOSEN[begin : begin + 20]).sum())
    assert hits / len(CHOSEN) == pytest.approx(0.88, abs=0.03)
