"""Directories with a training and a test part: Caffe's databases, images, and sample files.

A part is a database (LMDB or LevelDB), a directory of classes, a flat folder of images, or a
directory of sample files, and is known by a word of its name: ``train`` or ``mnist_train_lmdb``,
``test``, ``ilsvrc12_val_lmdb``. Or the parts are named one by one, ``train=PATH,test=PATH``,
perhaps with ``val=PATH``. A ``val`` without a ``test`` is what is tested on. A directory that is
itself a part is divided as any source without a test part.

Directories of images are classes, unless the names of all of them are those of parts.
"""

import re
from collections.abc import Mapping

from cortado import files
from cortado.data.database import is_database, open_database
from cortado.data.flat import open_flat
from cortado.data.folders import list_classes, open_folder
from cortado.data.image_files import list_images
from cortado.data.sample_files import list_samples, open_samples
from cortado.data.samples import Samples
from cortado.data.signature import Signature
from cortado.data.splits import Dataset, from_train_and_test, from_whole
from cortado.errors import CortadoError, UsageError

__all__ = ["find_parts", "name_parts", "open_parts"]

_WORDS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "val": "val",
    "valid": "val",
    "validation": "val",
}
_NAMED = re.compile(r"(?:train|test|val)=")


def name_parts(spec: str) -> dict[str, str]:
    """Return part → path of ``train=PATH,test=PATH``; nothing where `spec` is no such text."""
    if not _NAMED.match(spec):
        return {}
    pairs = [text.partition("=") for text in re.split(rf",(?={_NAMED.pattern})", spec)]
    parts = {name: path for name, _, path in pairs}
    if len(parts) < len(pairs) or not {"train"} < parts.keys():
        raise UsageError(f"--data {spec} must name train=PATH and test=PATH, each once")
    return parts


def find_parts(directory: str) -> dict[str, str]:
    """Return part → path of the parts that a directory holds; ``whole`` where it is one itself."""
    if is_database(directory):
        return {"whole": directory}
    parts: dict[str, str] = {}
    holding = list_classes(directory)
    are_parts = all(map(_part_of, holding))
    for name in files.list_names(directory):
        path, part = f"{directory.rstrip('/')}/{name}", _part_of(name)
        if part and (_is_part(path) or (are_parts and name in holding)):
            if part in parts:
                raise CortadoError(
                    f"both {parts[part]} and {path} could be the {part} part; "
                    "name them as --data train=PATH,test=PATH"
                )
            parts[part] = path
    if not parts and (_is_part(directory) or list_images(directory)):
        return {"whole": directory}
    return parts


def _part_of(name: str) -> str:
    """Return the part that a directory's name has a word of; empty where it has none."""
    words = re.split(r"[^a-z]+", name.lower())
    return next((_WORDS[word] for word in words if word in _WORDS), "")


def open_parts(
    parts: Mapping[str, str], signature: Signature, labels: str | None = None
) -> Dataset:
    """Return the data set of the parts that were found or named.

    Parameters
    ----------
    parts : mapping of str to str
        Part → path.
    signature : Signature
        What the model wants.
    labels : str or None
        A file of labels for flat folders of images, see `flat`.

    Raises
    ------
    CortadoError
        If there is no training part, one of them holds no samples, or labels do not fit.
    """
    first = parts.get("whole", parts.get("train"))
    if first is None:
        path = next(iter(parts.values()))
        raise CortadoError(f"there is {path}, but nothing beside it to train on")
    classes = list_classes(first)
    paths = dict.fromkeys(parts.values())
    if labels is None:
        sources = {path: _open_part(path, classes, signature) for path in paths}
    else:
        sources = {path: _open_labelled(path, signature, labels) for path in paths}
    opened = {name: sources[path] for name, path in parts.items()}
    if len(opened) == 1:
        return from_whole(*opened.values())
    if len(opened) == 3:
        return Dataset(opened["train"], opened["val"], opened["test"])
    train = opened.pop("train")
    return from_train_and_test(train, *opened.values())


def _is_part(path: str) -> bool:
    """Return whether a path holds samples that can be one part."""
    return is_database(path) or bool(list_classes(path) or list_samples(path))


def _open_part(path: str, classes: list[str], signature: Signature) -> Samples:
    if is_database(path):
        return open_database(path, signature.form)
    if samples := list_samples(path):
        return open_samples(samples, signature)
    if list_classes(path):
        return open_folder(path, classes, signature.form)
    if list_images(path):
        return open_flat(path, signature.form)
    raise CortadoError(
        f"{path} is neither an LMDB, a LevelDB, nor a directory of classes, images or samples"
    )


def _open_labelled(path: str, signature: Signature, labels: str) -> Samples:
    if is_database(path) or not list_images(path):
        raise UsageError(f"--labels {labels} is for folders of images; {path} holds none")
    return open_flat(path, signature.form, labels)
