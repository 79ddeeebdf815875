"""Emitted files in onnxruntime for JavaScript: the outputs of the dense file in Python."""

import numpy as np
import pytest

from cortado.emit import emit
from cortado.model.layers.selector import Assignment
from cortado.prune import prune
from cortado.quantize import quantize
from cortado.storage import all_codecs
from nets import conv_net, mlp, normal
from web.node import RUNTIMES, compare_in_node

NETS = {  # name → model, shape of its input, and the zeros of its weights
    "convolution": (conv_net(), (5, 1, 6, 6), 0.9),
    "matrices": (mlp(sizes=(400, 300, 3)), (5, 400), 0.9),
    "large matrices": (mlp(sizes=(1200, 900, 3)), (2, 1200), 0.88),  # for the decoder in lanes
}


def random_input(*shape):
    """Return inputs so small that outputs are about 1 at most."""
    return {"x": normal(np.random.default_rng(0), *shape) / np.float32(2000)}


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("storage", [codec.name for codec in all_codecs()])
@pytest.mark.parametrize("net", NETS)
def test_every_stored_form_gives_the_same_outputs(net, storage, runtime):
    model, shape, sparsity = NETS[net]
    pruned = prune(model, [Assignment("*", sparsity)]).model  # so that each form has to do
    shared = quantize(pruned, [Assignment("*", 4)]).model
    dense, stored = emit(shared, "dense").data, emit(shared, storage).data
    compare_in_node(stored, random_input(*shape), runtime, reference=dense)


def test_the_comparison_notices_other_outputs():
    one, other = emit(conv_net(), "dense").data, emit(conv_net(seed=1), "dense").data
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        compare_in_node(one, random_input(5, 1, 6, 6), "onnxruntime-web", reference=other)
