"""The model in memory: an `onnx_ir.Model`, and what the passes may ask of it.

serial     bytes ↔ model; the only place, with `emit`, where protobuf appears
layers     the prunable layers of a model, by the names that its user knows
selector   ``SELECTOR=VALUE`` assignments to layers
codebook   the values that a layer's weights share, if they do
heads      the output that is scored, and the logits behind it
nodes      standard operators, and their opset
reads      what nodes read, in the graphs inside them too
exposed    tensors inside a model, among its outputs
transform  how pixels become inputs
criteria   the losses and metrics that a net was trained with
metadata   what must be remembered between commands: transform, criteria, history
typing     names for array types
"""
