"""LSTM and RNN against PyTorch's; how their weights are named, pruned and trained."""

import numpy as np
import pytest
import torch

from caffe.running import caffemodel, run
from cortado.bridge import to_torch
from cortado.caffe import Fillers, import_caffe, read_caffemodel
from cortado.errors import CortadoError
from cortado.model.layers.prunable import find_layers

STEPS, ITEMS, INPUTS, SIZE = 5, 3, 4, 6
RNG = np.random.default_rng(0)
X = RNG.normal(size=(STEPS, ITEMS, INPUTS)).astype(np.float32)
ONE_SEQUENCE = np.ones((STEPS, ITEMS), np.float32)
NET = """
layer {{ name: "x" type: "Input" top: "x" input_param {{ shape {{ dim: [5, 3, 4] }} }} }}
layer {{ name: "cont" type: "Input" top: "cont" input_param {{ shape {{ dim: [5, 3] }} }} }}
layer {{ name: "r" type: "{kind}" bottom: "x" bottom: "cont" top: "r"
        recurrent_param {{ num_output: 6 }} }}
"""


def blob(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def imported(kind, *blobs):
    return import_caffe(NET.format(kind=kind), read_caffemodel(caffemodel({"r": blobs})))


def lstm():
    """Return random blobs, and the LSTM of PyTorch that has them."""
    w_x, bias, w_h = blob(4 * SIZE, INPUTS), blob(4 * SIZE), blob(4 * SIZE, SIZE)
    module = torch.nn.LSTM(INPUTS, SIZE)

    def gates(array):  # Caffe's order is i, f, o, g; PyTorch's is i, f, g, o
        i, f, o, g = np.split(array, 4)
        return torch.from_numpy(np.concatenate([i, f, g, o]))

    with torch.no_grad():
        module.weight_ih_l0.copy_(gates(w_x))
        module.weight_hh_l0.copy_(gates(w_h))
        module.bias_ih_l0.copy_(gates(bias))
        module.bias_hh_l0.zero_()
    return (w_x, bias, w_h), module


def test_lstm_is_that_of_pytorch():
    blobs, module = lstm()
    expected = module(torch.from_numpy(X))[0].detach().numpy()
    result = run(imported("LSTM", *blobs).model, x=X, cont=ONE_SEQUENCE)["r"]
    np.testing.assert_allclose(result, expected, atol=1e-5)


def test_a_sequence_begins_where_cont_is_0():
    blobs, module = lstm()
    cont = ONE_SEQUENCE.copy()
    cont[0], cont[2, 1] = 0, 0
    result = run(imported("LSTM", *blobs).model, x=X, cont=cont)["r"]
    parts = [module(torch.from_numpy(X[part, 1:2]))[0] for part in (slice(2), slice(2, None))]
    expected = torch.cat(parts).detach().numpy()
    np.testing.assert_allclose(result[:, 1:2], expected, atol=1e-5)


def test_rnn_is_that_of_pytorch_and_an_output_layer():
    w_x, bias, w_h = blob(SIZE, INPUTS), blob(SIZE), blob(SIZE, SIZE)
    w_o, b_o = blob(SIZE, SIZE), blob(SIZE)
    module = torch.nn.RNN(INPUTS, SIZE)
    with torch.no_grad():
        module.weight_ih_l0.copy_(torch.from_numpy(w_x))
        module.weight_hh_l0.copy_(torch.from_numpy(w_h))
        module.bias_ih_l0.copy_(torch.from_numpy(bias))
        module.bias_hh_l0.zero_()
    hidden = module(torch.from_numpy(X))[0].detach().numpy()
    model = imported("RNN", w_x, bias, w_h, w_o, b_o).model
    result = run(model, x=X, cont=ONE_SEQUENCE)["r"]
    np.testing.assert_allclose(result, np.tanh(hidden @ w_o.T + b_o), atol=1e-5)


def test_each_matrix_is_one_prunable_layer():
    blobs, _ = lstm()
    layers = find_layers(imported("LSTM", *blobs).model)
    assert [(layer.name, layer.array.shape) for layer in layers.prunable] == [
        ("r.x", (INPUTS, 4 * SIZE)),
        ("r.h", (SIZE, 4 * SIZE)),
    ]
    assert layers.skipped == ()


@pytest.mark.parametrize("name", ["r_x_weight", "r_h_weight", "r_x_bias"])
def test_every_blob_can_be_trained(name):
    blobs, _ = lstm()
    module = to_torch(imported("LSTM", *blobs).model)
    module(torch.from_numpy(X), torch.from_numpy(ONE_SEQUENCE)).square().sum().backward()
    gradient = dict(module.named_parameters())[name].grad
    assert gradient is not None
    assert gradient.abs().min() > 0


def test_very_long_sequences_are_refused():
    text = NET.format(kind="RNN").replace("[5, 3", "[2000, 3")
    with pytest.raises(CortadoError, match="it has 2000 steps; at most 1024 are unrolled"):
        import_caffe(text, Fillers(0))


def test_the_user_hears_that_no_state_is_kept():
    blobs, _ = lstm()
    assert imported("LSTM", *blobs).notes == (
        "the batch size is fixed, because layer 'r' (LSTM) is unrolled in time, "
        "which is its first axis",
        "layer 'r' (LSTM): its first state is 0 in every run; "
        "Caffe keeps the last of the run before",
    )
