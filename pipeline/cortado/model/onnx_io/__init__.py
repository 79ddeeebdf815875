"""Bytes of an ONNX file ↔ model: with `emit` the only place where protobuf appears.

serial     bytes ↔ model
checks     which ONNX files are refused
splice     large weights → their place in the bytes, without copies
fields     protobuf by hand, for `splice`
coded      a coded file → its dense weights
card       what a coded file says of itself
dimensions open dimensions, in one form
walk       graphs inside graphs
"""
