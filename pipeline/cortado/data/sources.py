"""What a ``--data`` option may name.

``digits``                      the embedded default
a directory of IDX files        MNIST, Fashion-MNIST: ``train-*`` and ``t10k-*``, or ``test-*``
a directory of databases        LMDB or LevelDB, as Caffe's tools write them
a directory of images           one directory a class, or flat
a directory of samples          ``.npz`` or ``.npy`` files, one sample each
``train=PATH,test=PATH``        the parts of these by name, see `parts`
``file.npz``, ``file.npy``      arrays, see `archives`
``package.module:callable``     a data set of the user's own, see `callables`

Pixels are 0…255 in every source; the model's input transform is applied later.
"""

import re

from cortado import files
from cortado.data.archives import check_pixels, open_archive
from cortado.data.callables import open_callable
from cortado.data.digits import load_digits
from cortado.data.idx import parse_idx
from cortado.data.parts import find_parts, name_parts, open_parts
from cortado.data.samples import ArraySamples, labelled_images
from cortado.data.signature import Signature
from cortado.data.splits import Dataset, from_train_and_test, from_whole
from cortado.errors import CortadoError, UsageError
from cortado.model.typing import Array

__all__ = ["open_data"]

_CALLABLE = re.compile(r"[\w.]+:\w+")


def open_data(spec: str, signature: Signature = Signature(), labels: str | None = None) -> Dataset:
    """Return the data set that a ``--data`` option names.

    Parameters
    ----------
    spec : str
        What the option says.
    signature : Signature
        What the model wants.
    labels : str or None
        A file of labels for folders of images, see `flat`.

    Raises
    ------
    CortadoError
        If there is no such source, its files are damaged, or its arrays do not fit the model.
    UsageError
        If labels are given for anything but folders of images.
    """
    parts = _find_parts(spec)
    if parts:
        return open_parts(parts, signature, labels)
    if labels is not None:
        raise UsageError(f"--labels {labels} is for folders of images; --data {spec} has its own")
    if spec == "digits":
        return from_whole(load_digits())
    if spec.endswith((".npz", ".npy")):
        return open_archive(spec, signature)
    if _CALLABLE.fullmatch(spec):
        return open_callable(spec, signature)
    return _open_idx(spec)


def _find_parts(spec: str) -> dict[str, str]:
    """Return part → path where a spec names directories of them."""
    if spec == "digits" or spec.endswith((".npz", ".npy")) or _CALLABLE.fullmatch(spec):
        return {}
    return name_parts(spec) or find_parts(spec)


def _open_idx(directory: str) -> Dataset:
    names = files.list_names(directory)
    if not any("ubyte" in name for name in names):
        raise CortadoError(
            f"--data {directory} is none of: digits, a directory of IDX files, of databases "
            "(LMDB, LevelDB), of images or of samples (.npz, .npy), a .npz or .npy file, "
            "package.module:callable"
        )
    train = _read_idx_pair(directory, names, ("train",))
    test = _read_idx_pair(directory, names, ("t10k", "test"))
    return from_train_and_test(train, test)


def _read_idx_pair(directory: str, names: list[str], prefixes: tuple[str, ...]) -> ArraySamples:
    images = _read_idx(directory, names, prefixes, "images")
    labels = _read_idx(directory, names, prefixes, "labels")
    if len(images) != len(labels):
        raise CortadoError(f"{directory}: {len(images)} images have {len(labels)} labels")
    return labelled_images(check_pixels(images, directory), labels.astype("int64"))


def _read_idx(directory: str, names: list[str], prefixes: tuple[str, ...], kind: str) -> Array:
    for name in names:
        if name.startswith(prefixes) and kind in name and "ubyte" in name:
            path = f"{directory.rstrip('/')}/{name}"
            return parse_idx(files.read(path), path)
    wanted = " or ".join(f"{prefix}-{kind}-…-ubyte[.gz]" for prefix in prefixes)
    raise CortadoError(f"{directory} has no {wanted}")
