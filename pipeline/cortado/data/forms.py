"""The forms of data that a ``--data`` option may name.

A form recognizes what an option says, and opens it: as a data set with its own training and test
part, or as the samples of one part, which may then also be one of several, see `parts`. A further
form is a module with a `DataForm`, and one line in `built_in`; from outside the package, a call of
`register`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from cortado import files
from cortado.data.samples import Samples
from cortado.data.signature import Signature
from cortado.data.splits import Dataset
from cortado.errors import CortadoError, UsageError

__all__ = ["DataForm", "Wanted", "all_forms", "directories", "form_named", "form_of", "register"]


@dataclass(frozen=True)
class Wanted:
    """How a source is opened.

    Attributes
    ----------
    signature : Signature
        What the model wants.
    labels : str or None
        A file of labels that the user names.
    train : str
        The training part beside a test part, whose classes count; empty for a part by itself.
    """

    signature: Signature = Signature()
    labels: str | None = None
    train: str = ""


@dataclass(frozen=True)
class DataForm:
    """One form of data.

    Attributes
    ----------
    name : str
        As an error lists it: ``a directory of IDX files``.
    recognizes : callable
        Returns whether a text, a path perhaps, names data of this form.
    open : callable
        Opens what it recognizes. `Samples` are one part, and are divided if they are all.
    takes_labels : bool
        Whether labels may stand in a file that the user names.
    is_part : bool
        Whether it may be one of several parts, in a directory beside others.
    """

    name: str
    recognizes: Callable[[str], bool]
    open: Callable[[str, Wanted], Dataset | Samples]
    takes_labels: bool = False
    is_part: bool = False

    def opened(self, spec: str, wanted: Wanted) -> Dataset | Samples:
        """Open a source; refuse labels that it cannot take."""
        if wanted.labels is not None and not self.takes_labels:
            labels = wanted.labels
            raise UsageError(f"--labels {labels} is for folders of images, and {spec} is not one")
        return self.open(spec, wanted)


_FORMS: dict[str, DataForm] = {}


def register(form: DataForm) -> None:
    """Add a form, or put it in the place of one of its name. The first that recognizes opens."""
    _FORMS[form.name] = form


def all_forms() -> tuple[DataForm, ...]:
    """Return the forms in the order in which they are asked."""
    return tuple(_FORMS.values())


def form_of(path: str) -> DataForm | None:
    """Return the form of data that may be a part; None where there is none."""
    parts = (form for form in _FORMS.values() if form.is_part)
    return next((form for form in parts if form.recognizes(path)), None)


def form_named(spec: str) -> DataForm:
    """Return the form of data that an option names.

    Raises
    ------
    CortadoError
        If no form recognizes it, or there is no such file.
    """
    found = next((form for form in _FORMS.values() if form.recognizes(spec)), None)
    if found is None:
        files.list_names(spec)  # or it cannot be read
        names = ", ".join(form.name for form in _FORMS.values())
        raise CortadoError(f"--data {spec} is not one of: {names}")
    return found


def directories(holds: Callable[[str], object]) -> Callable[[str], bool]:
    """Return a recognizer of directories for which `holds` returns anything but nothing."""
    return lambda path: files.is_folder(path) and bool(holds(path))
