"""The model in memory: an `onnx_ir.Model`, and what the passes may ask of it.

serial     bytes ↔ model; the only place, with `emit`, where protobuf appears
layers     the prunable layers of a model, by the names that its user knows
selector   ``SELECTOR=VALUE`` assignments to layers
metadata   what must be remembered between commands: input transform, head, history
"""
