"""The documentation names what there is, and nothing else."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import onnx
import pytest

from cortado.bridge import registry as operators
from cortado.bridge import to_torch  # noqa: F401 - importing it fills the registry
from cortado.caffe import context, convert, heads
from cortado.caffe import layers as converters
from cortado.caffe.inputs import DATA_TYPES
from cortado.caffe.layers import registry as layers
from cortado_cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
CAFFE, _, ONNX = (ROOT / "docs" / "layers.md").read_text().partition("## ONNX")
README = (ROOT / "README.md").read_text()


def rows(text):
    """Return the cells of each row of the only table, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def names(cell):
    return re.findall(r"\w+", cell)


def emitted():
    """Return the ONNX operators that the functions for Caffe's layers name."""
    files = [Path(context.__file__), Path(convert.__file__)]
    files += Path(converters.__file__).parent.glob("*.py")
    statements = [statement for path in files for statement in ast.parse(path.read_text()).body]
    return {
        node.value
        for statement in statements
        # not the decorator of a function, which names Caffe's type
        for part in (statement.body if isinstance(statement, ast.FunctionDef) else [statement])
        for node in ast.walk(part)
        if isinstance(node, ast.Constant) and is_operator(node.value)
    }


def is_operator(word):
    return isinstance(word, str) and onnx.defs.has(word)


def test_the_first_table_has_every_caffe_layer():
    known = {*layers._CONVERTERS, *DATA_TYPES, *heads._ACTIVATIONS, *heads._DROPPED, *heads._SINKS}
    assert sorted(name for row in rows(CAFFE) for name in names(row[0])) == sorted(known)


def test_the_first_table_has_every_operator_that_caffe_layers_become():
    told = {name for row in rows(CAFFE) for name in names(f"{row[1]} {row[2]}")}
    assert {name for name in told if is_operator(name)} == emitted()


def test_the_second_table_has_every_trainable_operator_in_its_family():
    families = defaultdict(list)
    for name, function in {**operators._size_handlers, **operators._handlers}.items():
        module = function.__module__.rpartition(".")[2]
        families[module.replace("_", " ")].append(name)
    expected = {family: sorted(known) for family, known in families.items()}
    assert {row[0]: names(row[1]) for row in rows(ONNX)} == expected


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_readme(name):
    assert f"cortado {name}" in README
