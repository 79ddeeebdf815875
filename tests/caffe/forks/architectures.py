"""Small nets with the layers of forks, in the patterns of those that people still have."""

from caffe.architectures import conv, data, fully, pool, unit


def norm_relu(name):
    """Return BatchNorm, Scale and ReLU in place."""
    scale = 'scale_param { bias_term: true filler { type: "uniform" min: 0.5 max: 1.5 } }'
    return unit("BatchNorm", name) + unit("Scale", name, fields=scale) + unit("ReLU", name)


def head(name, bottom, classes, priors, image="data"):
    """Return the two convolutions and the priors of one scale of a detector."""
    text = ""
    for what, outputs in (("loc", 4 * priors), ("conf", classes * priors)):
        blob = f"{name}_{what}"
        text += conv(blob, bottom, f"num_output: {outputs} kernel_size: 3 pad: 1")
        order = "permute_param { order: 0 order: 2 order: 3 order: 1 }"
        text += unit("Permute", blob, name=f"{blob}_perm", fields=order)
        text += unit(
            "Flatten", f"{blob}_perm", name=f"{blob}_flat", fields="flatten_param { axis: 1 }"
        )
    sizes = "min_size: 12 max_size: 20 aspect_ratio: 2" if priors == 4 else "min_size: 24"
    fields = f"prior_box_param {{ {sizes} flip: true clip: false variance: [0.1, 0.1, 0.2, 0.2] }}"
    return text + unit("PriorBox", bottom, name=f"{name}_prior", more=[image], fields=fields)


def joined(what, axis):
    blobs = [f"{scale}_{what}" for scale in ("one", "two")]
    name = f"mbox_{what.removesuffix('_flat')}"
    fields = f"concat_param {{ axis: {axis} }}"
    return unit("Concat", blobs[0], name=name, more=blobs[1:], fields=fields)


DETECTOR = (  # depthwise convolutions, L2 normalisation, two scales, SSD's heads
    data(1, 3, 32, 48)
    + conv("conv0", "data", "num_output: 8 kernel_size: 3 pad: 1 stride: 2 bias_term: false")
    + norm_relu("conv0")
    + conv("conv1_dw", "conv0", "num_output: 8 group: 8 kernel_size: 3 pad: 1 stride: 2")
    + unit("ReLU6", "conv1_dw")
    + conv("conv1", "conv1_dw", "num_output: 12 kernel_size: 1")
    + unit("ReLU", "conv1")
    + unit(
        "Normalize",
        "conv1",
        name="conv1_norm",
        fields="norm_param { across_spatial: false channel_shared: false "
        'scale_filler { type: "constant" value: 4 } }',
    )
    + pool("conv1", "pool1", "pool: MAX kernel_size: 2 stride: 2")
    + conv("conv2", "pool1", "num_output: 16 kernel_size: 3 pad: 2 dilation: 2")
    + unit("ReLU", "conv2")
    + head("one", "conv1_norm", 3, 4)
    + head("two", "conv2", 3, 1)
    + joined("loc_flat", 1)
    + joined("conf_flat", 1)
    + joined("prior", 2)
    + unit(
        "Reshape",
        "mbox_conf",
        name="mbox_conf_reshape",
        fields="reshape_param { shape { dim: 0 dim: -1 dim: 3 } }",
    )
    + unit(
        "Softmax", "mbox_conf_reshape", name="mbox_conf_softmax", fields="softmax_param { axis: 2 }"
    )
    + unit(
        "Flatten", "mbox_conf_softmax", name="mbox_conf_flatten", fields="flatten_param { axis: 1 }"
    )
    + unit(
        "DetectionOutput",
        "mbox_loc",
        name="detection_out",
        more=["mbox_conf_flatten", "mbox_prior"],
        fields="detection_output_param { num_classes: 3 share_location: true "
        "background_label_id: 0 nms_param { nms_threshold: 0.45 top_k: 50 } "
        "code_type: CENTER_SIZE keep_top_k: 15 confidence_threshold: 0.25 }",
    )
)

SHUFFLE = (  # grouped, shuffled, depthwise, and concatenated with the pooled input
    data(2, 6, 10, 12)
    + pool("data", "short", "pool: AVE kernel_size: 3 stride: 2")
    + conv("conv1", "data", "num_output: 12 group: 3 kernel_size: 1")
    + unit("ReLU", "conv1")
    + unit("ShuffleChannel", "conv1", name="shuffled", fields="shuffle_channel_param { group: 3 }")
    + conv("conv2", "shuffled", "num_output: 12 group: 12 kernel_size: 3 pad: 1 stride: 2")
    + conv("conv3", "conv2", "num_output: 6 group: 3 kernel_size: 1")
    + unit("Concat", "short", name="both", more=["conv3"])
    + unit("ReLU", "both")
)

EXCITED = (  # squeeze and excitation around a residual, joined by Axpy
    data(2, 4, 9, 9)
    + conv("conv1", "data", "num_output: 8 kernel_size: 3 pad: 1")
    + norm_relu("conv1")
    + conv("proj", "data", "num_output: 8 kernel_size: 1")
    + unit(
        "Pooling",
        "conv1",
        name="squeeze",
        fields="pooling_param { pool: AVE global_pooling: true }",
    )
    + conv("down", "squeeze", "num_output: 2 kernel_size: 1")
    + unit("ReLU", "down")
    + conv("up", "down", "num_output: 8 kernel_size: 1")
    + unit("Sigmoid", "up", name="gate")
    + unit("Axpy", "gate", name="sum", more=["conv1", "proj"])
    + unit("ReLU", "sum")
    + fully("fc", "sum", 5)
)

UNPOOLED = (  # an encoder whose pools remember their places, and a decoder that uses them
    data(2, 3, 13, 16)
    + conv("conv1", "data", "num_output: 6 kernel_size: 3 pad: 1")
    + unit("PReLU", "conv1", fields="prelu_param { filler { value: 0.1 } }")
    + 'layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1" top: "pool1_mask" '
    "pooling_param { pool: MAX kernel_size: 2 stride: 2 } }\n"
    + conv("conv2", "pool1", "num_output: 6 kernel_size: 3 pad: 2 dilation: 2")
    + unit("ReLU", "conv2")
    + unit(
        "Upsample",
        "conv2",
        name="up1",
        more=["pool1_mask"],
        fields="upsample_param { scale: 2 upsample_h: 13 upsample_w: 16 }",
    )
    + conv("score", "up1", "num_output: 3 kernel_size: 3 pad: 1")
)

ATROUS = (  # parallel dilated convolutions, summed and enlarged to the size of the input
    data(2, 3, 17, 21)
    + conv("conv1", "data", "num_output: 6 kernel_size: 3 pad: 1 stride: 2")
    + unit("ReLU", "conv1")
    + conv("near", "conv1", "num_output: 4 kernel_size: 3 pad: 2 dilation: 2")
    + conv("far", "conv1", "num_output: 4 kernel_size: 3 pad: 4 dilation: 4")
    + unit("Eltwise", "near", name="sum", more=["far"])
    + unit("Interp", "sum", name="enlarged", fields="interp_param { zoom_factor: 2 }")
    + unit("Softmax", "enlarged", name="prob")
)
