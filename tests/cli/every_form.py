"""A few digits in every form that ``--data`` takes, with labels and without."""

import struct
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from cortado.data.digits import load_digits
from data.records import datum, write_leveldb, write_lmdb

COUNT = 60
PARTS = {"train": slice(0, 45), "test": slice(45, COUNT)}

_MODULE = """
import numpy as np

with np.load({path!r}) as arrays:
    pixels, labels = arrays["x"], arrays["y"]

def labelled():
    return [(image, label) for image, label in zip(pixels, labels, strict=True)]

def unlabelled():
    return list(pixels)
"""


@dataclass(frozen=True)
class Digits:
    """Images of shape (n, 1, 28, 28), uint8, and labels of shape (n,), where all classes occur."""

    pixels: np.ndarray
    labels: np.ndarray

    @classmethod
    def some(cls):
        whole = load_digits()
        pixels = whole.inputs["image"][:COUNT].round().astype(np.uint8)
        return cls(pixels, np.asarray(whole.labels[:COUNT]))

    def part(self, name):
        return Digits(self.pixels[PARTS[name]], self.labels[PARTS[name]])


def _idx(array):
    shape = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, 8, array.ndim]) + shape + array.astype(np.uint8).tobytes()


def _idx_directory(digits, folder):
    for name, stem in (("train", "train"), ("test", "t10k")):
        part = digits.part(name)
        (folder / f"{stem}-images-idx3-ubyte").write_bytes(_idx(part.pixels[:, 0]))
        (folder / f"{stem}-labels-idx1-ubyte").write_bytes(_idx(part.labels))


def _npz_undivided(digits, folder):
    np.savez(folder / "data.npz", x=digits.pixels, y=digits.labels)
    return "data.npz"


def _npz_parts(digits, folder):
    train, test = digits.part("train"), digits.part("test")
    arrays = {"x_train": train.pixels, "y_train": train.labels}
    np.savez(folder / "data.npz", **arrays, x_test=test.pixels, y_test=test.labels)
    return "data.npz"


def _npz_named(digits, folder):
    np.savez(folder / "data.npz", data=digits.pixels, target=digits.labels)
    return "data.npz"


def _npz_named_parts(digits, folder):
    named = {"data": "pixels", "target": "labels"}
    arrays = {
        f"{part}/{name}": getattr(digits.part(part), field)
        for part in PARTS
        for name, field in named.items()
    }
    np.savez(folder / "data.npz", **arrays)
    return "data.npz"


def _npz_samples(digits, folder):
    for i, (image, label) in enumerate(zip(digits.pixels, digits.labels, strict=True)):
        np.savez(folder / f"{i:03}.npz", data=image, target=label)


def _images(digits, folder):
    for i, image in enumerate(digits.pixels):
        Image.fromarray(image[0]).save(folder / f"{i:03}.png")


def _images_with_labels(digits, folder):
    _images(digits, folder)
    lines = [f"{i:03}.png\t{label}\n" for i, label in enumerate(digits.labels)]
    (folder / "labels.txt").write_text("".join(lines))


def _classes(digits, folder):
    for part in PARTS:
        chosen = digits.part(part)
        for label in range(10):  # the number of a class is the place of its name
            (folder / part / str(label)).mkdir(parents=True)
        for i, (image, label) in enumerate(zip(chosen.pixels, chosen.labels, strict=True)):
            Image.fromarray(image[0]).save(folder / part / str(label) / f"{i}.png")


def _database(write):
    def make(digits, folder):
        for part in PARTS:
            chosen = digits.part(part)
            pairs = zip(chosen.pixels, chosen.labels.tolist(), strict=True)
            write(folder / f"digits_{part}_db", [datum(image, label) for image, label in pairs])

    return make


def _callable(function):
    def make(digits, folder):
        path = folder / "arrays.npz"
        np.savez(path, x=digits.pixels, y=digits.labels)
        name = f"data_of_every_form_{function}"
        (folder / f"{name}.py").write_text(_MODULE.format(path=str(path)))
        sys.path.append(str(folder))
        return f":{name}:{function}"

    return make


def _npy(digits, folder):
    np.save(folder / "data.npy", digits.pixels)
    return "data.npy"


def _npz_images(digits, folder):
    np.savez(folder / "data.npz", x=digits.pixels)
    return "data.npz"


def _npz_named_alone(digits, folder):
    np.savez(folder / "data.npz", data=digits.pixels)
    return "data.npz"


def _npy_samples(digits, folder):
    for i, image in enumerate(digits.pixels):
        np.save(folder / f"{i:03}.npy", image)


def _embedded(digits, folder):
    return ":digits"


LABELLED = {
    "a directory of IDX files": _idx_directory,
    "x and y of an npz": _npz_undivided,
    "x_train … y_test of an npz": _npz_parts,
    "an npz named after inputs": _npz_named,
    "an npz named after inputs, in parts": _npz_named_parts,
    "a directory of npz samples": _npz_samples,
    "a folder of images with labels": _images_with_labels,
    "a directory a class": _classes,
    "LMDB": _database(write_lmdb),
    "LevelDB": _database(write_leveldb),
    "digits": _embedded,
    "a callable": _callable("labelled"),
}
"""Form → function that writes it to a folder and returns what to name: the folder by default."""

UNLABELLED = {
    "an npy": _npy,
    "x of an npz": _npz_images,
    "an npz named after the input": _npz_named_alone,
    "a directory of npy samples": _npy_samples,
    "a folder of images": _images,
    "a callable without labels": _callable("unlabelled"),
}
"""The same for forms without labels."""


def write_form(form, folder: Path):
    """Write digits in a form, and return what ``--data`` says of them."""
    found = {**LABELLED, **UNLABELLED}[form](Digits.some(), folder)
    if found is None:
        return str(folder)
    return found[1:] if found.startswith(":") else str(folder / found)
