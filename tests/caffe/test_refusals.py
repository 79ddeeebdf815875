"""What single layers refuse, and why."""

import pytest

from caffe.running import one_layer
from cortado.caffe import Fillers, import_caffe
from cortado.errors import CortadoError


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (
            'type: "Wonder"',
            "layers of type 'Wonder' cannot be converted; it reads data [2, 6, 7, 8] and has "
            "no blobs; leave it out with --cut-at BLOB, or convert it with --layers MODULE",
        ),
        ('type: "ReLU" bottom: "data"', "it has 2 bottoms instead of 1"),
        ('type: "ReLU" top: "m"', "it has 2 tops instead of 1"),
        ('type: "Pooling"', "it has no kernel_size"),
        (
            'type: "Pooling" pooling_param { kernel_size: 2 pad: 2 }',
            "its pad [2, 2] is not less than its kernel [2, 2]",
        ),
        (
            'type: "Pooling" pooling_param { kernel_size: 9 }',
            "its kernel is larger than its bottom, [2, 6, 7, 8]",
        ),
        (
            'type: "Pooling" pooling_param { pool: STOCHASTIC kernel_size: 2 }',
            "stochastic pooling cannot be converted",
        ),
        (
            'type: "Pooling" pooling_param { kernel_size: 2 kernel_h: 2 kernel_w: 2 }',
            "kernel_h and kernel_w go together, without kernel_size",
        ),
        (
            'type: "Pooling" pooling_param { global_pooling: true kernel_size: 2 }',
            "global_pooling and a kernel exclude each other",
        ),
        ('type: "LRN" lrn_param { local_size: 4 }', "its local_size 4 is even"),
        ('type: "Convolution" convolution_param { num_output: 2 }', "it has no kernel_size"),
        ('type: "Convolution" convolution_param { kernel_size: 3 }', "it has no num_output"),
        (
            'type: "Convolution" convolution_param { num_output: 4 group: 4 kernel_size: 3 }',
            "4 groups do not divide 6 channels and 4 outputs",
        ),
        (
            'type: "Convolution" convolution_param { num_output: 2 kernel_size: [1, 2, 3] }',
            "kernel_size is given 3 times for 2 spatial axes",
        ),
        (
            'type: "Convolution" convolution_param { num_output: 2 kernel_size: 9 }',
            "its window does not fit its bottom, [2, 6, 7, 8]",
        ),
        ('type: "InnerProduct"', "it has no num_output"),
        (
            'type: "Softmax" softmax_param { axis: 4 }',
            "axis 4 does not exist in a blob of 4 dimensions",
        ),
        (
            'type: "Reshape" reshape_param { shape { dim: 5 dim: -1 } }',
            "[2, 6, 7, 8] cannot be reshaped to [5, -1]",
        ),
        (
            'type: "Reshape" reshape_param { shape { dim: -1 dim: -1 } }',
            "its shape has more than one -1",
        ),
        ('type: "Slice" slice_param { slice_point: 1 }', "1 tops need 0 of slice_point, not 1"),
        ('type: "Slice" top: "m" top: "n" top: "o"', "6 cannot be cut into 4 equal parts"),
        (
            'type: "Slice" top: "m" slice_param { slice_point: 7 }',
            "slice_point [7] does not cut 6 into parts",
        ),
        ('type: "Eltwise"', "it has 1 bottoms; it needs at least 2"),
        (
            'type: "Eltwise" bottom: "data" eltwise_param { operation: PROD coeff: [1, 2] }',
            "coeff is for SUM only, one for each bottom",
        ),
        (
            'type: "Scale" scale_param { axis: 3 num_axes: 2 }',
            "2 axes from 3 on are more than [2, 6, 7, 8] has",
        ),
        (
            'type: "Convolution" convolution_param { num_output: 2 kernel_size: 3 axis: 4 }',
            "axis 4 does not exist in a blob of 4 dimensions",
        ),
        (
            'type: "Im2col" convolution_param { kernel_size: 9 }',
            "its window does not fit its bottom, [2, 6, 7, 8]",
        ),
        (
            'type: "Im2col" convolution_param { kernel_size: 3 axis: 3 }',
            "its bottom has no spatial axes",
        ),
        (
            'type: "Im2col" convolution_param { kernel_size: 40 pad: 20 }',
            "its kernel of 1600 values is larger than 1024",
        ),
        (
            'type: "Pooling" top: "m" pooling_param { pool: AVE kernel_size: 2 }',
            "it has a second top, which MAX alone has",
        ),
        ('type: "SPP"', "it has no pyramid_height"),
        (
            'type: "SPP" spp_param { pyramid_height: 4 }',
            "its pad [1, 0] is not less than its kernel [1, 1]",
        ),
        (
            'type: "SPP" spp_param { pyramid_height: 4000000000 }',
            "its 4000000000 levels are too many for [7, 8] pixels",
        ),
        (
            'type: "SPP" spp_param { pyramid_height: 1 pool: STOCHASTIC }',
            "stochastic pooling cannot be converted",
        ),
        ('type: "ArgMax" argmax_param { axis: 1 top_k: 7 }', "its top_k is 7 of only 6 values"),
        (
            'type: "Reduction" reduction_param { axis: 4 }',
            "axis 4 does not exist in a blob of 4 dimensions",
        ),
        ('type: "Clip" clip_param { min: 0 }', "it has no min, or no max"),
        (
            'type: "Exp" exp_param { base: 0 }',
            "its base 0.0 is not positive and finite, nor -1, which stands for e",
        ),
        (
            'type: "Exp" exp_param { base: 1e300 }',
            "its base 1e+300 is not positive and finite, nor -1, which stands for e",
        ),
        ('type: "Log" log_param { base: 1 }', "no logarithm has the base 1"),
        (
            'type: "Dropout" phase: TRAIN',
            "it drops values at random, because its own phase is TRAIN",
        ),
        ('type: "Tile"', "it has no tiles"),
        ('type: "Embed" embed_param { num_output: 3 }', "it has no input_dim"),
        ('type: "Crop"', "it has 1 bottoms instead of 2"),
        (
            'type: "Crop" bottom: "data" crop_param { offset: 1 }',
            "[2, 6, 7, 8] from [1, 1] on is not in [2, 6, 7, 8]",
        ),
        (
            'type: "Crop" bottom: "data" crop_param { offset: [0, 0, 0] }',
            "it has 3 of offset for 2 axes",
        ),
        (
            'type: "BatchReindex" bottom: "data"',
            "its second bottom has the shape [2, 6, 7, 8], no vector's",
        ),
        ('type: "Filter"', "it needs at least 2 bottoms, the last of which selects"),
        (
            'type: "Filter" bottom: "data"',
            "its selector has the shape [2, 6, 7, 8], not one an item",
        ),
        ('type: "LSTM" recurrent_param { num_output: 3 }', "it has 1 bottoms instead of 2 or 3"),
        ('type: "LSTM" bottom: "data"', "it has no num_output"),
        (
            'type: "RNN" bottom: "data" recurrent_param { num_output: 3 }',
            "its bottoms have the shapes [2, 6, 7, 8] and [2, 6, 7, 8], "
            "not those of x (T, N, …) and cont (T, N)",
        ),
        ('type: "LSTMUnit"', "it needs a state (1, N, H), gates (1, N, 4H) and cont (1, N)"),
        (
            'type: "Python"',
            "what it computes is Python code, which no file of the net has; it reads data "
            "[2, 6, 7, 8] and has no blobs; leave it out with --cut-at BLOB, or convert it with "
            "--layers MODULE",
        ),
    ],
)
def test_refusals(layer, reason):
    with pytest.raises(CortadoError) as error:
        import_caffe(one_layer(layer), Fillers(0))
    kind = layer.split('"')[1]
    assert str(error.value) == f"layer 'l' ({kind}, line 2): {reason}"
