"""Data sets of the user's own: ``package.module:callable``.

The callable returns a data set, undivided, a tuple ``(train, test)`` or ``(train, val, test)`` of
them, or a dictionary of those names. A data set is a torch dataset (a length, and items by index),
a torch DataLoader, whose batches are taken apart, or an iterable. An item is

a tensor                 the only input
a tuple                  the inputs of the model in their order, then perhaps the target
a dictionary             inputs, targets by ``target`` or the names of outputs
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from cortado.data.archives import check_targets, divide_names
from cortado.data.forms import DataForm, Wanted
from cortado.data.samples import TARGET, Batch, Samples, labels_of
from cortado.data.signature import Signature
from cortado.data.splits import Dataset, from_train_and_test, from_whole
from cortado.errors import CortadoError
from cortado.model.typing import Array, IntArray
from cortado.plugins import foreign_code, import_module

__all__ = ["CALLABLE", "open_callable"]

_CALLABLE = re.compile(r"[\w.]+:\w+")
_MOST_ITEMS, _MOST_BYTES = 2_000_000, 2**32  # of an iterable, which is kept in memory


def open_callable(spec: str, signature: Signature) -> Dataset:
    """Return the data set that a callable of the user's own returns.

    Raises
    ------
    CortadoError
        If it cannot be imported, raises anything, or returns no data set.
    """
    module_name, _, function_name = spec.partition(":")
    source = f"--data {spec}"
    try:
        function = getattr(import_module(module_name, source), function_name)
    except AttributeError as error:
        raise CortadoError(f"{source} cannot be imported: {error}") from error
    with foreign_code(source):
        found = function()
    if isinstance(found, Mapping):
        found = _by_name(found, source)
    if isinstance(found, tuple):
        if len(found) not in (2, 3):
            raise CortadoError(f"{source} returned {len(found)} parts, not (train, test)")
        parts = [_open_part(part, signature, source) for part in found]
        return Dataset(*parts) if len(parts) == 3 else from_train_and_test(*parts)
    return from_whole(_open_part(found, signature, source))


def _by_name(found: Mapping[str, Any], source: str) -> tuple[Any, ...]:
    """Return the parts of a dictionary in the order of a tuple."""
    if found.keys() not in ({"train", "test"}, {"train", "val", "test"}):
        names = ", ".join(map(str, found)) or "nothing"
        raise CortadoError(
            f"{source} returned a dictionary of {names}; its parts are train and test, perhaps val"
        )
    return tuple(found[part] for part in ("train", "val", "test") if part in found)


def _open_part(items: Any, signature: Signature, source: str) -> Samples:
    is_loader = hasattr(items, "dataset") and hasattr(items, "batch_sampler")
    if is_loader or not hasattr(items, "__getitem__") or isinstance(items, Mapping):
        if not isinstance(items, Iterable) or isinstance(items, Mapping):
            raise CortadoError(f"{source} returned a part without length or items")
        with foreign_code(source):
            is_batched = getattr(items, "batch_sampler", None) is not None
            each = _taken_apart(items) if is_batched else iter(items)
            items = list(_ending(each, source))
    if not hasattr(items, "__len__") or not len(items):
        raise CortadoError(f"{source} returned a part without length or items")
    return _IndexedSamples(items, signature, source)


def _taken_apart(batches: Iterable[Any]) -> Iterator[Any]:
    """Yield the items of batches: of tensors, of tuples or of dictionaries of tensors."""
    for batch in batches:
        if isinstance(batch, Mapping):
            columns = [_taken_apart([value]) for value in batch.values()]
            yield from (dict(zip(batch, row, strict=True)) for row in zip(*columns, strict=True))
        elif isinstance(batch, tuple | list):
            yield from zip(*(_taken_apart([value]) for value in batch), strict=True)
        else:
            yield from batch


def _ending(items: Iterator[Any], source: str) -> Iterator[Any]:
    """Yield items that are kept in memory; refuse an iterable without an end."""
    room = _MOST_BYTES
    for count, item in enumerate(items):
        room -= _bytes_of(item)
        if count >= _MOST_ITEMS or room < 0:
            raise CortadoError(
                f"{source} returned an iterable that did not end after {count:,} items: return a "
                "dataset with a length, or end it"
            )
        yield item


def _bytes_of(item: Any) -> int:
    if isinstance(item, Mapping):
        return sum(map(_bytes_of, item.values()))
    if isinstance(item, tuple | list):
        return sum(map(_bytes_of, item))
    return int(getattr(item, "nbytes", 0))


@dataclass(frozen=True)
class _IndexedSamples:
    """A torch dataset, or whatever gives items by index."""

    items: Sequence[Any]
    signature: Signature
    source: str

    def __len__(self) -> int:
        return len(self.items)

    @cached_property
    def labels(self) -> IntArray | None:
        """All targets, where they are one integer a sample; reads every item once."""
        _, first = self._item(0)
        if first is None or labels_of({k: v[None] for k, v in first.items()}) is None:
            return None
        targets = [self._item(i)[1] or {} for i in range(len(self.items))]
        labels = np.array([int(next(iter(each.values()))) for each in targets], np.int64)
        if labels.min() < 0:
            raise CortadoError(f"{self.source} gives a label that is negative")
        return labels

    @cached_property
    def alike(self) -> IntArray | None:
        """Groups of samples of equal shapes; reads every item once where shapes may vary."""
        if not self.signature.varying:
            return None
        kinds: dict[tuple[object, ...], int] = {}
        found = [
            tuple(array.shape for part in self._item(i) for array in (part or {}).values())
            for i in range(len(self.items))
        ]
        return np.array([kinds.setdefault(kind, len(kinds)) for kind in found], np.int64)

    def take(self, indices: IntArray) -> Batch:
        """Read some of the samples."""
        read = [self._item(int(i)) for i in indices]
        inputs = self._stack([inputs for inputs, _ in read], indices)
        if not self.signature.inputs or self.signature.form.channels is not None:
            inputs = {name: _with_channels(array) for name, array in inputs.items()}
        targets = [targets for _, targets in read if targets is not None]
        if not targets:
            return Batch(inputs)
        return Batch(inputs, check_targets(self._stack(targets, indices), self.source))

    def _item(self, index: int) -> tuple[dict[str, Array], dict[str, Array] | None]:
        """Return inputs and targets of one item."""
        with foreign_code(self.source):
            item = self.items[index]
            named = self._named(item)
            arrays = {name: np.asarray(value) for name, value in named.items()}
        for name, array in arrays.items():
            if array.dtype.kind not in "biufU":
                raise CortadoError(f"{self.source}: item {index} has a {name!r} of {array.dtype}")
        if not self.signature.inputs:
            targets = {TARGET: arrays.pop(TARGET)} if TARGET in arrays else None
            return arrays, targets
        return divide_names(arrays, self.signature, f"{self.source}: item {index}")

    def _named(self, item: Any) -> Mapping[str, Any]:
        """Return the parts of an item by the names of inputs and targets."""
        if isinstance(item, Mapping):
            return item
        inputs = self.signature.inputs or ("image",)
        parts = tuple(item) if isinstance(item, tuple | list) else (item,)
        if len(parts) == len(inputs):
            return dict(zip(inputs, parts, strict=True))
        if len(parts) == len(inputs) + 1:
            *given, target = parts
            named = dict(zip(inputs, given, strict=True))
            return named | (dict(target) if isinstance(target, Mapping) else {TARGET: target})
        raise CortadoError(
            f"an item has {len(parts)} parts; the model has {len(inputs)} inputs: "
            f"{', '.join(inputs)}"
        )

    def _stack(self, samples: Sequence[Mapping[str, Array]], indices: IntArray) -> dict[str, Array]:
        stacked = {}
        for name in samples[0]:
            arrays = [sample[name] for sample in samples if name in sample]
            if len(arrays) < len(samples) or len({array.shape for array in arrays}) > 1:
                shapes = sorted({array.shape for array in arrays})
                raise CortadoError(
                    f"{self.source}: items {indices[0]} to {indices[-1]} differ in {name!r}: "
                    f"{shapes}"
                )
            stacked[name] = np.stack(arrays)
        return stacked


def _with_channels(pixels: Array) -> Array:
    """Give grey images their channel: (n, h, w) → (n, 1, h, w)."""
    return pixels[:, None] if pixels.ndim == 3 else pixels


def _recognizes(spec: str) -> bool:
    return _CALLABLE.fullmatch(spec) is not None


def _open(spec: str, wanted: Wanted) -> Dataset:
    return open_callable(spec, wanted.signature)


CALLABLE = DataForm("package.module:callable", _recognizes, _open)
