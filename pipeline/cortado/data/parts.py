"""Directories with a training and a test part, each of a form that may be one.

A part is a database (LMDB or LevelDB), a directory of classes, a flat folder of images, or a
directory of sample files, and is known by a word of its name: ``train`` or ``mnist_train_lmdb``,
``test``, ``ilsvrc12_val_lmdb``. Or the parts are named one by one, ``train=PATH,test=PATH``,
perhaps with ``val=PATH``. A ``val`` without a ``test`` is what is tested on. A directory that is
itself a part is divided as any source without a test part.

Directories of images are classes, unless the names of all of them are those of parts.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from cortado import files
from cortado.data.flat import IMAGES
from cortado.data.folders import list_classes
from cortado.data.forms import DataForm, Wanted, all_forms, form_of
from cortado.data.samples import Samples
from cortado.data.splits import Dataset, from_train_and_test, from_whole
from cortado.errors import CortadoError, UsageError

__all__ = ["PARTS"]

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


def _recognizes(spec: str) -> bool:
    return bool(_NAMED.match(spec)) or (files.is_folder(spec) and bool(_find(spec)))


def _name(spec: str) -> dict[str, str]:
    """Return part → path of ``train=PATH,test=PATH``."""
    pairs = [text.partition("=") for text in re.split(rf",(?={_NAMED.pattern})", spec)]
    parts = {name: path for name, _, path in pairs}
    if len(parts) < len(pairs) or not {"train"} < parts.keys():
        raise UsageError(f"--data {spec} must name train=PATH and test=PATH, each once")
    return parts


def _find(directory: str) -> dict[str, str]:
    """Return part → path of the parts that a directory holds."""
    parts: dict[str, str] = {}
    are_parts = all(map(_part_of, list_classes(directory)))
    for name in files.list_names(directory):
        path, part = f"{directory.rstrip('/')}/{name}", _part_of(name)
        if part and _is_part(path, are_parts=are_parts):
            if part in parts:
                raise CortadoError(
                    f"both {parts[part]} and {path} could be the {part} part; "
                    "name them as --data train=PATH,test=PATH"
                )
            parts[part] = path
    return parts


def _part_of(name: str) -> str:
    """Return the part that a directory's name has a word of; empty where it has none."""
    words = re.split(r"[^a-z]+", name.lower())
    return next((_WORDS[word] for word in words if word in _WORDS), "")


def _is_part(path: str, *, are_parts: bool) -> bool:
    """Return whether a path is a part; one that holds images may be a class instead."""
    form = form_of(path)
    return form is not None and (are_parts or form.name != IMAGES.name)


def _open(spec: str, wanted: Wanted) -> Dataset:
    parts = _name(spec) if _NAMED.match(spec) else _find(spec)
    if "train" not in parts:
        path = next(iter(parts.values()))
        raise CortadoError(f"there is {path}, but nothing beside it to train on")
    wanted = replace(wanted, train=parts["train"])
    opened = {path: _open_part(path, wanted) for path in dict.fromkeys(parts.values())}
    return _divided({name: opened[path] for name, path in parts.items()})


def _open_part(path: str, wanted: Wanted) -> Samples:
    form = form_of(path)
    if form is None:
        files.list_names(path)  # or it cannot be read
        names = ", ".join(form.name for form in all_forms() if form.is_part)
        raise CortadoError(f"{path} is not one of: {names}")
    opened = form.opened(path, wanted)
    assert not isinstance(opened, Dataset)  # what a part is by its definition
    return opened


def _divided(parts: Mapping[str, Samples]) -> Dataset:
    if len(parts) == 1:
        return from_whole(*parts.values())
    if len(parts) == 3:
        return Dataset(parts["train"], parts["val"], parts["test"])
    test = next(parts[name] for name in ("test", "val") if name in parts)
    return from_train_and_test(parts["train"], test)


PARTS = DataForm("train=PATH,test=PATH", _recognizes, _open, takes_labels=True)
