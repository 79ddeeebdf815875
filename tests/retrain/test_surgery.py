"""Published pruned nets: their zeros survive the whole chain, to the bit."""

import numpy as np
import pytest

from cortado.caffe import import_caffe, read_caffemodel
from cortado.data import Dataset, Signature, open_data, subset
from cortado.emit import emit
from cortado.model.layers.prunable import find_layers
from cortado.model.layers.selector import Assignment
from cortado.model.onnx_io import serial
from cortado.progress import finish
from cortado.quantize import quantize
from cortado.retrain import RetrainOptions, retrain
from cortado.task.metadata import write_transform
from cortado.task.transform import InputTransform
from retrain.sets import task
from support import SHARED, needs_shared


def zeros(model):
    """Return where each initializer is zero, weights and biases alike."""
    return {
        name: value.const_value.numpy() == 0 for name, value in model.graph.initializers.items()
    }


def parameters_left(model):
    arrays = [value.const_value.numpy() for value in model.graph.initializers.values()]
    return sum(np.count_nonzero(array) for array in arrays), sum(array.size for array in arrays)


@needs_shared
@pytest.mark.parametrize(
    ("net", "head", "left"),
    [("dns-lenet5", None, (3993, 431080)), ("dns-lenet300100", "ip3", (4988, 266610))],
)
def test_zeros_survive_retraining_weight_sharing_and_sparse_files(net, head, left):
    folder = SHARED / "caffe" / net
    weights = read_caffemodel((folder / "sparse.caffemodel").read_bytes())
    model = import_caffe((folder / "deploy.prototxt").read_text(), weights).model
    write_transform(model, InputTransform(scale=1 / 256))
    whole = open_data(str(SHARED / "mnist"), Signature.of(model))
    data = Dataset(subset(whole.train, 200), subset(whole.val, 200), whole.test)
    options = RetrainOptions(epochs=1, batch=20, optimizer="sgd", lr=1e-3, device="cpu")
    before = zeros(model)
    assert parameters_left(model) == left

    bound = task(model, data, head=head)
    retrained = finish(retrain(model, bound, options)).model
    shared = quantize(retrained, [Assignment("*", 4)]).model
    emitted = emit(shared, "sparse")
    decoded = serial.decode(emitted.data, "the file")
    again = finish(retrain(decoded, bound, options)).model

    for stage in (retrained, shared, decoded, again):
        for name, mask in zeros(stage).items():
            np.testing.assert_array_equal(mask, before[name])
    for one, two in zip(*(find_layers(m).prunable for m in (shared, decoded)), strict=True):
        np.testing.assert_array_equal(one.array.view(np.uint32), two.array.view(np.uint32))
    for layer in find_layers(again).prunable:
        assert len(np.unique(layer.array[layer.array != 0])) <= 16
    assert len(emitted.data) < len(serial.encode(model)) / 3
