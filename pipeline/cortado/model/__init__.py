"""The model in memory: an `onnx_ir.Model`, and what the passes may ask of it.

Its bytes:

serial     bytes ↔ model; the only place, with `emit`, where protobuf appears
splice     large weights → their place in the bytes, without copies
fields     protobuf by hand, for `splice`
checks     what is refused of an ONNX file
coded      a coded file → its dense weights
card       what a coded file says of itself

Its graph:

walk       graphs inside graphs
nodes      standard operators, and their opset
reads      what nodes read, in the graphs inside them too
plain      weights that are initializers, nodes that infer
cut        values inside become the outputs, what only served later goes
exposed    values inside, among the outputs
blobs      values by the names that their users know
origins    where the elements of a value come from
surgery    small changes: nodes and constants under fresh names

Its layers:

layers     the prunable ones, by the names that the user knows
naming     those names
selector   ``SELECTOR=VALUE`` assignments to them
codebook   the values that a layer's weights share, if they do
grid       the uniform grid of them, if they are on one
integers   the integer weights that integer kernels multiply with

What is remembered:

heads      the output that is scored, and the logits behind it
transform  how pixels become inputs
criteria   the losses and metrics that a net was trained with
metadata   what must be remembered between commands: transform, criteria, history

typing     names for array types
"""
