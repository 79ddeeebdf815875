"""The table: round trip, damage, pandas' rules, merging."""

import csv
import dataclasses
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortado.errors import CortadoError
from cortado.sensitivity import Row, encode_rows, merge, read_table

numbers = st.floats(0, 1).map(lambda x: float(f"{x:.9g}"))
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)


def row(layer="fc1", rate=0.5, samples=100, model="sha256:a", accuracy=0.9, note=""):
    return Row(
        layer, "prune", rate, accuracy, 0.1, 0.2, samples, 0.8, 0.95, 1.5, 0, 3, 1, 0.05, 10, 5,
        "magnitude", "labels", "mnist", "val", 100, model, note,
    )  # fmt: skip


@given(
    st.lists(
        st.builds(row, texts, numbers, st.integers(1, 99), note=texts),
        min_size=1,
        unique_by=lambda r: r.key,
    )
)
def test_rows_come_back(rows):
    table = read_table(encode_rows(rows, header=True), "it")
    assert (list(table.rows), table.mended) == (rows, False)


@given(st.integers(0))
def test_only_the_last_line_may_be_half_written(cut):
    whole = encode_rows([row(rate=r / 10) for r in range(1, 6)], header=True)
    part = whole[: len(whole) - cut % 200]
    table = read_table(part, "it")
    assert table.rows == read_table(whole, "it").rows[: len(table.rows)]
    assert table.mended == (not part.endswith(b"\n"))


def test_every_line_has_as_many_fields_as_the_header():
    text = encode_rows([row("a,b"), row('"q"')], header=True).decode()
    assert {len(line) for line in csv.reader(io.StringIO(text))} == {len(dataclasses.fields(Row))}


def test_tables_of_one_model_merge_and_keep_what_saw_more_images():
    one = read_table(encode_rows([row(samples=50), row("fc2")], header=True), "a")
    two = read_table(encode_rows([row(), row("fc3")], header=True), "b")
    merged = merge([one, two], ["a", "b"])
    assert [(r.layer, r.samples) for r in merged.rows] == [("fc1", 100), ("fc2", 100), ("fc3", 100)]


def test_tables_of_two_models_do_not_merge():
    tables = [read_table(encode_rows([row(model=m)], header=True), m) for m in ("a", "b")]
    with pytest.raises(CortadoError, match=r"b\.csv has rows of another model: b, not a"):
        merge(tables, ["a.csv", "b.csv"])
