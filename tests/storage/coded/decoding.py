"""Runs decoders in onnxruntime: as a session folds them, and with optimisation switched off."""

import onnx
import onnxruntime
from onnx import helper

from cortado.storage.coded.flat_decoder import LONGEST_GAP, write_flat
from cortado.storage.coded.lanes import lane_functions, write_lanes
from cortado.storage.coded.pieces import Piece, sections_of
from cortado.storage.coded.writer import Writer

LEVELS = onnxruntime.GraphOptimizationLevel
OPSET = 17
DOMAIN = "lanes"


def pieces_of(arrays, data_type=onnx.TensorProto.FLOAT):
    return [
        Piece(f"w{index}", data_type, array.shape, array.astype("float32"))
        for index, array in enumerate(arrays)
    ]


def flat_model(sections, opset=OPSET):
    """Return a model that outputs the pieces of some sections, in one flat decoder."""
    writer = Writer({piece.name for pieces in sections for piece in pieces})
    write_flat(writer, sections_of(sections, LONGEST_GAP))
    return _model(writer, [piece for pieces in sections for piece in pieces], [], opset)


def lanes_model(piece, opset=OPSET):
    """Return a model that outputs one piece, decoded in lanes."""
    writer = Writer({piece.name})
    write_lanes(writer, piece, DOMAIN)
    return _model(writer, [piece], lane_functions(DOMAIN, opset), opset)


def _model(writer, pieces, functions, opset):
    outputs = [onnx.ValueInfoProto(name=piece.name) for piece in pieces]
    graph = helper.make_graph(writer.nodes, "decoder", [], [], writer.constants)
    graph.output.extend(outputs)
    opsets = [helper.make_opsetid("", opset)]
    if functions:
        opsets.append(helper.make_opsetid(DOMAIN, 1))
    return helper.make_model(graph, opset_imports=opsets, functions=functions, ir_version=8)


def run(model, level):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, {})


def folded(data, folder, level=LEVELS.ORT_ENABLE_BASIC):
    """Return the operators that are left of a file when onnxruntime has folded its constants."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(folder / "folded.onnx")
    options.graph_optimization_level = level
    options.log_severity_level = 4
    onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return [node.op_type for node in onnx.load(folder / "folded.onnx").graph.node]
