"""The sizes of the tensors of a file, as a table and as a report."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cortado.emit import Emitted, StoredTensor

__all__ = ["HEADINGS", "size_reports", "size_rows"]

HEADINGS = ("tensor", "stored", "dense bytes", "positions", "values", "codebook", "in the file")


def size_rows(emitted: "Emitted") -> list[tuple[str, ...]]:
    """Return a row a tensor, one for what no tensor has to itself, and one for the whole file."""
    tensors = emitted.tensors
    rows = [_row(tensor) for tensor in tensors]
    rows.append(("nodes, names, tables", *[""] * 5, _bytes(emitted.graph_bytes)))
    dense = sum(tensor.dense_bytes for tensor in tensors)
    parts = (
        sum(tensor.positions for tensor in tensors),
        sum(tensor.values for tensor in tensors),
        sum(tensor.codebook for tensor in tensors),
    )
    rows.append(("whole file", "", _bytes(dense), *map(_bytes, parts), _bytes(len(emitted.data))))
    return rows


def size_reports(emitted: "Emitted") -> dict[str, Any]:
    """Return the same as `json` can write it."""
    return {
        "file_bytes": len(emitted.data),
        "graph_bytes": emitted.graph_bytes,
        "tensors": [
            {
                "name": tensor.name,
                "storage": tensor.storage,
                "dense_bytes": tensor.dense_bytes,
                "stored_bytes": tensor.stored_bytes,
                "position_bytes": tensor.positions,
                "value_bytes": tensor.values,
                "codebook_bytes": tensor.codebook,
                **({"not_coded": tensor.reason} if tensor.reason else {}),
            }
            for tensor in emitted.tensors
        ],
    }


def _row(tensor: "StoredTensor") -> tuple[str, ...]:
    return (
        tensor.name,
        f"{tensor.storage}: {tensor.reason}" if tensor.reason else tensor.storage,
        _bytes(tensor.dense_bytes),
        _bytes(tensor.positions),
        _bytes(tensor.values),
        _bytes(tensor.codebook),
        _bytes(tensor.stored_bytes),
    )


def _bytes(count: float) -> str:
    return f"{count:,.0f}"
