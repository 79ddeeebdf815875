"""The model in memory: an `onnx_ir.Model`, and what the passes may ask of it.

onnx_io     bytes of an ONNX file ↔ model
graph       questions about the graph, and changes of it
layers      what is pruned, and its names
hashing     the hash that tables know a model by
shape_text  shapes as text
typing      names for array types
"""
