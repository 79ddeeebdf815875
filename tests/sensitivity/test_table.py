"""The table: round trip, damage, pandas' rules, merging."""

import csv
import dataclasses
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortado.errors import CortadoError
from cortado.sensitivity import Row, encode_rows, merge, read_table
from scored import made_row

rates = st.floats(0.001, 0.999).map(lambda x: float(f"{x:.9g}"))
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def row(layer="fc1", level=0.5, samples=100, **fields):
    return made_row(layer, "prune", level, samples=samples, **fields)


@given(
    st.lists(
        st.builds(row, texts, rates, st.integers(4, 99), note=texts),
        min_size=1,
        unique_by=lambda r: r.key,
    )
)
def test_rows_come_back(rows):
    table = read_table(encode_rows(rows, header=True), "it")
    assert (list(table.rows), table.mended) == (rows, False)


def test_a_row_is_a_line_whatever_its_layer_is_called():
    rows = [row(name) for name in ("a\nb", "a\r\nb", "a\rb", "\\n", "\\\n", "\0", "\u2028", "\n")]
    data = encode_rows(rows, header=True)
    assert data.count(b"\n") == 1 + len(rows)
    assert b"\r" not in data
    for cut in range(1, len(data)):
        table = read_table(data[:cut], "it")
        assert table.rows == tuple(rows[: len(table.rows)])


@given(st.integers(0))
def test_only_the_last_line_may_be_half_written(cut):
    whole = encode_rows([row(level=r / 10) for r in range(1, 6)], header=True)
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


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": "sha256:b"}, "model: sha256:b, not sha256:a"),
        ({"data": "digits"}, "data set: digits, not mnist"),
        ({"split": "train"}, "split: train, not val"),
        ({"total": 200}, "number of samples: 200, not 100"),
        ({"against": "reference"}, "way of counting: reference, not targets"),
        ({"metric": "iou"}, "metric: iou, not accuracy"),
        ({"better": "lower"}, "direction of the metric: lower, not higher"),
        ({"output": "z"}, "output: z, not y"),
    ],
)
def test_tables_that_cannot_be_compared_do_not_merge(changes, words):
    rows = [row(), dataclasses.replace(row(), **changes)]
    tables = [read_table(encode_rows([each], header=True), "it") for each in rows]
    with pytest.raises(CortadoError, match=rf"b\.csv has rows of another {words}"):
        merge(tables, ["a.csv", "b.csv"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"level": 1.5}, "level is 1.5, and must be a fraction between 0 and 1"),
        ({"level": float("nan")}, "level is nan"),
        ({"treatment": "bits", "level": 9.0}, "level is 9, and must be bits, a whole"),
        ({"treatment": "bits", "level": 2.5}, "level is 2.5"),
        ({"treatment": "shared"}, "treatment is 'shared', and must be one of prune, bits, dense"),
        ({"method": "foo"}, "method is 'foo', and must be one of magnitude"),
        ({"seed": -1}, "seed is -1"),
        ({"samples": 0}, "samples is 0, and must be a whole number from 1 to 100"),
        ({"samples": 101}, "samples is 101"),
        ({"total": 10**400}, "total is 1000"),
        ({"lost": -1}, "lost and gained are -1 and 1, and must be some of the samples"),
        ({"lost": 100}, "lost and gained are 100 and 1"),
        ({"lost": None}, "lost and gained are given both or none"),
        ({"loss": None}, "loss is empty"),
        ({"divergence": None}, "divergence is empty"),
        ({"ci_low": None}, "ci_low is empty"),
        ({"dense_loss": None}, "dense_loss is empty"),
        ({"ci_high": float("inf")}, "ci_high is inf, and must be a fraction from 0 to 1"),
        ({"value": float("nan")}, "value is nan"),
        ({"value": 7.0}, "value is 7"),
        ({"treatment": "dense", "value": None}, "value is empty, and must be that of the dense"),
        ({"better": "up"}, "better is 'up', and must be one of higher, lower"),
    ],
)
def test_what_no_sweep_writes_is_told_with_its_line(changes, words):
    rows = [row(), dataclasses.replace(row("fc2"), **changes)]
    with pytest.raises(CortadoError) as refused:
        read_table(encode_rows(rows, header=True), "it")
    assert str(refused.value).startswith(f"it, line 3: {words}")


def test_figures_of_a_metric_that_counts_no_samples_may_be_any_numbers():
    free = row(metric="psnr", value=31.5, dense=40.0, drop=8.5, lost=None, gained=None)
    free = dataclasses.replace(free, ci_low=30.0, ci_high=float("inf"))
    assert read_table(encode_rows([free], header=True), "it").rows == (free,)


def test_tables_of_the_first_version_are_refused_with_what_to_do():
    old = b"layer,kind,rate,accuracy,loss\n*,dense,0,0.99,0.1\n"
    with pytest.raises(CortadoError, match=r"old\.csv was written by an earlier .* sweep again"):
        read_table(old, "old.csv")
