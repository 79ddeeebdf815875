"""Changes to a protobuf message of a known schema, which stays one that protobuf can write.

Any field of any message inside may be cleared, repeated, exchanged, or get an extreme value.
"""

import math
from collections.abc import Iterator
from random import Random

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from fuzz.damage import damage

INTEGERS = [0, 1, -1, 2, 3, 7, 64, 255, 10**6, 10**9, 2**31 - 1, -(2**31), 2**31, 10**12, 2**62]
INTEGERS += [2**63 - 1, -(2**63)]
FLOATS = [0.0, -0.0, 1.0, -1.0, math.nan, math.inf, -math.inf, 3e38, 1e-45, 0.5]
TEXTS = ["", "x", "y", "\x00", "../../../etc/passwd", "/etc/passwd", "é" * 5, "a" * 10_000, "N"]
RANGES = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}


def change_message(message: Message, rng: Random) -> None:
    """Change one to three fields of a message, or of messages inside, in place."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        places = list(fields_of(message))
        if not places:
            return
        owner, field = rng.choice(places)
        texts = [value for _, value in all_texts(places)]
        if field.is_repeated:
            change_repeated(owner, field, rng, texts)
        else:
            change_singular(owner, field, rng, texts)


def fields_of(message: Message) -> Iterator[tuple[Message, FieldDescriptor]]:
    """Yield every field that is present, with the message that it belongs to."""
    for field, value in message.ListFields():
        yield message, field
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for inner in value if field.is_repeated else [value]:
                yield from fields_of(inner)


def all_texts(
    places: list[tuple[Message, FieldDescriptor]],
) -> Iterator[tuple[FieldDescriptor, str]]:
    for owner, field in places:
        if field.type == FieldDescriptor.TYPE_STRING:
            value = getattr(owner, field.name)
            yield from ((field, text) for text in (value if field.is_repeated else [value]))


def change_repeated(owner: Message, field: FieldDescriptor, rng: Random, texts: list[str]) -> None:
    values = getattr(owner, field.name)
    is_message = field.type == FieldDescriptor.TYPE_MESSAGE
    kept = list(values)
    index = rng.randrange(len(kept))
    way = rng.randrange(6)
    if way == 0:
        del values[index]
    elif way == 1:
        values.extend([kept[index]] * rng.choice((1, 1, 3, 300)))
    elif way == 2:
        copies = (
            [type(value).FromString(value.SerializeToString()) for value in kept]
            if is_message
            else kept
        )
        rng.shuffle(copies)
        del values[:]
        values.extend(copies)
    elif is_message and way == 3:
        values[index].Clear()
    elif is_message:
        change_message(values[index], rng)
    else:
        values[index] = new_value(field, kept[index], rng, texts)


def change_singular(owner: Message, field: FieldDescriptor, rng: Random, texts: list[str]) -> None:
    if rng.random() < 0.2:
        owner.ClearField(field.name)
    elif field.type != FieldDescriptor.TYPE_MESSAGE:
        setattr(owner, field.name, new_value(field, getattr(owner, field.name), rng, texts))


def new_value(
    field: FieldDescriptor, old: object, rng: Random, texts: list[str]
) -> "int | float | str | bytes | bool":
    if field.type == FieldDescriptor.TYPE_STRING:
        return rng.choice([*TEXTS, *texts, *texts, f"{old}_"])
    if isinstance(old, bytes):
        return rng.choice([b"", old * 2, old[:-1], damage(old, rng)])
    if isinstance(old, bool):
        return not old
    if field.enum_type is not None:
        return rng.choice([value.number for value in field.enum_type.values])
    if isinstance(old, float):
        return rng.choice([*FLOATS, -old, old * 2])
    assert isinstance(old, int)
    least, most = RANGES[field.cpp_type]
    near = [old + 1, old - 1, old * 2, -old, rng.randrange(20), rng.randrange(20)]
    fitting = [value for value in (*INTEGERS, *near) if least <= value <= most]
    return rng.choice(fitting)
