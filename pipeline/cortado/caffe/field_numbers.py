"""The numbers of BVLC Caffe's fields, for nets that only a caffemodel describes.

``number name kind``, between commas. The kinds are i for integers, bools and enums, f for floats, s
for strings, the name of another message, and - for what does not matter to a net in use.

Forks give some numbers another meaning, which is why the message of a layer's own settings is
read only where the layer's type, one of BVLC's, has it (`SETTINGS`).

Source: BVLC/caffe caffe.proto.
"""

__all__ = ["MESSAGES", "SETTINGS", "V1_SETTINGS"]

_TEXT = {
    "net": "1 name s, 2 layers v1, 3 input s, 4 input_dim i, 5 force_backward -, 6 state -, "
    "7 debug_info -, 8 input_shape shape, 100 layer layer",
    "layer": "1 name s, 2 type s, 3 bottom s, 4 top s, 5 loss_weight -, 6 param param, 7 blobs -, "
    "8 include -, 9 exclude -, 10 phase -, 11 propagate_down -",
    "v1": "1 layer v0, 2 bottom s, 3 top s, 4 name s, 5 type i, 6 blobs -, 7 blobs_lr f, "
    "8 weight_decay -, 32 include -, 33 exclude -, 35 loss_weight -, 1001 param s, "
    "1002 blob_share_mode i",
    "v0": "1 name s, 2 type s, 3 num_output i, 4 biasterm i, 5 weight_filler -, 6 bias_filler -, "
    "7 pad i, 8 kernelsize i, 9 group i, 10 stride i, 11 pool i, 12 dropout_ratio f, "
    "13 local_size i, 14 alpha f, 15 beta f, 16 source -, 17 scale f, 18 meanfile s, "
    "19 batchsize i, 20 cropsize i, 21 mirror i, 22 k f, 50 blobs -, 51 blobs_lr f, "
    "52 weight_decay -, 53 rand_skip -, 54 det_fg_threshold -, 55 det_bg_threshold -, "
    "56 det_fg_fraction -, 58 det_context_pad -, 59 det_crop_mode -, 60 new_num -, "
    "61 new_channels -, 62 new_height -, 63 new_width -, 64 shuffle_images -, 65 concat_dim i, "
    "1001 hdf5_output_param -",
    "shape": "1 dim i",
    "param": "1 name s, 2 share_mode i, 3 lr_mult f, 4 decay_mult f",
    "transform_param": "1 scale f, 2 mirror i, 3 crop_size i, 4 mean_file s, 5 mean_value f, "
    "6 force_color i, 7 force_gray i",
    "loss_param": "1 ignore_label i, 2 normalize i, 3 normalization i",
    "accuracy_param": "1 top_k i, 2 axis i, 3 ignore_label i",
    "argmax_param": "1 out_max_val i, 2 top_k i, 3 axis i",
    "batch_norm_param": "1 use_global_stats i, 2 moving_average_fraction -, 3 eps f",
    "bias_param": "1 axis i, 2 num_axes i, 3 filler -",
    "clip_param": "1 min f, 2 max f",
    "concat_param": "1 concat_dim i, 2 axis i",
    "contrastive_loss_param": "1 margin f, 2 legacy_version i",
    "convolution_param": "1 num_output i, 2 bias_term i, 3 pad i, 4 kernel_size i, 5 group i, "
    "6 stride i, 7 weight_filler -, 8 bias_filler -, 9 pad_h i, 10 pad_w i, 11 kernel_h i, "
    "12 kernel_w i, 13 stride_h i, 14 stride_w i, 15 engine -, 16 axis i, "
    "17 force_nd_im2col i, 18 dilation i",
    "crop_param": "1 axis i, 2 offset i",
    "data_param": "1 source -, 2 scale f, 3 mean_file s, 4 batch_size i, 5 crop_size i, "
    "6 mirror i, 7 rand_skip -, 8 backend -, 9 force_encoded_color -, 10 prefetch -",
    "dropout_param": "1 dropout_ratio f",
    "dummy_data_param": "1 data_filler -, 2 num i, 3 channels i, 4 height i, 5 width i, "
    "6 shape shape",
    "eltwise_param": "1 operation i, 2 coeff f, 3 stable_prod_grad -",
    "elu_param": "1 alpha f",
    "embed_param": "1 num_output i, 2 input_dim i, 3 bias_term i, 4 weight_filler -, "
    "5 bias_filler -",
    "exp_param": "1 base f, 2 scale f, 3 shift f",
    "flatten_param": "1 axis i, 2 end_axis i",
    "hdf5_data_param": "1 source -, 2 batch_size i, 3 shuffle -",
    "hdf5_output_param": "1 file_name -",
    "hinge_loss_param": "1 norm i",
    "image_data_param": "1 source -, 2 scale f, 3 mean_file s, 4 batch_size i, 5 crop_size i, "
    "6 mirror i, 7 rand_skip -, 8 shuffle -, 9 new_height i, 10 new_width i, 11 is_color i, "
    "12 root_folder -",
    "infogain_loss_param": "1 source -, 2 axis i",
    "inner_product_param": "1 num_output i, 2 bias_term i, 3 weight_filler -, 4 bias_filler -, "
    "5 axis i, 6 transpose i",
    "input_param": "1 shape shape",
    "log_param": "1 base f, 2 scale f, 3 shift f",
    "lrn_param": "1 local_size i, 2 alpha f, 3 beta f, 4 norm_region i, 5 k f, 6 engine -",
    "memory_data_param": "1 batch_size i, 2 channels i, 3 height i, 4 width i",
    "mvn_param": "1 normalize_variance i, 2 across_channels i, 3 eps f",
    "parameter_param": "1 shape shape",
    "pooling_param": "1 pool i, 2 kernel_size i, 3 stride i, 4 pad i, 5 kernel_h i, "
    "6 kernel_w i, 7 stride_h i, 8 stride_w i, 9 pad_h i, 10 pad_w i, 11 engine -, "
    "12 global_pooling i, 13 round_mode i",
    "power_param": "1 power f, 2 scale f, 3 shift f",
    "prelu_param": "1 filler -, 2 channel_shared i",
    "recurrent_param": "1 num_output i, 2 weight_filler -, 3 bias_filler -, 4 debug_info -, "
    "5 expose_hidden i",
    "reduction_param": "1 operation i, 2 axis i, 3 coeff f",
    "relu_param": "1 negative_slope f, 2 engine -",
    "reshape_param": "1 shape shape, 2 axis i, 3 num_axes i",
    "scale_param": "1 axis i, 2 num_axes i, 3 filler -, 4 bias_term i, 5 bias_filler -",
    "sigmoid_param": "1 engine -",
    "slice_param": "1 slice_dim i, 2 slice_point i, 3 axis i",
    "softmax_param": "1 engine -, 2 axis i",
    "spp_param": "1 pyramid_height i, 2 pool i, 6 engine -",
    "swish_param": "1 beta f",
    "tanh_param": "1 engine -",
    "threshold_param": "1 threshold f",
    "tile_param": "1 axis i, 2 tiles i",
    "window_data_param": "1 source -, 2 scale f, 3 mean_file s, 4 batch_size i, 5 crop_size i, "
    "6 mirror i",
}

