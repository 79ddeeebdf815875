"""Caffe's messages for google.protobuf, as far as readers care: a second opinion on any input.

Source: the field numbers of BVLC's caffe.proto; blobs also have NVIDIA's raw data. A `*` marks a
repeated field, `#` a packed one; types are i (int32), l (int64), u (uint32), f (float),
d (double), b (bool), s (string), y (bytes), or the name of a message or enum.
"""

import re

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

ENUMS = {
    "Phase": "TRAIN TEST",
    "Norm": "FAN_IN FAN_OUT AVERAGE",
    "Pool": "MAX AVE STOCHASTIC",
    "Round": "CEIL FLOOR",
    "Region": "ACROSS_CHANNELS WITHIN_CHANNEL",
    "EltwiseOp": "PROD SUM MAX",
    "Engine": "DEFAULT CAFFE CUDNN",
    "Share": "STRICT PERMISSIVE",
    "V1Type": "NONE ACCURACY BNLL CONCAT CONVOLUTION DATA DROPOUT EUCLIDEAN_LOSS FLATTEN "
    "HDF5_DATA HDF5_OUTPUT IM2COL IMAGE_DATA INFOGAIN_LOSS INNER_PRODUCT LRN "
    "MULTINOMIAL_LOGISTIC_LOSS POOLING RELU SIGMOID SOFTMAX SOFTMAX_LOSS SPLIT TANH WINDOW_DATA "
    "ELTWISE POWER SIGMOID_CROSS_ENTROPY_LOSS HINGE_LOSS MEMORY_DATA ARGMAX THRESHOLD "
    "DUMMY_DATA SLICE MVN ABSVAL SILENCE CONTRASTIVE_LOSS EXP DECONVOLUTION",
    "Backend": "LEVELDB LMDB",
}
MESSAGES = {
    "NetParameter": "1 name s, 2 layers *V1Layer, 3 input *s, 4 input_dim *i, 5 force_backward "
    "b, 6 state State, 8 input_shape *BlobShape, 100 layer *Layer",
    "Weights": "1 name s, 2 layers *V1Weights, 100 layer *LayerWeights",
    "LayerWeights": "1 name s, 7 blobs *Blob",
    "V1Weights": "1 layer V0Weights, 4 name s, 6 blobs *Blob",
    "V0Weights": "1 name s, 50 blobs *Blob",
    "State": "1 phase Phase, 2 level i, 3 stage *s",
    "Rule": "1 phase Phase, 2 min_level i, 3 max_level i, 4 stage *s, 5 not_stage *s",
    "BlobShape": "1 dim #l",
    "Blob": "1 num i, 2 channels i, 3 height i, 4 width i, 5 data #f, 6 diff #f, 7 shape "
    "BlobShape, 8 double_data #d, 9 double_diff #d, 10 raw_data_type i, 12 raw_data y",
    "Datum": "1 channels i, 2 height i, 3 width i, 4 data y, 5 label i, 6 float_data *f, 7 "
    "encoded b",
    "Param": "1 name s, 2 share_mode Share, 3 lr_mult f, 4 decay_mult f",
    "Filler": "1 type s, 2 value f, 3 min f, 4 max f, 5 mean f, 6 std f, 7 sparse i, 8 "
    "variance_norm Norm",
    "Layer": "1 name s, 2 type s, 3 bottom *s, 4 top *s, 5 loss_weight *f, 6 param *Param, 7 "
    "blobs *Blob, 8 include *Rule, 9 exclude *Rule, 10 phase Phase, 11 propagate_down *b, 100 "
    "transform_param Transform, 104 concat_param Concat, 106 convolution_param Convolution, 107 "
    "data_param Data, 108 dropout_param Dropout, 109 dummy_data_param DummyData, 110 "
    "eltwise_param Eltwise, 117 inner_product_param InnerProduct, 118 lrn_param LRN, 119 "
    "memory_data_param MemoryData, 121 pooling_param Pooling, 122 power_param Power, 123 "
    "relu_param ReLU, 125 softmax_param Softmax, 126 slice_param Slice, 131 prelu_param PReLU, "
    "133 reshape_param Reshape, 135 flatten_param Flatten, 139 batch_norm_param BatchNorm, 140 "
    "elu_param ELU, 141 bias_param Bias, 142 scale_param Scale, 143 input_param Input",
    "V1Layer": "1 layer V0Layer, 2 bottom *s, 3 top *s, 4 name s, 5 type V1Type, 6 blobs *Blob, "
    "7 blobs_lr *f, 8 weight_decay *f, 9 concat_param Concat, 10 convolution_param Convolution, "
    "11 data_param Data, 12 dropout_param Dropout, 17 inner_product_param InnerProduct, 18 "
    "lrn_param LRN, 19 pooling_param Pooling, 21 power_param Power, 22 memory_data_param "
    "MemoryData, 24 eltwise_param Eltwise, 26 dummy_data_param DummyData, 30 relu_param ReLU, "
    "31 slice_param Slice, 32 include *Rule, 33 exclude *Rule, 35 loss_weight *f, 36 "
    "transform_param Transform, 39 softmax_param Softmax, 1001 param *s, 1002 blob_share_mode "
    "*Share",
    "V0Layer": "1 name s, 2 type s, 3 num_output u, 4 biasterm b, 5 weight_filler Filler, 6 "
    "bias_filler Filler, 7 pad u, 8 kernelsize u, 9 group u, 10 stride u, 11 pool Pool, 12 "
    "dropout_ratio f, 13 local_size u, 14 alpha f, 15 beta f, 16 source s, 17 scale f, 18 "
    "meanfile s, 19 batchsize u, 20 cropsize u, 21 mirror b, 22 k f, 50 blobs *Blob, 51 "
    "blobs_lr *f, 52 weight_decay *f, 65 concat_dim u",
    "Transform": "1 scale f, 2 mirror b, 3 crop_size u, 4 mean_file s, 5 mean_value *f, 6 "
    "force_color b, 7 force_gray b",
    "Concat": "1 concat_dim u, 2 axis i",
    "Convolution": "1 num_output u, 2 bias_term b, 3 pad *u, 4 kernel_size *u, 5 group u, 6 "
    "stride *u, 7 weight_filler Filler, 8 bias_filler Filler, 9 pad_h u, 10 pad_w u, 11 "
    "kernel_h u, 12 kernel_w u, 13 stride_h u, 14 stride_w u, 15 engine Engine, 16 axis i, 17 "
    "force_nd_im2col b, 18 dilation *u",
    "Data": "1 source s, 2 scale f, 3 mean_file s, 4 batch_size u, 5 crop_size u, 6 mirror b, 7 "
    "rand_skip u, 8 backend Backend",
    "DummyData": "1 data_filler *Filler, 2 num *u, 3 channels *u, 4 height *u, 5 width *u, 6 "
    "shape *BlobShape",
    "Dropout": "1 dropout_ratio f",
    "Eltwise": "1 operation EltwiseOp, 2 coeff *f, 3 stable_prod_grad b",
    "InnerProduct": "1 num_output u, 2 bias_term b, 3 weight_filler Filler, 4 bias_filler "
    "Filler, 5 axis i, 6 transpose b",
    "LRN": "1 local_size u, 2 alpha f, 3 beta f, 4 norm_region Region, 5 k f, 6 engine Engine",
    "MemoryData": "1 batch_size u, 2 channels u, 3 height u, 4 width u",
    "Pooling": "1 pool Pool, 2 kernel_size u, 3 stride u, 4 pad u, 5 kernel_h u, 6 kernel_w u, "
    "7 stride_h u, 8 stride_w u, 9 pad_h u, 10 pad_w u, 11 engine Engine, 12 global_pooling b, "
    "13 round_mode Round",
    "Power": "1 power f, 2 scale f, 3 shift f",
    "ReLU": "1 negative_slope f, 2 engine Engine",
    "Softmax": "1 engine Engine, 2 axis i",
    "Slice": "1 slice_dim u, 2 slice_point *u, 3 axis i",
    "PReLU": "1 filler Filler, 2 channel_shared b",
    "Reshape": "1 shape BlobShape, 2 axis i, 3 num_axes i",
    "Flatten": "1 axis i, 2 end_axis i",
    "BatchNorm": "1 use_global_stats b, 2 moving_average_fraction f, 3 eps f",
    "ELU": "1 alpha f",
    "Bias": "1 axis i, 2 num_axes i, 3 filler Filler",
    "Scale": "1 axis i, 2 num_axes i, 3 filler Filler, 4 bias_term b, 5 bias_filler Filler",
    "Input": "1 shape *BlobShape",
}

