"""Layers whose top is their bottom.

Which types Caffe 1.0 gets wrong was seen by running every type in place.
"""

import numpy as np
import pytest

from caffe.running import NO_WEIGHTS, run
from cortado.caffe import Fillers, import_caffe
from cortado.errors import CortadoError

NET = """
layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ dim: [2, 6, 5, 5] }} }} }}
layer {{ name: "first" type: "Power" bottom: "data" top: "x" power_param {{ scale: 2 }} }}
layer {{ name: "l" bottom: "x" top: "x" {layer} }}
"""


@pytest.mark.parametrize(
    "layer",
    [
        'type: "AbsVal"',
        'type: "ArgMax" argmax_param { axis: 1 }',
        'type: "Concat" bottom: "data"',
        'type: "Slice" top: "other"',
        'type: "Convolution" convolution_param { num_output: 6 kernel_size: 1 }',
        'type: "Deconvolution" convolution_param { num_output: 6 kernel_size: 1 }',
        'type: "Eltwise" bottom: "data"',
        'type: "Eltwise" bottom: "data" eltwise_param { operation: MAX }',
        'type: "Flatten"',
        'type: "InnerProduct" inner_product_param { num_output: 2 }',
        'type: "LRN"',
        'type: "Pooling" pooling_param { kernel_size: 1 }',
        'type: "Reduction"',
        'type: "CropCenter" crop_center_param { crop_size: [1, 1] }',
        'type: "Permute" permute_param { order: [0, 1, 3, 2] }',
    ],
)
def test_refused(layer):
    with pytest.raises(CortadoError, match="its top is its bottom, but Caffe cannot compute it"):
        import_caffe(NET.format(layer=layer), Fillers(0))


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        ('type: "ReLU"', lambda x, data: np.maximum(x, 0)),
        ('type: "Power" power_param { power: 2 }', lambda x, data: x**2),
        ('type: "Exp" exp_param { base: 2 }', lambda x, data: 2**x),
        ('type: "Clip" clip_param { min: -1 max: 1 }', lambda x, data: x.clip(-1, 1)),
        (
            'type: "Eltwise" bottom: "data" eltwise_param { operation: PROD }',
            lambda x, data: x * data,
        ),
    ],
)
def test_converted(layer, expected):
    data = np.random.default_rng(0).normal(size=(2, 6, 5, 5)).astype(np.float32)
    result = run(import_caffe(NET.format(layer=layer), NO_WEIGHTS).model, data=data)["x"]
    np.testing.assert_allclose(result, expected(2 * data, data), rtol=1e-5, atol=1e-6)
