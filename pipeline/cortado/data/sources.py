"""The values of ``--data``: the forms of data, in the order in which they are asked.

``digits``                      the embedded default
``file.npz``, ``file.npy``      arrays, see `archives`
``package.module:callable``     a data set of the user's own, see `callables`
``train=PATH,test=PATH``        parts by name, or a directory that holds parts, see `parts`
a directory of databases        LMDB or LevelDB, as Caffe's tools write them
a directory of samples          ``.npz`` or ``.npy`` files, one sample each
a directory of classes          each a directory of images
a directory of images           flat, with labels in a text file or none
a directory of IDX files        MNIST, Fashion-MNIST

Pixels are 0…255 in every source; the model's input transform is applied later.
"""

from cortado.built_in import DATA, load
from cortado.data.forms import Wanted, form_named, register
from cortado.data.signature import Signature
from cortado.data.splits import Dataset, from_whole

__all__ = ["open_data"]

for _form in map(load, DATA):
    register(_form)


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
    opened = form_named(spec).opened(spec, Wanted(signature, labels))
    return opened if isinstance(opened, Dataset) else from_whole(opened)
