"""Nets with several inputs, integers and several outputs: values and gradients of PyTorch."""

import numpy as np
import onnx
import pytest
import torch

from cortado.bridge import parameter_names, to_torch
from cortado.model.onnx_io import serial

pytest.importorskip("kinds")

from kinds import detector, encoder, recogniser, running, unet

NETS = {
    "encoder": (encoder, encoder.make_net),
    "unet": (unet, unet.make_net),
    "unet with Resize": (unet, lambda: unet.make_net(upsample="resize")),
    "detector": (detector, detector.make_net),
    "recogniser with LSTM": (recogniser, recogniser.make_net),
    "recogniser without": (recogniser, lambda: recogniser.make_net(recurrent=False)),
}


@pytest.mark.parametrize("exporter", running.EXPORTERS)
@pytest.mark.parametrize("name", NETS)
def test_values_are_onnxruntimes_and_gradients_those_of_the_exported_module(
    name, exporter, tmp_path
):
    kind, make = NETS[name]
    module = distinct(make()).eval()
    path = tmp_path / "net.onnx"
    kind.export(module, path, exporter)
    samples = kind.make_samples(5, 1)
    translated = to_torch(serial.decode(path.read_bytes(), "the net")).eval()
    tensors = [torch.from_numpy(samples[each]) for each in kind.INPUTS]
    for left, right in zip(
        _tuple(translated(*tensors)), running.run_onnx(path, samples).values(), strict=True
    ):
        np.testing.assert_allclose(left.detach().numpy(), right, atol=2e-6)
    for each in (module, translated):
        sum(out.square().sum() for out in _tuple(each(*tensors))).backward()
    assert all(p.grad is not None for p in translated.parameters())
    own = dict(module.named_parameters())
    same = [
        (own[initializer], translated.get_parameter(parameter))
        for initializer, parameter in parameter_names(translated).items()
        if initializer in own and torch.equal(own[initializer], translated.get_parameter(parameter))
    ]  # exporters fold a BatchNorm into the convolution before it, and transpose matrices
    assert same
    scale = max(expected.grad.abs().max().item() for expected, _ in same)
    for expected, found in same:
        np.testing.assert_allclose(found.grad, expected.grad, atol=1e-5 * scale, rtol=1e-3)


def test_the_gradient_of_an_lstm_is_that_of_the_exported_module(tmp_path):
    """Its weights are stored in another order, so that the input's gradient is compared."""
    module = recogniser.make_net()
    recogniser.export(module, tmp_path / "net.onnx", "torchscript")
    assert "LSTM" in {node.op_type for node in onnx.load(tmp_path / "net.onnx").graph.node}
    translated = to_torch(serial.decode((tmp_path / "net.onnx").read_bytes(), "the net")).eval()
    x = torch.from_numpy(recogniser.make_samples(3, 2)["x"])
    gradients = []
    for each in (module, translated):
        given = x.clone().requires_grad_()
        each(given)[:, :, 1].sum().backward()
        gradients.append(given.grad)
    assert gradients[0].abs().max() > 0
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-3, atol=1e-7)


def distinct(module):
    """Give every tensor numbers of its own: exporters merge equal ones, such as zero biases."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
    for each in module.modules():
        if isinstance(each, torch.nn.Embedding):
            each.padding_idx = None  # ONNX knows no row that gets no gradient
    return module


def _tuple(found):
    return found if isinstance(found, tuple) else (found,)
