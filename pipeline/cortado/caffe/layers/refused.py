"""Types that are known, and refused by name, because no graph says what they compute.

Source: BVLC/caffe python_layer.hpp.
"""

from cortado.caffe.context import Context
from cortado.caffe.graph import Blob
from cortado.caffe.layers.registry import layer

__all__: list[str] = []


@layer("Python")
def _python(context: Context) -> Blob:
    raise context.unsupported("what it computes is Python code, which no file of the net has")
