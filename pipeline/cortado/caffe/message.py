"""The tree that a prototxt spells: messages of named fields, read by name and type.

There is no schema. A field keeps the text it was written with, and whoever reads it says what
it must be: that way the fields of Caffe's many forks are carried along instead of refused.

The readers follow protobuf's text format: a field that Caffe declares once may not be given
twice, integers may be hexadecimal or octal, floats may not, and an enum is written as its name
or as its number. A float that is not a number is refused: nothing can be computed with it. What
nobody reads is not looked at, such as the filler of a blob that the weights have: there Caffe is
stricter.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from cortado.errors import CortadoError

__all__ = ["EMPTY", "Field", "Message", "Scalar"]

T = TypeVar("T")

_INTEGER = re.compile(r"(?P<sign>-?)(?P<digits>0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
_FLOAT = re.compile(r"-?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?[fF]?")
_INFINITY = re.compile(r"-?inf(inity)?f?", re.IGNORECASE)
_BOOLS = {"true": True, "True": True, "t": True, "1": True}
_BOOLS |= {"false": False, "False": False, "f": False, "0": False}
_INT32_MIN = -(2**31)
_MAX_FLOAT = (2 - 2**-23) * 2.0**127
_MAX = 2**32 - 1  # no count, size or axis of Caffe needs more


@dataclass(frozen=True)
class Scalar:
    """A value as written: the text inside the quotes, or a bare word or number."""

    text: str
    quoted: bool = False


@dataclass(frozen=True)
class Field:
    """One ``name: value`` or ``name { … }``, and the line that it begins on."""

    name: str
    value: "Scalar | Message"
    line: int

    def refuse(self, wanted: str) -> CortadoError:
        """Return the error that says what this field should have been."""
        found = repr(self.value.text) if isinstance(self.value, Scalar) else "a message"
        return CortadoError(f"prototxt line {self.line}: {self.name} must be {wanted}, not {found}")


Reader: TypeAlias = Callable[[Field], T]


@dataclass(frozen=True)
class Message:
    """The fields of a message, in the order written, and the line that it begins on.

    Each reader takes the field's name and returns its value, or the default where the field is
    absent; plural readers return every occurrence. All raise `CortadoError`, with the line,
    where the text is no such value.
    """

    fields: tuple[Field, ...] = ()
    line: int = 0

    def has(self, name: str) -> bool:
        """Return whether the field is given."""
        return any(field.name == name for field in self.fields)

    def every(self, name: str) -> tuple[Field, ...]:
        """Return all occurrences of a field."""
        return tuple(field for field in self.fields if field.name == name)

    def message(self, name: str) -> "Message":
        """Return a message; an empty one where it is absent."""
        return self._one(name, _message, EMPTY)

    def messages(self, name: str) -> tuple["Message", ...]:
        """Return a repeated message."""
        return self._all(name, _message)

    def text(self, name: str, default: str = "") -> str:
        """Return a string."""
        return self._one(name, _text, default)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a repeated string."""
        return self._all(name, _text)

    def integer(self, name: str, default: int, minimum: int = _INT32_MIN) -> int:
        """Return an integer of at least `minimum`."""
        return self._one(name, _integer(minimum), default)

    def integers(self, name: str, minimum: int = _INT32_MIN) -> tuple[int, ...]:
        """Return a repeated integer, each of at least `minimum`."""
        return self._all(name, _integer(minimum))

    def number(self, name: str, default: float) -> float:
        """Return a float, which may be infinite."""
        return self._one(name, _number, default)

    def finite(self, name: str, default: float) -> float:
        """Return a finite float32."""
        return self._one(name, _finite, default)

    def numbers(self, name: str) -> tuple[float, ...]:
        """Return a repeated float."""
        return self._all(name, _number)

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a bool."""
        return self._one(name, _flag, default)

    def choice(self, name: str, names: Sequence[str], default: str) -> str:
        """Return an enum's name; `names` lists the enum's values from number 0 on."""
        return self._one(name, _choice(names), default)

    def _one(self, name: str, read: Reader[T], default: T) -> T:
        found = self.every(name)
        if len(found) > 1:
            raise CortadoError(f"prototxt line {found[1].line}: {name} is given a second time")
        return read(found[0]) if found else default

    def _all(self, name: str, read: Reader[T]) -> tuple[T, ...]:
        return tuple(read(field) for field in self.every(name))


EMPTY = Message()


def _message(field: Field) -> Message:
    if isinstance(field.value, Message):
        return field.value
    raise field.refuse("a message in braces")


def _text(field: Field) -> str:
    if isinstance(field.value, Scalar) and field.value.quoted:
        return field.value.text
    raise field.refuse("a string in quotes")


def _bare(field: Field, wanted: str) -> str:
    if isinstance(field.value, Scalar) and not field.value.quoted:
        return field.value.text
    raise field.refuse(wanted)


def _integer(minimum: int) -> Reader[int]:
    def read(field: Field) -> int:
        wanted = "an integer" if minimum == _INT32_MIN else f"an integer of at least {minimum}"
        match = _INTEGER.fullmatch(_bare(field, wanted))
        if match is None or len(match["digits"]) > 24:
            raise field.refuse(wanted)
        digits = match["digits"]
        octal = digits.startswith("0") and digits.isdigit()
        value = int(digits, 8 if octal else 0) * (-1 if match["sign"] else 1)
        if not minimum <= value <= _MAX:
            raise field.refuse(wanted)
        return value

    return read


def _number(field: Field) -> float:
    text = _bare(field, "a number")
    if _FLOAT.fullmatch(text):
        return float(text.rstrip("fF"))
    if _INFINITY.fullmatch(text):
        return float("-inf" if text.startswith("-") else "inf")
    raise field.refuse("a number")


def _finite(field: Field) -> float:
    value = _number(field)
    if abs(value) > _MAX_FLOAT:
        raise field.refuse("a finite number")
    return value


def _flag(field: Field) -> bool:
    text = _bare(field, "true or false")
    if text not in _BOOLS:
        raise field.refuse("true or false")
    return _BOOLS[text]


def _choice(names: Sequence[str]) -> Reader[str]:
    def read(field: Field) -> str:
        wanted = "one of " + ", ".join(name for name in names if name)
        text = _bare(field, wanted)
        if text in names:
            return text
        if text.isdecimal() and len(text) < 9 and int(text) < len(names) and names[int(text)]:
            return names[int(text)]
        raise field.refuse(wanted)

    return read
