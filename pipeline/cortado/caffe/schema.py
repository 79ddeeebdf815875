"""The fields that BVLC Caffe, and the forks that cortado knows, have in each message.

It serves one purpose: to tell the user of fields that nobody reads, which are typing mistakes
or a fork's, and may change what the layer computes.

Source: BVLC/caffe caffe.proto; ssd, DeepCompression-caffe and Dynamic-Network-Surgery for the
fields of forks.
"""

from collections.abc import Iterator

from cortado.caffe.message import Message
from cortado.caffe.net import Net

__all__ = ["unknown_fields"]

_FILLER = "type value min max mean std sparse variance_norm"
_RULE = "phase min_level max_level stage not_stage"

_FIELDS = {
    "net": "name layer force_backward state debug_info",
    "state": "phase level stage",
    "shape": "dim",
    "input_param": "shape",
    "data_param": "source batch_size rand_skip backend force_encoded_color prefetch",
    "dummy_data_param": "data_filler shape num channels height width",
    "data_filler": _FILLER,
    "image_data_param": "source batch_size rand_skip shuffle new_height new_width is_color "
    "root_folder",
    "memory_data_param": "batch_size channels height width",
    "layer": "name type bottom top loss_weight param blobs include exclude phase propagate_down "
    "transform_param loss_param accuracy_param argmax_param contrastive_loss_param data_param "
    "dummy_data_param exp_param hdf5_data_param hdf5_output_param hinge_loss_param "
    "image_data_param infogain_loss_param memory_data_param mvn_param sigmoid_param "
    "tanh_param threshold_param window_data_param python_param spp_param log_param "
    "reduction_param embed_param tile_param input_param crop_param parameter_param "
    "recurrent_param swish_param clip_param concat_param convolution_param dropout_param "
    "eltwise_param inner_product_param lrn_param pooling_param power_param relu_param "
    "softmax_param slice_param prelu_param reshape_param flatten_param batch_norm_param "
    "elu_param bias_param scale_param axpy_param bn_param connectivity_mode crelu_param "
    "crop_center_param interp_param norm_param normalize_param permute_param prior_box_param "
    "detection_output_param quantization_param relu6_param roi_pooling_param "
    "shuffle_channel_param upsample_param",
    "bn_param": "bn_mode use_global_stats eps momentum frozen slope_filler scale_filler "
    "bias_filler shift_filler engine",
    "crelu_param": "concat_axis negative_slope",
    "crop_center_param": "crop_size",
    "interp_param": "height width zoom_factor shrink_factor pad_beg pad_end",
    "norm_param": "across_spatial scale_filler channel_shared eps",
    "permute_param": "order",
    "prior_box_param": "min_size max_size aspect_ratio flip clip variance img_size img_h img_w "
    "step step_h step_w offset",
    "detection_output_param": "num_classes share_location background_label_id nms_param "
    "save_output_param code_type variance_encoded_in_target keep_top_k confidence_threshold "
    "visualize visualize_threshold save_file objectness_score",
    "nms_param": "nms_threshold top_k eta",
    "relu6_param": "negative_slope",
    "roi_pooling_param": "pooled_h pooled_w spatial_scale",
    "shuffle_channel_param": "group",
    "slope_filler": _FILLER,
    "scale_filler": _FILLER,
    "shift_filler": _FILLER,
    "upsample_param": "scale upsample_ratio scale_h scale_w pad_out_h pad_out_w upsample_h "
    "upsample_w",
    "param": "name share_mode lr_mult decay_mult",
    "include": _RULE,
    "exclude": _RULE,
    "weight_filler": _FILLER,
    "bias_filler": _FILLER,
    "filler": _FILLER,
    "transform_param": "scale mirror crop_size mean_file mean_value force_color force_gray",
    "concat_param": "axis concat_dim",
    "convolution_param": "num_output bias_term pad kernel_size group stride weight_filler "
    "bias_filler pad_h pad_w kernel_h kernel_w stride_h stride_w engine axis force_nd_im2col "
    "dilation hole hole_h hole_w sparse_ratio class_num quantize_term",
    "dropout_param": "dropout_ratio scale_train sample_weights_test",
    "eltwise_param": "operation coeff stable_prod_grad",
    "inner_product_param": "num_output bias_term weight_filler bias_filler axis transpose "
    "sparse_ratio class_num quantize_term",
    "lrn_param": "local_size alpha beta norm_region k engine",
    "pooling_param": "pool kernel_size stride pad kernel_h kernel_w stride_h stride_w pad_h "
    "pad_w engine global_pooling round_mode ceil_mode",
    "power_param": "power scale shift",
    "relu_param": "negative_slope engine",
    "softmax_param": "engine axis",
    "slice_param": "axis slice_point slice_dim",
    "prelu_param": "filler channel_shared",
    "reshape_param": "shape axis num_axes",
    "flatten_param": "axis end_axis",
    "batch_norm_param": "use_global_stats moving_average_fraction eps",
    "elu_param": "alpha",
    "bias_param": "axis num_axes filler",
    "scale_param": "axis num_axes filler bias_term bias_filler",
    "argmax_param": "out_max_val top_k axis",
    "clip_param": "min max",
    "crop_param": "axis offset",
    "embed_param": "num_output input_dim bias_term weight_filler bias_filler",
    "exp_param": "base scale shift",
    "log_param": "base scale shift",
    "mvn_param": "normalize_variance across_channels eps",
    "parameter_param": "shape",
    "recurrent_param": "num_output weight_filler bias_filler debug_info expose_hidden",
    "reduction_param": "operation axis coeff",
    "spp_param": "pyramid_height pool engine",
    "swish_param": "beta",
    "threshold_param": "threshold",
    "tile_param": "axis tiles",
}
_KNOWN = {message: frozenset(fields.split()) for message, fields in _FIELDS.items()}


def unknown_fields(net: Net) -> Iterator[str]:
    """Yield a note for each field that is neither BVLC's nor read by cortado."""
    for field in net.message.fields:
        if field.name not in _KNOWN["net"]:
            yield f"prototxt line {field.line}: the field {field.name} is unknown and ignored"
    for layer in net.layers:
        for line, path in _unknown(layer.message, "layer", ""):
            yield (
                f"layer {layer.name!r} ({layer.type}, line {line}): "
                f"the field {path} is unknown and ignored"
            )


def _unknown(message: Message, name: str, prefix: str) -> Iterator[tuple[int, str]]:
    for field in message.fields:
        path = f"{prefix}{field.name}"
        if field.name not in _KNOWN[name]:
            yield field.line, path
        elif field.name in _KNOWN and isinstance(field.value, Message):
            yield from _unknown(field.value, field.name, f"{path}.")
