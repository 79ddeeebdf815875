"""Emitted files in onnxruntime for JavaScript: the outputs of the dense file in Python."""

from typing import get_args

import numpy as np
import pytest

from cortado.emit import Storage, emit
from cortado.model.selector import Assignment
from cortado.prune import prune
from nets import conv_net, mlp, normal
from web.node import RUNTIMES, compare_in_node

NETS = {"convolution": (conv_net(), (5, 1, 6, 6)), "matrices": (mlp(sizes=(40, 30, 3)), (5, 40))}


def random_input(*shape):
    return {"x": normal(np.random.default_rng(0), *shape)}


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("storage", get_args(Storage))
@pytest.mark.parametrize("net", NETS)
def test_every_stored_form_gives_the_same_outputs(net, storage, runtime):
    model, shape = NETS[net]
    pruned = prune(model, [Assignment("*", 0.9)]).model  # so that each form has something to do
    dense, stored = emit(pruned, "dense").data, emit(pruned, storage).data
    compare_in_node(stored, random_input(*shape), runtime, reference=dense)


def test_the_comparison_notices_other_outputs():
    one, other = emit(conv_net(), "dense").data, emit(conv_net(seed=1), "dense").data
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        compare_in_node(one, random_input(5, 1, 6, 6), "onnxruntime-web", reference=other)
