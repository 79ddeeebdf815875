"""A codec from outside of the package."""

import numpy as np
from onnx import helper, numpy_helper

from cortado.storage import Codec, StoredTensor


class Halved(Codec):
    """Keeps float32 tensors that are exact in half precision as float16, behind a Cast."""

    name = "halved"

    def size(self, array):
        return array.nbytes / 2 if self._is_exact(array) else None

    def write(self, proto, names):
        for tensor in list(proto.graph.initializer):
            array = numpy_helper.to_array(tensor)
            if tensor.name in names and self._is_exact(array):
                half = numpy_helper.from_array(array.astype(np.float16), f"{tensor.name}.half")
                mark = f"{self.name}.{tensor.name}"
                cast = helper.make_node("Cast", [half.name], [tensor.name], mark, to=1)
                proto.graph.node.insert(0, cast)
                proto.graph.initializer.remove(tensor)
                proto.graph.initializer.append(half)
                yield StoredTensor(tensor.name, self.name, array.nbytes, 0, array.nbytes / 2)

    def read(self, proto, source):
        halves = {tensor.name: tensor for tensor in proto.graph.initializer}
        for node in [node for node in proto.graph.node if node.name.startswith(self.name)]:
            array = numpy_helper.to_array(halves[node.input[0]]).astype(np.float32)
            proto.graph.initializer.remove(halves[node.input[0]])
            proto.graph.initializer.append(numpy_helper.from_array(array, node.output[0]))
            proto.graph.node.remove(node)

    def _is_exact(self, array):
        return array.dtype == np.float32 and bool((array.astype(np.float16) == array).all())
