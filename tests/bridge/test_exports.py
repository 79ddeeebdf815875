"""Networks as PyTorch's own exporters write them."""

import io
import warnings

import numpy as np
import onnx_ir as ir
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from bridge.agreement import assert_close, rand
from cortado.bridge import from_torch, to_torch
from cortado.model.onnx_io.serial import decode, encode


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.short = nn.Conv2d(3, 8, 1)
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        x = F.relu(self.norm(self.conv(x)) + self.short(x))
        x = F.adaptive_avg_pool2d(x, 1)
        return self.head(x.view(x.size(0), -1))


class Mobile(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(3, 16, 3, 2, 1),
            nn.Hardswish(),
            nn.Conv2d(16, 16, 3, groups=16),
            nn.ReLU6(),
            nn.Conv2d(16, 8, 1),
            nn.PReLU(8),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(8, 5),
        )


class Shuffle(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3)
        self.second = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x):
        kept, changed = self.first(x).chunk(2, 1)
        x = torch.cat([kept, self.second(changed)], 1)
        n, c, h, w = x.shape
        x = x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, -1, h, w)
        return F.log_softmax(x.flatten(2).mean(2), 1)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Conv2d(3, 16, 4, 4)
        self.token = nn.Parameter(torch.randn(1, 1, 16))
        self.norm = nn.LayerNorm(16)
        self.qkv = nn.Linear(16, 48)

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2)
        n = x.shape[0]
        x = self.norm(torch.cat([self.token.expand(n, -1, -1), x], 1))
        q, k, v = self.qkv(x).reshape(n, x.shape[1], 3, 4, 4).permute(2, 0, 3, 1, 4).unbind(0)
        x = (q @ k.transpose(-2, -1) * 0.5).softmax(-1) @ v
        return F.gelu(x.transpose(1, 2).reshape(n, -1, 16))


NETS = [Residual, Mobile, Shuffle, Attention]
SAMPLE = (3, 16, 16)


def by_tracing(net: nn.Module, *, free_batch: bool) -> ir.Model:
    file = io.BytesIO()
    axes = {"x": {0: "N"}} if free_batch else None
    x = torch.zeros(2, *SAMPLE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(net, (x,), file, dynamo=False, input_names=["x"], dynamic_axes=axes)
    return decode(file.getvalue(), "the export")


def by_dynamo(net: nn.Module) -> ir.Model:
    pytest.importorskip("onnxscript", reason="the exporter needs onnxscript")
    shapes = ({0: torch.export.Dim("N")},)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            net, (torch.zeros(2, *SAMPLE),), dynamo=True, dynamic_shapes=shapes, verbose=False
        )
    return decode(program.model_proto.SerializeToString(), "the export")


def check(model: ir.Model, net: nn.Module) -> None:
    """Check a batch of another size than the exporter saw, and the way back."""
    module = to_torch(model).eval()
    x = torch.from_numpy(rand(5, *SAMPLE))
    with torch.no_grad():
        assert_close(module(x).numpy(), net(x).numpy())
    assert encode(from_torch(model, module)) == encode(model)


def built(net: type[nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return net().eval()


@pytest.mark.parametrize("net", NETS)
def test_traced_for_any_batch(net):
    check(by_tracing(built(net), free_batch=True), built(net))


@pytest.mark.parametrize("net", [Residual, Mobile, Shuffle])
def test_traced_for_one_batch_yet_run_on_another(net):
    check(by_tracing(built(net), free_batch=False), built(net))


@pytest.mark.parametrize("net", NETS)
def test_exported_by_dynamo(net):
    check(by_dynamo(built(net)), built(net))


def test_training_the_export_trains_what_the_net_would():
    net = Residual()
    net.eval()
    module = to_torch(by_tracing(net, free_batch=True))
    x = torch.from_numpy(rand(5, *SAMPLE))
    for each in (module, net):
        each(x).square().sum().backward()
    assert_close(module.head_weight.grad.numpy(), net.head.weight.grad.numpy())
    assert np.abs(module.head_weight.grad.numpy()).max() > 0
