r"""Text of a prototxt → a tree of messages.

The grammar is protobuf's text format as Caffe accepts it, without a schema:

    message = { field }
    field   = name ( ":" value | [ ":" ] body | [ ":" ] "[" list "]" ) [ ";" | "," ]
    body    = "{" message "}"  |  "<" message ">"
    value   = string { string }  |  word or number, with an optional "-"

Comments run from ``#`` to the end of the line. Strings are in single or double quotes, know C's
escapes (``\n``, ``\x41``, ``\101``, ``\u00e9``), and adjacent ones are joined. A list is the
same as its field repeated.

Source: the text format specification of protobuf.dev, and the forms that BVLC Caffe 1.0 accepts.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from cortado.caffe.message import Field, Message, Scalar
from cortado.errors import CortadoError

__all__ = ["parse_prototxt"]

_MAX_DEPTH = 100  # protobuf's own limit

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n\f\v]+|\#[^\n]*)
      | (?P<string>"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*')
      | (?P<word>-?[ \t]*(?:[0-9.](?:[eE][+-]|[\w.])*|[A-Za-z_]\w*))
      | (?P<mark>[{}<>\[\]:;,])""",
    re.VERBOSE | re.ASCII,
)
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{1,2})|([0-7]{1,3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.?))", re.DOTALL
)
_SINGLE = dict(zip("abfnrtv\\'\"?", "\a\b\f\n\r\t\v\\'\"?", strict=True))
_CLOSING = {"{": "}", "<": ">"}


class _Token(NamedTuple):
    kind: str  # "string", "word", "mark" or "end"
    text: str
    line: int


def parse_prototxt(text: str) -> Message:
    """Return the message that the text of a prototxt spells.

    Raises
    ------
    CortadoError
        With the line, where the text breaks the grammar or nests deeper than 100 messages.
    """
    parser = _Parser(_tokens(text.removeprefix("\ufeff")))
    return parser.message(closing="", line=1, depth=0)


def _tokens(text: str) -> Iterator[_Token]:
    position, line = 0, 1
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise CortadoError(f"prototxt line {line}: unexpected {text[position]!r}")
        kind = match.lastgroup
        if kind is not None and kind != "space":
            yield _Token(kind, match[0], line)
        line += match[0].count("\n")
        position = match.end()
    yield _Token("end", "the end of the file", line)


class _Parser:
    """A recursive descent with one token of lookahead."""

    def __init__(self, tokens: Iterator[_Token]) -> None:
        self._tokens = tokens
        self._token = next(tokens)

    def message(self, closing: str, line: int, depth: int) -> Message:
        """Parse fields up to the mark `closing`; up to the end of the file if it is empty."""
        if depth > _MAX_DEPTH:
            raise self._error(f"messages are nested deeper than {_MAX_DEPTH}")
        fields: list[Field] = []
        while not self._ends(closing):
            fields.extend(self._field(depth))
        return Message(tuple(fields), line)

    def _field(self, depth: int) -> Iterator[Field]:
        name = self._take()
        if name.kind != "word" or not _NAME.fullmatch(name.text):
            raise self._error("expected a field's name", name)
        colon = self._skip(":")
        if self._token.text == "[" and self._token.kind == "mark":
            values = self._list(depth)
        elif colon or self._opens():
            values = [self._value(depth)]
        else:
            raise self._error(f"expected ':' or '{{' after {name.text}")
        yield from (Field(name.text, value, name.line) for value in values)
        if not self._skip(";"):
            self._skip(",")

    def _list(self, depth: int) -> list[Scalar | Message]:
        self._take()
        values: list[Scalar | Message] = []
        if self._skip("]"):
            return values
        while True:
            values.append(self._value(depth))
            if self._skip("]"):
                return values
            if not self._skip(","):
                raise self._error("expected ',' or ']'")

    def _value(self, depth: int) -> Scalar | Message:
        token = self._take()
        if token.kind == "word":
            return Scalar(re.sub(r"\s", "", token.text))
        if token.kind == "string":
            return Scalar(self._joined(token), quoted=True)
        if token.kind == "mark" and token.text in _CLOSING:
            return self.message(_CLOSING[token.text], token.line, depth + 1)
        raise self._error("expected a value", token)

    def _joined(self, token: _Token) -> str:
        """Return the text of a string and of the strings right after it."""
        data = bytearray(_unescape(token))
        while self._token.kind == "string":
            data += _unescape(self._take())
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise self._error("a string is not UTF-8", token) from error

    def _take(self) -> _Token:
        token = self._token
        if token.kind != "end":
            self._token = next(self._tokens)
        return token

    def _skip(self, mark: str) -> bool:
        found = self._token.kind == "mark" and self._token.text == mark
        if found:
            self._take()
        return found

    def _opens(self) -> bool:
        return self._token.kind == "mark" and self._token.text in _CLOSING

    def _ends(self, closing: str) -> bool:
        if not closing:
            return self._token.kind == "end"
        if self._token.kind == "end":
            raise self._error(f"expected {closing!r}")
        return self._skip(closing)

    def _error(self, reason: str, at: _Token | None = None) -> CortadoError:
        token = at or self._token
        found = token.text if token.kind == "end" else repr(token.text[:40])
        return CortadoError(f"prototxt line {token.line}: {reason}, found {found}")


def _unescape(token: _Token) -> bytes:
    """Return the bytes that a string in quotes stands for."""

    def replace(match: re.Match[str]) -> str:
        hexadecimal, octal, short, long, single = match.groups()
        if short or long:
            code = int(short or long, 16)
            if code > 0x10FFFF or 0xD800 <= code < 0xE000:
                raise CortadoError(f"prototxt line {token.line}: {match[0]} is no character")
            return chr(code).encode().decode("latin-1")
        if hexadecimal or octal:
            return chr(int(hexadecimal, 16) if hexadecimal else int(octal, 8) & 0xFF)
        if single not in _SINGLE:
            raise CortadoError(f"prototxt line {token.line}: unknown escape {match[0]!r}")
        return _SINGLE[single]

    try:
        # Latin-1 maps each byte to one character, so that escapes can stand for single bytes.
        raw = token.text[1:-1].encode().decode("latin-1")
    except UnicodeEncodeError as error:
        raise CortadoError(f"prototxt line {token.line}: a string is not UTF-8") from error
    return _ESCAPE.sub(replace, raw).encode("latin-1")
