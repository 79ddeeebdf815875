"""The documentation names what there is, and nothing else."""

import ast
import re
from collections import defaultdict
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from caffe.running import apply
from cortado.bridge import registry as trained
from cortado.bridge import to_torch  # noqa: F401 - importing it fills the registry
from cortado.caffe import context, convert, heads
from cortado.caffe import layers as converters
from cortado.caffe.inputs import DATA_TYPES
from cortado.caffe.layers import registry as layers
from cortado.plan.document import Expectation, LayerPlan, Plan
from cortado.sensitivity.table import COLUMNS
from cortado_cli.main import COMMANDS
from documented import BVLC, CAFFE, FORKS, ONNX, ROOT, is_operator, names, operators, rows

README = (ROOT / "README.md").read_text()


def emitted():
    """Return the ONNX operators that the functions for Caffe's layers name."""
    files = [Path(context.__file__), Path(convert.__file__)]
    files += Path(converters.__file__).parent.rglob("*.py")
    statements = [statement for path in files for statement in ast.parse(path.read_text()).body]
    return {
        node.value
        for statement in statements
        # not the decorator of a function, which names Caffe's type
        for part in (statement.body if isinstance(statement, ast.FunctionDef) else [statement])
        for node in ast.walk(part)
        if isinstance(node, ast.Constant) and is_operator(node.value)
    }


def test_the_tables_have_every_caffe_layer():
    known = {*layers._CONVERTERS, *DATA_TYPES, *heads._ACTIVATIONS, *heads._DROPPED, *heads._SINKS}
    assert sorted(name for row in rows(CAFFE) for name in names(row[0])) == sorted(known)


def test_the_layers_of_forks_are_converted_or_refused_as_told():
    told = {name: row[1:] for row in rows(FORKS) for name in names(row[0])}
    assert len(told) > 20
    for name, (becomes, reason) in told.items():
        home = layers.converter_of(name).__module__
        assert home.startswith("cortado.caffe.layers.forks."), name
        assert (becomes == "refused") == home.endswith(".refused"), name
        assert becomes != "refused" or reason


def test_the_columns_of_a_table_and_the_fields_of_a_plan_are_told():
    table, _, plan = (ROOT / "docs/sensitivity.md").read_text().partition("## The plan")
    assert [name for row in rows(table) for name in names(row[0])] == list(COLUMNS)
    told = {name: re.findall(r"`(\w+)`", row[1]) for row in rows(plan) for name in names(row[0])}
    assert list(told) == ["version", *(field.name for field in fields(Plan))]
    assert told["layers"] == [field.name for field in fields(LayerPlan)]
    assert told["expected"] == [field.name for field in fields(Expectation)]


def test_the_example_of_a_layer_works(monkeypatch):
    monkeypatch.setattr(layers, "_CONVERTERS", dict(layers._CONVERTERS))
    (program,) = re.findall(r"```python\n(.*?)```", FORKS, re.DOTALL)
    exec(program, {"__name__": "a_module_of_the_user"})
    gain = np.arange(6, dtype=np.float32)
    x = np.ones((2, 6, 3, 3), np.float32)
    y = apply('type: "ChannelGain" channel_gain_param { filler { value: 2 } }', x, gain)
    np.testing.assert_array_equal(y, gain.reshape(6, 1, 1) * x)


def test_the_tables_have_every_operator_that_caffe_layers_become():
    """Each row alone is looked up by the tests of the importer, see their conftest."""
    assert set().union(*operators().values()) == emitted()


def test_the_types_that_caffe_cannot_compute_in_place():
    (told,) = re.findall(
        r"^Refused too is a layer in place .*?\n\n", BVLC, re.DOTALL | re.MULTILINE
    )
    known = {kind for kind in layers._CONVERTERS if layers.in_place_of(kind) is not layers.always}
    assert {name for name in names(told) if name in layers._CONVERTERS} == known


def test_the_second_table_has_every_trainable_operator_in_its_family():
    families = defaultdict(list)
    for name, function in {**trained._size_handlers, **trained._handlers}.items():
        module = function.__module__.rpartition(".")[2]
        families[module.replace("_", " ")].append(name)
    expected = {family: sorted(known) for family, known in families.items()}
    assert {row[0]: names(row[1]) for row in rows(ONNX)} == expected


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_readme(name):
    assert f"cortado {name}" in README
