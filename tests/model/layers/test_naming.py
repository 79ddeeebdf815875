"""What layers are called, by what exporters write."""

import onnx_ir as ir
import pytest

from cortado.model.layers.naming import wished_name


def node(name="", scopes=None):
    made = ir.node("MatMul", [ir.Value(name="x")], name=name)
    if scopes is not None:
        made.metadata_props["pkg.torch.onnx.name_scopes"] = scopes
    return made


@pytest.mark.parametrize(
    ("weight", "name", "expected"),
    [
        ("conv1.weight", "/other/MatMul", "conv1"),
        ("val_3", "/fc/MatMul", "fc"),
        ("val_3", "/encoder/layers.0/linear1/MatMul_2", "encoder.layers.0.linear1"),
        ("val_3", "/blocks/blocks.0/blocks.0.1/MatMul", "blocks.0.1"),
        ("val_3", "/a/b/Conv", "/a/b/Conv"),
        ("val_3", "/MatMul", "/MatMul"),
        ("val_3", "product", "product"),
        ("val_3", "", "val_3"),
        (".weight", "", ".weight"),
    ],
)
def test_names_of_weights_and_nodes(weight, name, expected):
    assert wished_name(weight, node(name)) == expected


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        ("['', 'enc', 'enc.linear1', 'linear_2']", "enc.linear1"),
        ("['', 'matmul']", "n"),
        ("[]", "n"),
        ("not a list", "n"),
        ("3", "n"),
    ],
)
def test_scopes_of_the_current_exporter(scopes, expected):
    assert wished_name("val_3", node("n", scopes)) == expected
