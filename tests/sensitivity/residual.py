"""Residual networks of any depth, as PyTorch exports them with their BatchNorms folded."""

import numpy as np
from onnx import helper

from nets import build, decoded, normal


class Residual:
    """Builds a network of residual blocks; `widths` are the channels of its stages."""

    def __init__(self, widths, blocks, size, classes=10, seed=0, stem_stride=2):
        self.rng = np.random.default_rng(seed)
        self.nodes, self.weights, self.count = [], {}, 0
        value = self.conv("x", 3, widths[0], 7 if stem_stride > 1 else 3, stem_stride)
        value = self.add("Relu", [value])
        channels = widths[0]
        for stage, (width, number) in enumerate(zip(widths, blocks, strict=True)):
            for block in range(number):
                stride = 2 if stage and not block else 1
                value = self.block(value, channels, width, stride)
                channels = 4 * width
        value = self.add("GlobalAveragePool", [value])
        value = self.add("Flatten", [value])
        self.weights["fc.weight"] = normal(self.rng, classes, channels) / np.float32(channels**0.5)
        self.weights["fc.bias"] = normal(self.rng, classes)
        self.nodes.append(
            helper.make_node("Gemm", [value, "fc.weight", "fc.bias"], ["y"], "fc", transB=1)
        )
        shape = ["N", 3, size, size]
        self.model = decoded(build(self.nodes, self.weights, {"x": shape}, {"y": ["N", classes]}))

    def block(self, value, channels, width, stride):
        """Add 1×1, 3×3 and 1×1 convolutions, and what goes past them."""
        inner = self.add("Relu", [self.conv(value, channels, width, 1, 1)])
        inner = self.add("Relu", [self.conv(inner, width, width, 3, stride)])
        inner = self.conv(inner, width, 4 * width, 1, 1)
        if channels != 4 * width or stride > 1:
            value = self.conv(value, channels, 4 * width, 1, stride)
        return self.add("Relu", [self.add("Add", [inner, value])])

    def conv(self, value, channels, outputs, kernel, stride):
        self.count += 1
        name = f"conv{self.count}"
        scale = np.float32((2 / (channels * kernel**2)) ** 0.5)
        weight = normal(self.rng, outputs, channels, kernel, kernel) * scale
        self.weights[f"{name}.weight"] = weight
        self.weights[f"{name}.bias"] = normal(self.rng, outputs) * np.float32(0.1)
        pad = kernel // 2
        return self.add(
            "Conv",
            [value, f"{name}.weight", f"{name}.bias"],
            strides=[stride, stride],
            pads=[pad] * 4,
            kernel_shape=[kernel, kernel],
        )

    def add(self, op_type, inputs, **attributes):
        name = f"{op_type.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op_type, inputs, [name], name, **attributes))
        return name
