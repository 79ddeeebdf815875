"""The documentation names what there is."""

from pathlib import Path

import pytest

from cortado.bridge import registry as operators
from cortado.caffe.inputs import DATA_TYPES
from cortado.caffe.layers import registry as layers
from cortado_cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
LAYERS = (ROOT / "docs" / "layers.md").read_text()
README = (ROOT / "README.md").read_text()


def words(text: str) -> set[str]:
    return set(text.replace(",", " ").replace("|", " ").split())


@pytest.mark.parametrize("name", sorted({*layers._CONVERTERS, *DATA_TYPES}))
def test_every_caffe_layer_is_in_the_table(name):
    assert name in words(LAYERS.split("## ONNX")[0])


@pytest.mark.parametrize("name", sorted({*operators._handlers, *operators._size_handlers}))
def test_every_trainable_operator_is_in_the_table(name):
    assert name in words(LAYERS.split("## ONNX")[1])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_readme(name):
    assert f"cortado {name}" in README
