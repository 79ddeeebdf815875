"""The published nets of the shared data, what they are fed with, and plain loops that run them.

A plain loop opens files with Pillow and runs onnxruntime, one sample at a time; it shares no line
with cortado, and says what `evaluate` must find.
"""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from cli.program import done
from support import SHARED

text_lines = pytest.importorskip("kinds.text_lines")

REAL = SHARED / "real"
NETS = REAL / "onnx"
PHOTOS = REAL / "imagenet-1000"
LENGTHS = {8000: 256, 16000: 512}
"""Samples of a window of audio, by the rate."""

needs_real = pytest.mark.skipif(not REAL.is_dir(), reason=f"the published nets are absent: {REAL}")

IMPORTS = {
    "efficientnet-lite0": "--preprocess tf --resize 256 --crop 224",
    "efficientnet-lite0-dynamo": "--preprocess tf --resize 256 --crop 224",
    "ch_PP-OCRv4_rec_infer": "--preprocess tf --channel-order bgr --resize 48,-1",
    "ch_PP-OCRv4_det_infer": "--channel-order bgr --input-range 0..1 "
    "--input-mean 0.485,0.456,0.406 --input-std 0.229,0.224,0.225",
    "ch_ppocr_mobile_v2.0_cls_infer": "--preprocess tf --channel-order bgr --resize 48,192",
    "silero_vad": "",
}
"""How each net is imported: as its makers feed it."""


def import_net(name, folder):
    """Import one of the nets, and return the path."""
    path = Path(folder) / f"{name}.onnx"
    done("import", NETS / f"{name}.onnx", *IMPORTS[name].split(), "-q", "-o", path)
    return path


def report(*arguments):
    """Run a command that must succeed, and return its JSON report."""
    return json.loads(done(*arguments, "--json", "-"))


def evaluation(model, data, *options):
    """Return the report of `evaluate` on all samples."""
    return report("evaluate", model, "--data", data, "--split", "all", *options)


def link_photos(folder, step, *, labelled=True):
    """Fill a flat folder with every so many of the photographs, and their labels."""
    folder.mkdir(parents=True, exist_ok=True)
    names = sorted(path.name for path in PHOTOS.glob("*.jpg"))
    lines = []
    for label, name in list(enumerate(names))[::step]:
        (folder / name).symlink_to(PHOTOS / name)
        lines.append(f"{name}\t{label}\n")
    if labelled:
        (folder / "labels.txt").write_text("".join(lines))
    return folder


def write_turned(folder, count):
    """Write text lines, every other one upside down, with the labels 0 and 1."""
    text_lines.write_folder(folder, count)
    lines = []
    for index, name in enumerate(sorted(path.name for path in folder.glob("*.png"))):
        if index % 2:
            Image.open(folder / name).rotate(180).save(folder / name)
        lines.append(f"{name}\t{index % 2}\n")
    (folder / "labels.txt").write_text("".join(lines))
    return folder


def write_audio(folder, rate, count):
    """Write windows of voiced and silent noise with states, one file each."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(rate)
    time = np.arange(LENGTHS[rate]) / rate
    for index in range(count):
        base, loudness = rng.uniform(80, 300), rng.uniform(0, 0.5) * (rng.random() < 0.7)
        tones = [np.sin(2 * np.pi * base * k * time + rng.uniform(0, 6)) / k for k in range(1, 8)]
        window = loudness * sum(tones) + rng.normal(0, 0.02, len(time))
        state = rng.normal(0, 0.3, (2, 128)).astype(np.float32)
        arrays = {"input": window.astype(np.float32), "state": state, "sr": np.int64(rate)}
        np.savez(folder / f"{index:03d}.npz", **arrays)
    return folder


def session(path):
    """Open a file in plain onnxruntime."""
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def run(runner, inputs):
    """Return the outputs in their order."""
    return runner.run(None, inputs)


def classify_photos(path, folder):
    """Return what a classifier sees in the central 224×224 of each photograph, RGB in −1…1."""
    runner, found = session(path), []
    (name,) = [value.name for value in runner.get_inputs()]
    for photo in sorted(Path(folder).glob("*.jpg")):
        image = Image.open(photo).convert("RGB").crop((16, 16, 240, 240))
        pixels = (np.asarray(image, np.float32) - np.float32(127.5)) / np.float32(127.5)
        found.append(int(run(runner, {name: pixels.transpose(2, 0, 1)[None]})[0].argmax()))
    return np.array(found)


def classify_lines(path, folder):
    """Return whether each text line is upside down, BGR in −1…1, resized to 48×192."""
    runner, found = session(path), []
    (name,) = [value.name for value in runner.get_inputs()]
    for line in sorted(Path(folder).glob("*.png")):
        image = Image.open(line).convert("RGB").resize((192, 48), Image.Resampling.BILINEAR)
        pixels = np.asarray(image, np.float32)[:, :, ::-1] / np.float32(127.5) - np.float32(1)
        found.append(int(run(runner, {name: pixels.transpose(2, 0, 1)[None]})[0].argmax()))
    return np.array(found)


def text_maps(path, folder):
    """Return the map of text in each photograph, BGR by ImageNet's mean and deviation."""
    runner, found = session(path), []
    (name,) = [value.name for value in runner.get_inputs()]
    mean, deviation = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
    for photo in sorted(Path(folder).glob("*.jpg")):
        pixels = np.asarray(Image.open(photo).convert("RGB"), np.float32)[:, :, ::-1]
        pixels = (pixels / 255 - mean) / deviation
        found.append(run(runner, {name: pixels.transpose(2, 0, 1)[None]})[0][0, 0])
    return np.array(found)
