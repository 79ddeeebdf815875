"""What holds in every test of the importer."""

import pytest

from cortado.caffe.context import Context
from documented import operators


@pytest.fixture(scope="package", autouse=True)
def _nodes_are_documented():
    """Look up each node that a layer becomes in the row of its type in docs/layers.md."""
    told, nodes = operators(), Context.nodes

    def checked(self, op, *arguments, **options):
        kind = self.layer.type
        assert op in told.get(kind, {op}), f"docs/layers.md: {kind} becomes {op}, too"
        return nodes(self, op, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Context, "nodes", checked)
        yield
