"""The opset of a model: raised, where it is too old for what is to be written.

convert    ONNX's own converter, and the proof that outputs stay
probe      one run of a model on inputs that are made up
"""

from cortado.opset.convert import raise_opset

__all__ = ["raise_opset"]