MESSAGES = {
    message: {
        int(number): (name, kind)
        for number, name, kind in (field.split() for field in text.split(", "))
    }
    for message, text in _TEXT.items()
}
"""Message → number → the field's name and kind."""

_LOSS = "101 loss_param"
_DATA = "100 transform_param"

SETTINGS = {
    layer: {int(number): name for number, name in (field.split() for field in fields.split(", "))}
    if fields
    else {}
    for layer, fields in {
        "AbsVal": "",
        "Accuracy": "102 accuracy_param",
        "ArgMax": "103 argmax_param",
        "BNLL": "",
        "BatchNorm": "139 batch_norm_param",
        "BatchReindex": "",
        "Bias": "141 bias_param",
        "Clip": "148 clip_param",
        "Concat": "104 concat_param",
        "ContrastiveLoss": f"105 contrastive_loss_param, {_LOSS}",
        "Convolution": "106 convolution_param",
        "Crop": "144 crop_param",
        "Data": f"107 data_param, {_DATA}",
        "Deconvolution": "106 convolution_param",
        "Dropout": "108 dropout_param",
        "DummyData": "109 dummy_data_param",
        "ELU": "140 elu_param",
        "Eltwise": "110 eltwise_param",
        "Embed": "137 embed_param",
        "EuclideanLoss": _LOSS,
        "Exp": "111 exp_param",
        "Filter": "",
        "Flatten": "135 flatten_param",
        "HDF5Data": "112 hdf5_data_param",
        "HDF5Output": "113 hdf5_output_param",
        "HingeLoss": f"114 hinge_loss_param, {_LOSS}",
        "Im2col": "106 convolution_param",
        "ImageData": f"115 image_data_param, {_DATA}",
        "InfogainLoss": f"116 infogain_loss_param, {_LOSS}",
        "InnerProduct": "117 inner_product_param",
        "Input": "143 input_param",
        "LRN": "118 lrn_param",
        "LSTM": "146 recurrent_param",
        "Log": "134 log_param",
        "MVN": "120 mvn_param",
        "MemoryData": f"119 memory_data_param, {_DATA}",
        "MultinomialLogisticLoss": _LOSS,
        "PReLU": "131 prelu_param",
        "Parameter": "145 parameter_param",
        "Pooling": "121 pooling_param",
        "Power": "122 power_param",
        "RNN": "146 recurrent_param",
        "ReLU": "123 relu_param",
        "Reduction": "136 reduction_param",
        "Reshape": "133 reshape_param",
        "SPP": "132 spp_param",
        "Scale": "142 scale_param",
        "Sigmoid": "124 sigmoid_param",
        "SigmoidCrossEntropyLoss": _LOSS,
        "Silence": "",
        "Slice": "126 slice_param",
        "Softmax": "125 softmax_param",
        "SoftmaxWithLoss": f"125 softmax_param, {_LOSS}",
        "Split": "",
        "Swish": "147 swish_param",
        "TanH": "127 tanh_param",
        "Threshold": "128 threshold_param",
        "Tile": "138 tile_param",
        "WindowData": f"129 window_data_param, {_DATA}",
    }.items()
}
"""Type of layer → the numbers and names of its settings in the current format."""

V1_SETTINGS = {
    9: "concat_param",
    10: "convolution_param",
    11: "data_param",
    12: "dropout_param",
    13: "hdf5_data_param",
    14: "hdf5_output_param",
    15: "image_data_param",
    16: "infogain_loss_param",
    17: "inner_product_param",
    18: "lrn_param",
    19: "pooling_param",
    20: "window_data_param",
    21: "power_param",
    22: "memory_data_param",
    23: "argmax_param",
    24: "eltwise_param",
    25: "threshold_param",
    26: "dummy_data_param",
    27: "accuracy_param",
    29: "hinge_loss_param",
    30: "relu_param",
    31: "slice_param",
    34: "mvn_param",
    36: "transform_param",
    37: "tanh_param",
    38: "sigmoid_param",
    39: "softmax_param",
    40: "contrastive_loss_param",
    41: "exp_param",
    42: "loss_param",
}
"""Number → name of the settings of V1 layers."""
