"""Importing a caffemodel of the size of AlexNet's: time and peak memory of the real command."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.row import Row
from tests.large import import_net, write_random

CONV = {
    "conv1": ((96, 3, 11, 11), "stride: 4"),
    "conv2": ((256, 48, 5, 5), "pad: 2 group: 2"),
    "conv3": ((384, 256, 3, 3), "pad: 1"),
    "conv4": ((384, 192, 3, 3), "pad: 1 group: 2"),
    "conv5": ((256, 192, 3, 3), "pad: 1 group: 2"),
}
PRODUCTS = {"fc6": (4096, 9216), "fc7": (4096, 4096), "fc8": (1000, 4096)}
POOLED = ("conv1", "conv2", "conv5")
POOL = "pooling_param { kernel_size: 3 stride: 2 }"
DATA = "shape { dim: 10 dim: 3 dim: 227 dim: 227 }"


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        net, weights = Path(folder) / "net.prototxt", Path(folder) / "net.caffemodel"
        net.write_text("\n".join(_layers()))
        shapes = {name: shape for name, (shape, _) in CONV.items()} | PRODUCTS
        write_random(weights, shapes)
        runs = [import_net(net, weights, Path(folder) / "net.onnx") for _ in range(3)]
        size = weights.stat().st_size
    seconds, peak = min(run[0] for run in runs), max(run[1] for run in runs)
    what = f"import of {size / 1e6:.0f} MB, the best of 3"
    yield Row(what, f"{seconds:.2f} s", "< 4 s", seconds < 4)
    ratio = peak / size
    yield Row("its memory beside the file", f"{ratio:.2f} ×", "< 3 ×", ratio < 3)


def _layers() -> Iterator[str]:
    yield f'layer {{ name: "data" type: "Input" top: "data" input_param {{ {DATA} }} }}'
    bottom = "data"
    for name, (shape, more) in CONV.items():
        settings = f"num_output: {shape[0]} kernel_size: {shape[2]} {more}"
        yield _layer(name, "Convolution", bottom, name, f"convolution_param {{ {settings} }}")
        yield _layer(f"relu_{name}", "ReLU", name, name)
        bottom = name
        if name in POOLED:
            bottom = f"pool_{name}"
            yield _layer(
                bottom, "Pooling", name, bottom, "pooling_param { kernel_size: 3 stride: 2 }"
            )
    for name, shape in PRODUCTS.items():
        settings = f"inner_product_param {{ num_output: {shape[0]} }}"
        yield _layer(name, "InnerProduct", bottom, name, settings)
        bottom = name
    yield _layer("prob", "Softmax", bottom, "prob")


def _layer(name: str, kind: str, bottom: str, top: str, settings: str = "") -> str:
    blobs = f'bottom: "{bottom}" top: "{top}"'
    return f'layer {{ name: "{name}" type: "{kind}" {blobs} {settings} }}'
