"""What PyTorch exports today: every family, by both exporters, through every pass."""

import functools

import numpy as np
import pytest
import torch

from bridge.agreement import assert_close, run_onnx
from bridge.exporting import current, traced
from bridge.families import FAMILIES, Bert, ResNet, Swin, UNet, ViT, build, sample
from cortado.bridge import from_torch, parameter_names, to_torch
from cortado.emit import emit
from cortado.model.graph.plain import to_plain
from cortado.model.layers.prunable import find_layers
from cortado.model.layers.selector import ALL, Assignment
from cortado.model.onnx_io.serial import decode, encode
from cortado.prune import prune
from cortado.quantize import quantize

pytest.importorskip("onnxscript", reason="the current exporter needs onnxscript")

_OLDEST = {UNet: 11, ViT: 17, Bert: 17, Swin: 11}
"""What tracing can write, where it cannot write opset 9."""

_TRACED = (9, 11, 13, 17, 20)
_CURRENT = (18, 21, 23)


def opset_of(exporter, family):
    """One opset for each pair, so that all are met."""
    number = FAMILIES.index(family)
    if exporter is current:
        return _CURRENT[number % len(_CURRENT)]
    return max(_TRACED[number % len(_TRACED)], _OLDEST.get(family, 9))


@functools.cache
def exported(exporter, family):
    net, x = build(family)
    proto = exporter(net, x, opset_of(exporter, family))
    return decode(proto.SerializeToString(), "the export")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("exporter", [traced, current])
class TestFamily:
    def test_forward_equals_onnxruntime(self, exporter, family):
        """On a batch of another size than the exporter saw."""
        model, x = exported(exporter, family), sample(family, 5)
        module = to_torch(model).eval()
        with torch.no_grad():
            assert_close(module(x).numpy(), run_onnx(model, x.numpy())[0])
        assert encode(from_torch(model, module)) == encode(model)

    def test_gradients_equal_those_of_the_net(self, exporter, family):
        """Of the input, and of every parameter that the exporter left as it is."""
        (net, _), x = build(family), sample(family, 3)
        model = exported(exporter, family)
        module = to_torch(model).eval()
        grads = []
        for each in (module, net):
            given = x.clone().requires_grad_() if x.is_floating_point() else x
            y = each(given)
            (y * torch.arange(1.0, y.shape[1] + 1)).sum().backward()
            grads.append(given.grad)
        if grads[1] is not None:
            assert_close(grads[0].numpy(), grads[1].numpy())
        parameters = dict(net.named_parameters())
        same = 0
        for name, attribute in parameter_names(module).items():
            mine, theirs = module.get_parameter(attribute), parameters.get(name)
            if theirs is not None and torch.equal(mine, theirs) and theirs.grad is not None:
                assert_close(mine.grad.numpy(), theirs.grad.numpy())
                same += 1
        assert same

    def test_pruned_shared_and_coded(self, exporter, family):
        model, x = exported(exporter, family), sample(family, 3).numpy()
        pruned = prune(model, [Assignment(ALL, 0.5)]).model
        shared = quantize(pruned, [Assignment(ALL, 4)]).model
        for layer in find_layers(shared).prunable:
            assert len(np.unique(layer.array)) <= 17
            assert (layer.array == 0).mean() >= 0.45
        data = emit(shared, "coded").data
        assert_close(run_onnx(decode(data, "the file"), x)[0], run_onnx(shared, x)[0])
        assert from_torch(shared, to_torch(shared)) is not None


@pytest.mark.parametrize("family", FAMILIES)
def test_both_exporters_name_the_same_layers(family):
    names = [[x.name for x in find_layers(exported(e, family)).prunable] for e in (traced, current)]
    assert names[0] == names[1]
    modules = dict(build(family)[0].named_modules())
    assert {name.removesuffix(".state") for name in names[0]} <= modules.keys()


def test_opset_13_without_shapes_that_onnx_can_infer():
    net, x = build(Swin)
    model = decode(traced(net, x, 13).SerializeToString(), "the export")
    y = to_torch(model).eval()(sample(Swin, 5))
    assert_close(y.detach().numpy(), net(sample(Swin, 5)).detach().numpy())


def test_a_program_in_training_mode():
    net, x = build(ResNet)
    mode = torch.onnx.TrainingMode.TRAINING
    proto = traced(net, x, 17, training=mode, do_constant_folding=False)
    model = decode(proto.SerializeToString(), "the export")
    batch = sample(ResNet, 5)
    module = to_torch(model)  # with the statistics of the batch, as the file says
    assert_close(module(batch).detach().numpy(), run_onnx(model, batch.numpy())[0])
    plain = to_plain(model)
    assert len(plain.notes) == sum(isinstance(m, torch.nn.BatchNorm2d) for m in net.modules())
    assert "was in training mode; now it uses the statistics of the file" in plain.notes[0]
    expected = net.eval()(batch).detach().numpy()
    assert_close(run_onnx(plain.model, batch.numpy())[0], expected)
    assert_close(to_torch(plain.model)(batch).detach().numpy(), expected)
