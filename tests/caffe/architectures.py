"""Small nets in the patterns of those that people still have, as prototxt."""


def conv(name, bottom, fields, *, kind="Convolution", param=""):
    filler = 'weight_filler { type: "xavier" } bias_filler { type: "uniform" min: -0.2 max: 0.2 }'
    return (
        f'layer {{ name: "{name}" type: "{kind}" bottom: "{bottom}" top: "{name}" {param}\n'
        f"  convolution_param {{ {fields} {'' if 'filler' in fields else filler} }} }}\n"
    )


def unit(kind, bottom, *, name="", top="", fields="", more=()):
    """Return a layer; without a name it works in place."""
    reads = " ".join(f'bottom: "{blob}"' for blob in (bottom, *more))
    top = top or name or bottom
    return (
        f'layer {{ name: "{name or f"{bottom}_{kind.lower()}"}" type: "{kind}" {reads} '
        f'top: "{top}" {fields} }}\n'
    )


def data(*sizes):
    dims = " ".join(f"dim: {size}" for size in sizes)
    return (
        f'layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ {dims} }} }} }}\n'
    )


def pool(bottom, name, fields):
    return unit("Pooling", bottom, name=name, fields=f"pooling_param {{ {fields} }}")


PRELU = 'prelu_param { filler { type: "uniform" min: 0 max: 0.5 } }'
XAVIER = 'weight_filler { type: "xavier" } bias_filler { type: "uniform" min: -0.2 max: 0.2 }'


def fully(name, bottom, outputs):
    fields = f"inner_product_param {{ num_output: {outputs} {XAVIER} }}"
    return unit("InnerProduct", bottom, name=name, fields=fields)


CASCADE = (  # the last net of a cascade of face detectors: PReLU, ceiled pools, three heads
    data(2, 3, 24, 24)
    + conv("conv1", "data", "num_output: 8 kernel_size: 3")
    + unit("PReLU", "conv1", fields=PRELU)
    + pool("conv1", "pool1", "pool: MAX kernel_size: 3 stride: 2")
    + conv("conv2", "pool1", "num_output: 12 kernel_size: 3")
    + unit("PReLU", "conv2", fields=PRELU)
    + pool("conv2", "pool2", "pool: MAX kernel_size: 3 stride: 2")
    + fully("conv5", "pool2", 16)
    + unit("PReLU", "conv5", fields=PRELU)
    + unit("Dropout", "conv5", fields="dropout_param { dropout_ratio: 0.25 }")
    + fully("conv6-1", "conv5", 2)
    + fully("conv6-2", "conv5", 4)
    + fully("conv6-3", "conv5", 10)
    + unit("Softmax", "conv6-1", name="prob1")
)

UPSCALE = (  # super-resolution: a frozen bilinear deconvolution beside a learned residual
    data(2, 1, 9, 11)
    + conv("conv1", "data", "num_output: 6 kernel_size: 3")
    + unit("ReLU", "conv1", fields="relu_param { negative_slope: 0.1 }")
    + conv("conv2", "conv1", "num_output: 1 kernel_size: 3")
    + conv(
        "up",
        "conv2",
        "num_output: 1 kernel_size: 4 stride: 2 pad: 1 bias_term: false "
        'weight_filler { type: "bilinear" }',
        kind="Deconvolution",
        param="param { lr_mult: 0 }",
    )
)

SEGMENT = (  # fully convolutional: a padded start, a skip, and crops
    data(1, 3, 17, 19)
    + conv("conv1", "data", "num_output: 6 kernel_size: 3 pad: 8")
    + unit("ReLU", "conv1")
    + pool("conv1", "pool1", "pool: MAX kernel_size: 2 stride: 2")
    + conv("conv2", "pool1", "num_output: 8 kernel_size: 3 pad: 1")
    + unit("ReLU", "conv2")
    + pool("conv2", "pool2", "pool: MAX kernel_size: 2 stride: 2")
    + conv("score_deep", "pool2", "num_output: 4 kernel_size: 1")
    + conv(
        "up2",
        "score_deep",
        'num_output: 4 kernel_size: 4 stride: 2 bias_term: false weight_filler { type: "xavier" }',
        kind="Deconvolution",
    )
    + conv("score_skip", "pool1", "num_output: 4 kernel_size: 1")
    + unit(
        "Crop", "up2", name="deep", more=["score_skip"], fields="crop_param { axis: 2 offset: 1 }"
    )
    + unit("Eltwise", "deep", name="fused", more=["score_skip"])
    + conv(
        "up",
        "fused",
        'num_output: 4 kernel_size: 8 stride: 2 bias_term: false weight_filler { type: "xavier" }',
        kind="Deconvolution",
    )
    + unit("Crop", "up", name="score", more=["data"], fields="crop_param { axis: 2 offset: 9 }")
)

FIRST_FORMAT = """
name: "of 2013"
input: "data" input_dim: 2 input_dim: 3 input_dim: 20 input_dim: 20
layers { name: "conv1" type: CONVOLUTION bottom: "data" top: "conv1" blobs_lr: 1 blobs_lr: 2
  convolution_param { num_output: 8 kernel_size: 5 stride: 2
    weight_filler { type: "xavier" } bias_filler { type: "uniform" min: -0.2 max: 0.2 } } }
layers { name: "relu1" type: RELU bottom: "conv1" top: "conv1" }
layers { name: "pool1" type: POOLING bottom: "conv1" top: "pool1"
  pooling_param { pool: MAX kernel_size: 3 stride: 2 } }
layers { name: "norm1" type: LRN bottom: "pool1" top: "norm1"
  lrn_param { local_size: 5 alpha: 0.5 beta: 0.75 } }
layers { name: "left" type: CONVOLUTION bottom: "norm1" top: "left" blobs_lr: 1 blobs_lr: 2
  convolution_param { num_output: 6 kernel_size: 3 pad: 1 group: 2
    weight_filler { type: "xavier" } } }
layers { name: "right" type: CONVOLUTION bottom: "norm1" top: "right" blobs_lr: 1 blobs_lr: 2
  convolution_param { num_output: 4 kernel_size: 1 weight_filler { type: "xavier" } } }
layers { name: "both" type: CONCAT bottom: "left" bottom: "right" top: "both"
  concat_param { concat_dim: 1 } }
layers { name: "pool2" type: POOLING bottom: "both" top: "pool2"
  pooling_param { pool: AVE kernel_size: 3 stride: 2 } }
layers { name: "fc" type: INNER_PRODUCT bottom: "pool2" top: "fc" blobs_lr: 1 blobs_lr: 2
  inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
layers { name: "drop" type: DROPOUT bottom: "fc" top: "fc" dropout_param { dropout_ratio: 0.5 } }
layers { name: "prob" type: SOFTMAX bottom: "fc" top: "prob" }
"""

WITH_GOLDENS = {
    "cascade": CASCADE,
    "upscale": UPSCALE,
    "segment": SEGMENT,
    "first_format": FIRST_FORMAT,
}
"""Nets of which tests/caffe/data holds weights, inputs and outputs of Caffe 1.0."""
