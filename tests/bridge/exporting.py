"""Files as PyTorch's two exporters write them."""

import contextlib
import io
import warnings

import onnx
import torch

TRACED_OPSETS = (9, 11, 13, 17, 20)
CURRENT_OPSETS = (18, 21, 23)


def traced(net, x, opset, **options):
    """The exporter that traces TorchScript; it folds constants unless told otherwise."""
    file = io.BytesIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # of an export that fails, the whole graph is printed
        torch.onnx.export(
            net,
            (x,),
            file,
            dynamo=False,
            opset_version=opset,
            input_names=["x"],
            output_names=["y"],
            dynamic_axes={"x": {0: "N"}, "y": {0: "N"}},
            **options,
        )
    return onnx.load_from_string(file.getvalue())


def current(net, x, opset, **options):
    """The exporter that captures a graph with torch.export."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            net,
            (x,),
            dynamo=True,
            opset_version=opset,
            input_names=["x"],
            output_names=["y"],
            dynamic_shapes=({0: torch.export.Dim("N")},),
            verbose=False,
            **options,
        )
    return program.model_proto
