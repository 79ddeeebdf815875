"""LMDB files that the library of LMDB wrote, read without it."""

import struct

import lmdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortado.data.lmdb import read_lmdb
from cortado.errors import CortadoError

KEYS = st.binary(min_size=1, max_size=40)
VALUES = st.one_of(
    st.binary(max_size=60),
    st.builds(lambda byte, count: bytes([byte]) * count, st.integers(0, 255), st.integers(0, 9000)),
)
STEPS = st.lists(st.dictionaries(KEYS, st.none() | VALUES, max_size=60), max_size=4)


def write(path, *steps):
    """Return the file after some transactions, each a dict of values; None deletes."""
    with lmdb.open(str(path), map_size=1 << 26, sync=False) as environment:
        for step in steps:
            with environment.begin(write=True) as transaction:
                for key, value in step.items():
                    if value is None:
                        transaction.delete(key)
                    else:
                        transaction.put(key, value)
    return (path / "data.mdb").read_bytes()


def found(data):
    """Return all records in the order read."""
    records = read_lmdb(memoryview(data))
    return [(records.pages.key(records.places[i]), bytes(records[i])) for i in range(len(records))]


@settings(max_examples=50, deadline=None)
@given(STEPS)
def test_whatever_was_put_and_not_deleted_is_found_in_order(tmp_path_factory, steps):
    expected = {}
    for step in steps:
        expected.update(step)
    expected = {key: value for key, value in expected.items() if value is not None}
    assert found(write(tmp_path_factory.mktemp("db"), *steps)) == sorted(expected.items())


def test_a_tree_of_three_levels_after_deletions(tmp_path):
    whole = {b"%05d" % i * 20: b"%d" % i * 30 for i in range(3000)}
    rest = dict(list(whole.items())[::3])
    data = write(tmp_path, whole, {key: None for key in whole if key not in rest}, {b"x": b"y"})
    assert found(data) == [*rest.items(), (b"x", b"y")]


def test_keys_are_named(tmp_path):
    records = read_lmdb(memoryview(write(tmp_path, {b"00000007_a": b"x", b"\xff": b"y"})))
    assert [records.key(i) for i in range(2)] == ["00000007_a", "\N{REPLACEMENT CHARACTER}"]


def test_databases_inside_are_refused(tmp_path):
    with lmdb.open(str(tmp_path), max_dbs=1) as environment:
        environment.open_db(b"inside")
    with pytest.raises(CortadoError, match="it holds databases inside"):
        read_lmdb(memoryview((tmp_path / "data.mdb").read_bytes()))


def patched(data, at, form, *values):
    return data[:at] + struct.pack(form, *values) + data[at + struct.calcsize(form) :]


PAGE = 4096
ROOT = 128  # in a meta page


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: b"", "it is too short"),
        (lambda data: data[: PAGE + 100], "it is too short"),
        (lambda data: b"\0" * len(data), "its first pages are no meta pages"),
        (lambda data: patched(data, 20, "<I", 2), "it is of version 2 of the format"),
        (lambda data: patched(data, 40, "<I", 4097), "its pages have 4097 bytes"),
        (lambda data: data[:-1], "it is truncated: it should have"),
        (lambda data: patched(data, PAGE + ROOT, "<Q", 99), "page 99 is missing"),
        (lambda data: patched(data, PAGE + ROOT, "<Q", 0), "page 0 is not what it should be"),
        (lambda data: patched(data, PAGE + 44, "<H", 0), "its tree of free pages is damaged"),
        (lambda data: patched(data, PAGE + 92, "<H", 4), "it has several values for a key"),
        (lambda data: patched(data, PAGE + 94, "<H", 33), "its tree has the depth 33"),
        (lambda data: patched(data, PAGE + 94, "<H", 7), "page . is not what it should be"),
        (lambda data: patched(data, PAGE + 120, "<Q", 7), "it has 2 records and should have 7"),
        (lambda data: data.replace(b"key 1", b"key 3"), "its keys are not in order"),
    ],
)
def test_damage_is_refused(damage, message, tmp_path):
    data = damage(write(tmp_path, {b"key 1": b"x", b"key 2": b"y" * 5000}))
    with pytest.raises(CortadoError, match=message):
        read_lmdb(memoryview(data))


def test_damage_to_the_pages_of_a_value_is_found_when_it_is_read(tmp_path):
    data = write(tmp_path, {b"key 1": b"x", b"key 2": b"y" * 5000})
    begin = data.index(b"yyy") - 16
    records = read_lmdb(memoryview(patched(data, begin + 12, "<I", 1)))
    assert bytes(records[0]) == b"x"
    with pytest.raises(CortadoError, match="5000 bytes are not on the 1 pages that should hold"):
        records[1]
    with pytest.raises(CortadoError, match=r"page \d is not what it should be"):
        read_lmdb(memoryview(patched(data, begin, "<Q", 99)))[1]
