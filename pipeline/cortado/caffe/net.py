"""The net that a prototxt describes: which layers it has, and how blobs connect them.

1. The state selects layers by their `include` and `exclude` rules: phase and level are the
   user's, the stages those of the user and of the net's own `state`.
2. A layer whose top is its own bottom works in place. Each write makes a new version of the
   blob, so that afterwards every name is written once: the last version has the blob's name,
   an earlier one is called after it and after the layer that overwrites it. Where the first
   version is an input of the net, that one keeps the name instead.
3. A blob that no layer reads is an output. Outputs are in the byte order of their names.

Source: BVLC/caffe net.cpp (FilterNet, StateMeetsRule, AppendTop, Init) and insert_splits.cpp.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cortado.caffe.message import Message
from cortado.caffe.naming import UniqueNames
from cortado.caffe.options import CaffeOptions
from cortado.caffe.prototxt import parse_prototxt
from cortado.caffe.upgrade import upgrade
from cortado.errors import CortadoError
from cortado.task.solver import ParamSpec

__all__ = ["PHASES", "LayerSpec", "Net", "layers_of", "parse_net", "read_net"]

PHASES = ("TRAIN", "TEST")
_SHARE_MODES = ("STRICT", "PERMISSIVE")


@dataclass(frozen=True)
class LayerSpec:
    """One layer: its name and type, the blobs it reads and writes, and its message."""

    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    params: tuple[ParamSpec, ...]
    message: Message
    line: int

    @property
    def in_place(self) -> tuple[tuple[str, str], ...]:
        """The old and the new version of each blob that the layer overwrites."""
        # The names of versions differ by now; those in the prototxt are in the message.
        tops, bottoms = self.message.texts("top"), self.message.texts("bottom")
        written = zip(bottoms, tops, self.bottoms, self.tops, strict=False)
        return tuple((old, new) for bottom, top, old, new in written if bottom == top)

    def refuse(self, reason: str) -> CortadoError:
        """Return the error that names this layer."""
        return CortadoError(f"layer {self.name!r} ({self.type}, line {self.line}): {reason}")


@dataclass(frozen=True)
class Net:
    """The layers of a net in file order, the blobs that it outputs, and its message."""

    name: str
    layers: tuple[LayerSpec, ...]
    outputs: tuple[str, ...]
    message: Message


def read_net(prototxt: str, options: CaffeOptions) -> Net:
    """Return the net that `prototxt` describes for the state that `options` state.

    Raises
    ------
    CortadoError
        If the text is no prototxt, a blob is read before it is written or written twice, or
        the rules leave no layer.
    """
    message = parse_net(prototxt)
    layers = layers_of(message, options)
    if not layers:
        hint = "; it is a solver" if message.has("net") or message.has("train_net") else ""
        raise CortadoError(f"the prototxt has no layers for this phase, level and stages{hint}")
    layers = _one_write_a_name(layers)
    read = {blob for layer in layers for blob in layer.bottoms}
    written = {blob for layer in layers for blob in layer.tops}
    outputs = tuple(sorted(written - read, key=str.encode))
    return Net(message.text("name"), tuple(layers), outputs, message)


def parse_net(prototxt: str) -> Message:
    """Return the message of a net in any of Caffe's three formats, in the current one."""
    return upgrade(parse_prototxt(prototxt))


def layers_of(net: Message, options: CaffeOptions) -> list[LayerSpec]:
    """Return the layers for the state that `options` state, as written: nothing is connected."""
    stages = (*options.stages, *net.message("state").texts("stage"))
    state = replace(options, stages=stages)
    return [_layer(m) for m in net.messages("layer") if _kept(m, state)]


def _layer(message: Message) -> LayerSpec:
    return LayerSpec(
        name=message.text("name"),
        type=message.text("type"),
        bottoms=message.texts("bottom"),
        tops=message.texts("top"),
        params=tuple(_param(param) for param in message.messages("param")),
        message=message,
        line=message.line,
    )


def _param(message: Message) -> ParamSpec:
    return ParamSpec(
        name=message.text("name"),
        permissive=message.choice("share_mode", _SHARE_MODES, "STRICT") == "PERMISSIVE",
        lr_mult=message.number("lr_mult", 1.0),
        decay_mult=message.number("decay_mult", 1.0),
    )


def _kept(layer: Message, options: CaffeOptions) -> bool:
    include, exclude = layer.messages("include"), layer.messages("exclude")
    if include and exclude:
        raise _layer(layer).refuse("it has both include and exclude rules")
    if include:
        return any(_meets(rule, options) for rule in include)
    return not any(_meets(rule, options) for rule in exclude)


def _meets(rule: Message, options: CaffeOptions) -> bool:
    """Return whether every condition that a rule states holds."""
    return (
        rule.choice("phase", PHASES, options.phase) == options.phase
        and rule.integer("min_level", options.level) <= options.level
        and rule.integer("max_level", options.level) >= options.level
        and set(rule.texts("stage")) <= set(options.stages)
        and set(rule.texts("not_stage")).isdisjoint(options.stages)
    )


def _one_write_a_name(layers: Sequence[LayerSpec]) -> list[LayerSpec]:
    """Give each version of a blob a name of its own."""
    names = _Names(layers)
    renamed = [
        replace(layer, bottoms=names.read(layer), tops=names.write(layer)) for layer in layers
    ]
    reads = Counter(blob for layer in renamed for blob in layer.bottoms)
    for layer, old in zip(renamed, layers, strict=True):
        for i, top in enumerate(old.tops):
            if old.bottoms[i : i + 1] == (top,) and reads[layer.bottoms[i]] > 1:
                raise old.refuse(f"it overwrites the blob {top!r}, which another layer reads too")
    return renamed


class _Names:
    """The name of each version of each blob, while walking the layers in file order."""

    def __init__(self, layers: Sequence[LayerSpec]) -> None:
        names = UniqueNames(blob for layer in layers for blob in layer.tops)
        # Backwards through the versions: the last one is written first.
        self._versions: dict[str, list[str]] = {}
        for layer in reversed(layers):
            for blob in dict.fromkeys(layer.tops):
                versions = self._versions.setdefault(blob, [blob])
                if blob in layer.bottoms:
                    versions.append(names.take(f"{blob}/pre_{layer.name}"))
                elif not layer.bottoms and len(versions) > 1:
                    versions[0], versions[-1] = names.take(f"{blob}/last"), blob
        self._written: set[str] = set()

    def read(self, layer: LayerSpec) -> tuple[str, ...]:
        for blob in layer.bottoms:
            if blob not in self._written:
                raise layer.refuse(f"its bottom {blob!r} is not the top of an earlier layer")
        return tuple(self._versions[blob][-1] for blob in layer.bottoms)

    def write(self, layer: LayerSpec) -> tuple[str, ...]:
        for i, blob in enumerate(layer.tops):
            if not blob:
                raise layer.refuse("one of its tops has an empty name")
            in_place = layer.bottoms[i : i + 1] == (blob,)
            if in_place and layer.tops.count(blob) == 1:
                self._versions[blob].pop()
            elif blob in self._written:
                raise layer.refuse(f"its top {blob!r} is the top of another layer already")
            self._written.add(blob)
        return tuple(self._versions[blob][-1] for blob in layer.tops)
