"""Every type of layer that BVLC Caffe has is dealt with."""

import pytest

from caffe.running import one_layer
from cortado.caffe import Fillers, heads, import_caffe
from cortado.caffe.inputs import DATA_TYPES
from cortado.caffe.layers import registry
from cortado.errors import CortadoError

# What the LayerRegistry of Caffe 1.0 lists.
BVLC = (
    "AbsVal Accuracy ArgMax BNLL BatchNorm BatchReindex Bias Clip Concat ContrastiveLoss "
    "Convolution Crop Data Deconvolution Dropout DummyData ELU Eltwise Embed EuclideanLoss Exp "
    "Filter Flatten HDF5Data HDF5Output HingeLoss Im2col ImageData InfogainLoss InnerProduct "
    "Input LRN LSTM LSTMUnit Log MVN MemoryData MultinomialLogisticLoss PReLU Parameter Pooling "
    "Power Python RNN ReLU Reduction Reshape SPP Scale Sigmoid SigmoidCrossEntropyLoss Silence "
    "Slice Softmax SoftmaxWithLoss Split Swish TanH Threshold Tile WindowData"
)


def test_there_are_61():
    assert len(set(BVLC.split())) == 61


@pytest.mark.parametrize("kind", BVLC.split())
def test_type(kind):
    dropped = {*heads._ACTIVATIONS, *heads._DROPPED, *heads._SINKS}
    assert kind in {*registry._CONVERTERS, *DATA_TYPES, *dropped}


def test_the_only_type_that_is_refused_says_why():
    with pytest.raises(CortadoError, match="what it computes is Python code"):
        import_caffe(one_layer('type: "Python" python_param { module: "m" }'), Fillers(0))
