"""``--check GOLDENS``: known values of blobs, the table that compares them, and the report."""

from typing import TYPE_CHECKING, Any

from cortado.errors import CortadoError
from cortado.inspect.fidelity import check_blobs, check_limit
from cortado.model.shape_text import show_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir

    from cortado.inspect.fidelity import CheckedBlob
    from cortado.model.graph.blobs import NamedBlob
    from cortado.model.typing import Array
    from cortado_cli.talk import Talk

__all__ = ["check_limit", "check_report", "compare", "show_check"]


def compare(
    path: str, model: "ir.Model", blobs: "Sequence[NamedBlob]", tolerance: float
) -> "tuple[CheckedBlob, ...]":
    """Compare the blobs of a model with the arrays of an .npz file."""
    from cortado_cli.streams import naming

    known = _read(path)
    with naming(path):
        return check_blobs(model, blobs, known, tolerance)


def show_check(checked: "Sequence[CheckedBlob]", talk: "Talk") -> None:
    """Print a line for each known blob."""
    rows = [
        (
            blob.name,
            blob.layer,
            show_shape(blob.shape),
            "" if blob.difference is None else f"{blob.difference:.2g}",
            blob.verdict,
        )
        for blob in checked
    ]
    talk.table(("blob", "layer", "shape", "difference", ""), rows)


def check_report(checked: "Sequence[CheckedBlob]") -> list[dict[str, Any]]:
    """Return the same as `json` can write it."""
    return [
        {
            "blob": blob.name,
            "layer": blob.layer,
            "shape": list(blob.shape),
            "difference": blob.difference,
            "verdict": blob.verdict,
        }
        for blob in checked
    ]


def _read(path: str) -> "dict[str, Array]":
    from cortado.data import read_arrays

    known = read_arrays(path)
    strange = [name for name, array in known.items() if array.dtype.kind not in "fiub"]
    if strange or not known:
        what = f"its array {strange[0]!r} is not of numbers" if strange else "it has no arrays"
        raise CortadoError(f"{path}: {what}")
    return known
