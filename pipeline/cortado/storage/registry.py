"""The codecs by their names; `built_in` has a line for each."""

from cortado.built_in import CODECS, load
from cortado.errors import unknown_name
from cortado.storage.codec import Codec

__all__ = ["all_codecs", "codec_named", "register"]

_CODECS: dict[str, Codec] = {each.name: load(each)() for each in CODECS}


def register(codec: Codec) -> None:
    """Add a codec, or put it in the place of one of its name.

    Files are read by all codecs in the order in which they were added: one sees what those before
    it have made dense, as the weights that it stores are those that they leave.
    """
    _CODECS[codec.name] = codec


def all_codecs() -> tuple[Codec, ...]:
    """Return the codecs in the order in which they were added."""
    return tuple(_CODECS.values())


def codec_named(name: str) -> Codec:
    """Return a codec.

    Raises
    ------
    UsageError
        If no such name is registered.
    """
    if name not in _CODECS:
        raise unknown_name("there is no stored form", name, list(_CODECS))
    return _CODECS[name]
