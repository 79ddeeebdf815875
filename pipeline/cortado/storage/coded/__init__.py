"""Coded storage: an ONNX file that decodes itself when onnxruntime loads it.

Positions and values of pruned, weight-shared tensors are entropy-coded in the initializers of a
decoder, the first nodes of the graph, made of standard operators alone. It depends on constants
only, so that onnxruntime computes it once, when it folds constants, and inference runs on
plain weights; with optimisation switched off it runs each time.

entries       a tensor as gaps, ranks and a codebook
pieces        what is coded: tensors, and runs of them with one codebook
layout        which tensors are coded, and together with which
bits          codewords as bytes
writer        nodes and constants in few bytes
classes       a code for small numbers that array operations decode at once
flat_decoder  the decoder for small tensors, in this code
prefix_code   Huffman's code, of limited length
lane_entries  large tensors as jumps and ranks, and the payload that lanes read
lanes         the decoder for large tensors, which many lanes read in this code
slim          what a file can do without
store         the pass over the file
card          what a coded file says of itself
reader        a coded file → its dense weights
codec         the form as a codec of `cortado.storage`

onnxruntime folds only nodes whose shapes it knows beforehand: no NonZero, no Compress, no loops.
"""
