"""Directories with a training and a test part: Caffe's databases, and image folders.

A part is a database (LMDB or LevelDB) or a directory of classes, and is told by a word of its
name: ``train`` or ``mnist_train_lmdb``, ``test``, ``ilsvrc12_val_lmdb``. Or the parts are named one
by one, ``train=PATH,test=PATH``, perhaps with ``val=PATH``. A ``val`` without a ``test`` is what
is tested on. A directory that is itself a part is divided as any source without a test part.
"""

import re
from collections.abc import Mapping

from cortado import files
from cortado.data.database import is_database, open_database
from cortado.data.folders import list_classes, open_folder
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
    for name in files.list_names(directory):
        path = f"{directory.rstrip('/')}/{name}"
        words = [_WORDS[word] for word in re.split(r"[^a-z]+", name.lower()) if word in _WORDS]
        if words and (_is_part(path)):
            if words[0] in parts:
                raise CortadoError(
                    f"both {parts[words[0]]} and {path} could be the {words[0]} part; "
                    "name them as --data train=PATH,test=PATH"
                )
            parts[words[0]] = path
    if not parts and _is_part(directory):
        return {"whole": directory}
    return parts


def open_parts(parts: Mapping[str, str], signature: Signature) -> Dataset:
    """Return the data set of the parts that were found or named.

    Raises
    ------
    CortadoError
        If there is no training part, or one of them is no database and holds no classes.
    """
    first = parts.get("whole", parts.get("train"))
    if first is None:
        path = next(iter(parts.values()))
        raise CortadoError(f"there is {path}, but nothing beside it to train on")
    classes = list_classes(first)
    sources = {path: _open_part(path, classes, signature) for path in dict.fromkeys(parts.values())}
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
    if not list_classes(path):
        raise CortadoError(f"{path} is neither an LMDB, a LevelDB nor a directory of classes")
    return open_folder(path, classes, signature.form)