F = descriptor_pb2.FieldDescriptorProto
TYPES = {
    "i": F.TYPE_INT32, "l": F.TYPE_INT64, "u": F.TYPE_UINT32, "f": F.TYPE_FLOAT, "d": F.TYPE_DOUBLE,
    "b": F.TYPE_BOOL, "s": F.TYPE_STRING, "y": F.TYPE_BYTES,
}  # fmt: skip


def make() -> dict[str, type]:
    """Return the class of each message."""
    file = descriptor_pb2.FileDescriptorProto(name="caffe.proto", package="fuzz", syntax="proto2")
    for name, values in ENUMS.items():
        enum = file.enum_type.add(name=name)
        for number, value in enumerate(values.split()):
            # The values of all enums share one namespace: hence one message around each.
            enum.value.add(name=value, number=number)
    enums = [(enum.name, enum.SerializeToString()) for enum in file.enum_type]
    del file.enum_type[:]
    for name, data in enums:
        file.message_type.add(name=f"In{name}").enum_type.add().MergeFromString(data)
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for text in fields.split(", "):
            add_field(message, text)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"fuzz.{name}"))
        for name in MESSAGES
    }


def add_field(message: descriptor_pb2.DescriptorProto, text: str) -> None:
    number, name, mark, kind = re.fullmatch(r"(\d+) (\w+) ([*#]?)(\w+)", text).groups()
    field = message.field.add(name=name, number=int(number))
    field.label = F.LABEL_REPEATED if mark else F.LABEL_OPTIONAL
    if mark == "#":
        field.options.packed = True
    if kind in TYPES:
        field.type = TYPES[kind]
    elif kind in ENUMS:
        field.type, field.type_name = F.TYPE_ENUM, f".fuzz.In{kind}.{kind}"
    else:
        field.type, field.type_name = F.TYPE_MESSAGE, f".fuzz.{kind}"


CLASSES = make()
NetParameter, Weights = CLASSES["NetParameter"], CLASSES["Weights"]
Blob, Datum = CLASSES["Blob"], CLASSES["Datum"]
