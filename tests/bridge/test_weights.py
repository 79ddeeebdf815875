import copy

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper
from torch import fx, nn
from torch.nn import functional as F

from bridge.agreement import assert_close, rand, run_onnx, run_torch
from bridge.nets import MODELS, lenet, residual, siamese, torch_lenet
from cortado.bridge import from_torch, parameter_names, to_torch
from cortado.errors import CortadoError
from cortado.model.onnx_io.serial import encode, from_proto

X = rand(6, 1, 28, 28)


@pytest.mark.parametrize("build", MODELS.values(), ids=MODELS.keys())
def test_an_untrained_module_gives_the_same_file(build):
    model = build()
    before = encode(model)
    assert encode(from_torch(model, to_torch(model))) == before
    assert encode(model) == before


def test_weights_stored_as_a_list_of_floats_stay_so():
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 2])]
    weight = helper.make_tensor("w", TensorProto.FLOAT, [2], [0.5, 2.0])
    assert weight.float_data
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "w"], ["y"])], "graph", inputs, outputs, [weight]
    )
    opsets = [helper.make_opsetid("", 17)]
    proto = helper.make_model(graph, ir_version=10, opset_imports=opsets)
    model = from_proto(proto, "the test's model")
    assert encode(from_torch(model, to_torch(model))) == encode(model)


def test_parameter_names():
    names = parameter_names(to_torch(lenet()))
    assert names["conv1.weight"] == "conv1_weight"
    assert len(names) == 8
    assert set(parameter_names(to_torch(residual()))) == {"conv.weight", "bn.weight", "bn.bias"}


def test_parameter_names_survive_a_copy():
    module = to_torch(lenet())
    assert parameter_names(copy.deepcopy(module)) == parameter_names(module)


def test_a_foreign_module_is_refused():
    module = fx.symbolic_trace(nn.ReLU())
    with pytest.raises(CortadoError, match="not made by"):
        parameter_names(module)
    with pytest.raises(CortadoError, match=r"no initializer conv\.weight"):
        from_torch(lenet(), to_torch(residual()))


def test_gradients_equal_those_of_a_net_written_by_hand():
    module, net = to_torch(lenet(), ["fc2"]), torch_lenet()
    names = parameter_names(module)
    parameters = dict(zip(names, net.parameters(), strict=True))
    for name, parameter in parameters.items():
        parameter.data = module.get_parameter(names[name]).detach().clone()
    x, labels = torch.from_numpy(X), torch.arange(6)
    for each in (module, net):
        F.cross_entropy(each(x), labels).backward()
    for name, parameter in parameters.items():
        actual, expected = module.get_parameter(names[name]).grad, parameter.grad
        assert_close(actual.numpy(), expected.numpy())


def test_a_shared_weight_is_one_parameter_whose_gradients_add_up():
    module = to_torch(siamese())
    a, b = torch.from_numpy(rand(4, 5)), torch.from_numpy(rand(4, 5) * 2)
    module(a, b).sum().backward()
    (weight,) = module.parameters()
    expected = (a + b).sum(0)[:, None].expand(5, 3)
    assert_close(weight.grad.numpy(), expected.numpy())


@pytest.mark.parametrize("name", ["lenet", "residual"])
def test_a_trained_module_and_its_file_agree(name):
    model = MODELS[name]()
    x = X if name == "lenet" else rand(6, 4, 8, 8)
    module = to_torch(model)
    before = encode(model)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
    module(torch.from_numpy(x)).square().sum().backward()
    optimizer.step()
    trained = from_torch(model, module)
    (expected,) = run_torch(module, x)
    assert_close(run_onnx(trained, x)[0], expected)
    assert not np.allclose(run_onnx(model, x)[0], expected)
    assert encode(model) == before


def test_changed_statistics_come_back_too():
    model = residual()
    module = to_torch(model)
    module.bn_mean.add_(1)
    trained = from_torch(model, module)
    np.testing.assert_array_equal(
        trained.graph.initializers["bn.mean"].const_value.numpy(), rand(4) + 1
    )
