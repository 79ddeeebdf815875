"""Damage to the fields of a protobuf message, whatever its schema.

The bytes are taken apart to a tree of fields as far as they look like messages; then numbers,
wire types, varints and the order of fields change, and the lengths around them fit again.
"""

from dataclasses import dataclass
from random import Random

from fuzz.damage import damage

NUMBERS = [
    0,
    1,
    2,
    3,
    127,
    128,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**32 + 4,
    2**63 - 1,
    2**63,
    2**64 - 1,
]
LONGEST = 2**18  # bytes of a damaged message
FIXED = {1: 8, 5: 4}


@dataclass
class Field:
    """A field: its content is an int, bytes, or a list of fields."""

    number: int
    kind: int
    content: "int | bytes | list[Field]"


def damage_fields(data: bytes, rng: Random) -> bytes:
    """Return the message after one to three of its fields were changed."""
    fields = take_apart(data)
    if not fields:
        return damage(data, rng)
    for _ in range(rng.choice((1, 1, 2, 3))):
        siblings = pick(fields, rng)
        if siblings:
            change(siblings, rng)
    return join(fields)[:LONGEST]


def pick(fields: list[Field], rng: Random) -> list[Field]:
    """Return the fields of a message at a random depth."""
    inner = [field.content for field in fields if isinstance(field.content, list)]
    return pick(rng.choice(inner), rng) if inner and rng.random() < 0.75 else fields


def change(fields: list[Field], rng: Random) -> None:
    index = rng.randrange(len(fields))
    field = fields[index]
    way = rng.randrange(8)
    if way == 0:
        del fields[index]
    elif way == 1:
        fields.insert(rng.randrange(len(fields) + 1), field)
    elif way == 2:
        most = LONGEST // len(spell(field))
        fields.extend([field] * min(most, rng.choice((2, 50, 2000))))
    elif way == 3:
        rng.shuffle(fields)
    elif way == 4:
        number = rng.choice(
            [1, 2, 3, 4, 5, 7, 8, 10, 12, 50, 100, field.number + 1, 2**28, 2**29, 0]
        )
        fields[index] = Field(number, field.kind, field.content)
    elif way == 5:
        kind = rng.randrange(8)
        fields[index] = Field(field.number, kind, content_for(kind, rng))
    elif isinstance(field.content, int):
        fields[index] = Field(field.number, 0, rng.choice([*NUMBERS, rng.randrange(100)]))
    else:
        raw = join(field.content) if isinstance(field.content, list) else field.content
        packed = b"".join(varint(rng.choice(NUMBERS)) for _ in range(rng.randint(0, 5)))
        fields[index] = Field(field.number, field.kind, rng.choice([damage(raw, rng), packed, b""]))


def content_for(kind: int, rng: Random) -> int | bytes:
    if kind == 0:
        return rng.choice(NUMBERS)
    return rng.randbytes(FIXED.get(kind, rng.choice((0, 1, 4, 8, 20))))


def take_apart(data: bytes, depth: int = 0) -> "list[Field] | None":
    """Return the fields of a message, or None where the bytes are none."""
    fields: list[Field] = []
    position = 0
    while position < len(data):
        tag, position = read_varint(data, position)
        number, kind = tag >> 3, tag & 7
        if not 0 < number < 3000 or kind not in (0, 1, 2, 5):
            return None
        if kind == 0:
            value, position = read_varint(data, position)
            fields.append(Field(number, 0, value))
            continue
        size = FIXED.get(kind)
        if size is None:
            size, position = read_varint(data, position)
        content = data[position : position + size]
        if len(content) < size:
            return None
        position += size
        inner = (
            take_apart(content, depth + 1) if kind == 2 and 1 < size < 10**6 and depth < 9 else None
        )
        fields.append(Field(number, kind, inner or content))
    return fields


def join(fields: list[Field]) -> bytes:
    return b"".join(spell(field) for field in fields)


def spell(field: Field) -> bytes:
    tag = varint(field.number << 3 | field.kind)
    if isinstance(field.content, int):
        return tag + varint(field.content)
    content = join(field.content) if isinstance(field.content, list) else field.content
    return tag + (varint(len(content)) if field.kind == 2 else b"") + content


def varint(value: int) -> bytes:
    data = b""
    while value > 0x7F:
        data += bytes([value & 0x7F | 0x80])
        value >>= 7
    return data + bytes([value])


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    """Return a varint and the position behind it; beyond the end of the data, 0."""
    value = shift = 0
    for at in range(position, min(position + 10, len(data))):
        value |= (data[at] & 0x7F) << shift
        shift += 7
        if data[at] < 0x80:
            return value, at + 1
    return 0, len(data) + 1
