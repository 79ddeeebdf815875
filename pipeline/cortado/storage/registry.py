"""The codecs by their names: one line here for each."""

from cortado.errors import unknown_name
from cortado.storage.codec import Codec
from cortado.storage.coded.codec import Coded
from cortado.storage.dense import Dense
from cortado.storage.sparse import Sparse

__all__ = ["all_codecs", "codec_named", "register"]

_CODECS: dict[str, Codec] = {codec.name: codec for codec in (Dense(), Sparse(), Coded())}


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
        If there is none of this name.
    """
    if name not in _CODECS:
        raise unknown_name("there is no stored form", name, list(_CODECS))
    return _CODECS[name]
