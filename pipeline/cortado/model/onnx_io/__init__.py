"""Bytes of an ONNX file ↔ model: with `emit` the only place where protobuf appears.

serial     bytes ↔ model
checks     which ONNX files are refused
splice     large weights → their place in the bytes, without copies
fields     protobuf by hand, for `splice`
dimensions open dimensions, in one form
"""
