"""Small graphs, and the check that PyTorch computes what onnxruntime computes on them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import torch
from onnx import helper, numpy_helper

from cortado.bridge import to_torch
from cortado.model.onnx_io.serial import decode, encode

TOLERANCE = 1e-5  # of the largest magnitude of the output


def rand(*shape: int) -> np.ndarray:
    """Numbers that differ with the shape only."""
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


def model_of(
    nodes: Sequence[onnx.NodeProto],
    data: Mapping[str, np.ndarray],
    constants: Mapping[str, np.ndarray],
    opset: int = 17,
    batch: str | int = "N",
) -> ir.Model:
    """A model of these nodes; its outputs are what the last node yields."""
    inputs = [
        helper.make_tensor_value_info(
            name,
            helper.np_dtype_to_tensor_dtype(array.dtype),
            [batch, *array.shape[1:]] if array.ndim else [],
        )
        for name, array in data.items()
    ]
    # Where ONNX cannot infer the type of an output, it has that of the first input.
    rank = next(iter(data.values())).ndim
    guess = helper.make_tensor_type_proto(onnx.TensorProto.FLOAT, [None] * rank)
    outputs = [onnx.ValueInfoProto(name=name) for name in nodes[-1].output if name]
    graph = helper.make_graph(
        list(nodes),
        "graph",
        inputs,
        outputs,
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    proto = onnx.shape_inference.infer_shapes(proto)
    for output in proto.graph.output:
        if not output.type.tensor_type.HasField("shape"):
            output.type.CopyFrom(guess)
    return decode(proto.SerializeToString(), "the test's model")


def one_node(
    op_type: str,
    data: np.ndarray,
    *constants: np.ndarray | None,
    opset: int = 17,
    outputs: int = 1,
    **attributes: Any,
) -> ir.Model:
    """A model of one node, whose input 0 is the graph's, the others being initializers."""
    named = {f"c{i}": c for i, c in enumerate(constants) if c is not None}
    inputs = ["x", *(f"c{i}" if c is not None else "" for i, c in enumerate(constants))]
    names = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(op_type, inputs, names, op_type.lower(), **attributes)
    return model_of([node], {"x": data}, named, opset)


def run_onnx(model: ir.Model, *inputs: np.ndarray) -> list[np.ndarray]:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(encode(model), options, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    return session.run(None, dict(zip(names, inputs, strict=True)))


def run_torch(module: torch.nn.Module, *inputs: np.ndarray) -> list[np.ndarray]:
    with torch.no_grad():
        result = module.eval()(*(torch.from_numpy(x) for x in inputs))
    results = result if isinstance(result, tuple) else (result,)
    return [tensor.detach().numpy() for tensor in results]


def assert_close(actual: np.ndarray, expected: np.ndarray) -> None:
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    scale = np.abs(expected).max(initial=0) if expected.dtype.kind == "f" else 0
    np.testing.assert_allclose(actual, expected, rtol=0, atol=TOLERANCE * scale)


def assert_agrees(model: ir.Model, *inputs: np.ndarray) -> None:
    """Check that the module computes what onnxruntime computes."""
    expected = run_onnx(model, *inputs)
    actual = run_torch(to_torch(model), *inputs)
    assert len(actual) == len(expected)
    for a, e in zip(actual, expected, strict=True):
        assert_close(a, e)


def assert_gradients(model: ir.Model, *inputs: np.ndarray) -> None:
    """Check the module's gradients against finite differences, in float64, in all its floats."""
    module = to_torch(model).double()
    names = [name for name, _ in module.named_parameters()]
    floats = [torch.from_numpy(x).double().requires_grad_() for x in inputs if x.dtype.kind == "f"]
    rest = [torch.from_numpy(x) for x in inputs if x.dtype.kind != "f"]
    weights = [parameter.detach().clone().requires_grad_() for parameter in module.parameters()]

    def run(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        given = dict(zip(names, tensors[len(floats) :], strict=True))
        result = torch.func.functional_call(module, given, (*tensors[: len(floats)], *rest))
        results = result if isinstance(result, tuple) else (result,)
        return tuple(tensor for tensor in results if tensor.dtype.is_floating_point)

    assert torch.autograd.gradcheck(run, (*floats, *weights), fast_mode=True)
