"""Every type of layer, and chains of them, against what Caffe 1.0 made of the same values."""

import pytest

from caffe.recorded import check, recorded
from caffe.running import run
from cortado.caffe import import_caffe


@pytest.mark.parametrize("case", recorded("layers"), ids=lambda case: case.name)
def test_layer(case):
    model = import_caffe(case.prototxt(), case.weights).model
    check(run(model, **used(model, case)), case)


@pytest.mark.parametrize("case", recorded("chains"), ids=lambda case: case.name)
def test_chain_that_was_imported_for_another_batch_size(case):
    model = import_caffe(case.prototxt(batch=2), case.weights).model
    check(run(model, **used(model, case)), case)


def used(model, case):
    """Return the inputs that the model has: a loss's labels are gone."""
    return {value.name: case.inputs[value.name] for value in model.graph.inputs}
