"""Whole nets with layers of forks, against OpenCV and PyTorch."""

import cv2
import numpy as np
import torch
from torch.nn import functional as F

from caffe.forks.architectures import ATROUS, DETECTOR, EXCITED, SHUFFLE, UNPOOLED
from caffe.forks.detection import detections
from caffe.running import caffemodel, run
from cortado.caffe import CaffeOptions, Fillers, import_caffe, read_caffemodel


def random_blobs(text, batch_norms=()):
    """Return random blobs for each layer: those of its fillers, and those of BatchNorms."""
    blobs = {}
    for name, value in import_caffe(text, Fillers(3)).model.graph.initializers.items():
        layer, _, role = name.rpartition(".")
        if role in ("weight", "bias") and not layer.endswith("_batchnorm"):
            array = value.const_value.numpy()
            blobs.setdefault(layer, []).append(array.ravel() if array.ndim == 3 else array)
    rng = np.random.default_rng(4)
    for layer, channels in batch_norms:
        blobs[layer] = [rng.normal(size=channels), 0.5 + rng.random(channels), np.ones(1)]
    return blobs


def imported(text, blobs, **options):
    weights = read_caffemodel(caffemodel(blobs))
    return import_caffe(text, weights, CaffeOptions(**options))


def opencv(text, blobs, x, names):
    """Return what OpenCV makes of it, by the names of layers."""
    buffers = [np.frombuffer(part, np.uint8) for part in (text.encode(), caffemodel(blobs))]
    net = cv2.dnn.readNetFromCaffe(*buffers)
    net.setInput(x)
    return dict(zip(names, net.forward(names), strict=True))


def images(*shape):
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def torched(blobs):
    return {
        name: [torch.from_numpy(np.asarray(b, np.float32)) for b in arrays]
        for name, arrays in blobs.items()
    }


def test_detector_ends_before_its_detections():
    blobs, x = random_blobs(DETECTOR, [("conv0_batchnorm", 8)]), images(1, 3, 32, 48)
    found = imported(DETECTOR, blobs)
    outputs = ["mbox_conf_flatten", "mbox_loc", "mbox_prior"]
    results = run(found.model, data=x)
    assert list(results) == outputs
    for name, expected in opencv(DETECTOR, blobs, x, outputs).items():
        np.testing.assert_allclose(results[name], expected, atol=1e-5)
    assert found.notes == (
        "dropped layer 'detection_out' (DetectionOutput); its bottoms are outputs, for you to "
        "decode: num_classes: 3 share_location: true background_label_id: 0 nms_param { "
        "nms_threshold: 0.45 top_k: 50 } code_type: CENTER_SIZE keep_top_k: 15 "
        "confidence_threshold: 0.25",
    )


def test_detector_with_its_detections():
    blobs, x = random_blobs(DETECTOR, [("conv0_batchnorm", 8)]), images(1, 3, 32, 48)
    result = run(imported(DETECTOR, blobs, detections="decode").model, data=x)["detection_out"]
    expected = opencv(DETECTOR, blobs, x, ["detection_out"])["detection_out"]
    assert result.shape == (1, 1, 15, 7)  # keep_top_k were kept
    assert np.unique(result[..., 1]).tolist() == [1, 2]
    by_score = np.argsort(-result[0, 0, :, 2])
    np.testing.assert_allclose(result[:, :, by_score], expected, atol=1e-4)


def test_what_a_cut_detector_outputs_is_enough_to_decode():
    blobs, x = random_blobs(DETECTOR, [("conv0_batchnorm", 8)]), images(2, 3, 32, 48)
    conf, loc, priors = run(imported(DETECTOR, blobs).model, data=x).values()
    whole = run(imported(DETECTOR, blobs, detections="decode").model, data=x)["detection_out"]
    settings = {"num_classes": 3, "code_type": "CENTER_SIZE", "confidence_threshold": 0.25}
    settings |= {"nms_threshold": 0.45, "top_k": 50, "keep_top_k": 15}
    np.testing.assert_allclose(whole[0, 0], detections(loc, conf, priors, settings), atol=1e-5)


def test_shuffled_groups():
    blobs, x = random_blobs(SHUFFLE), images(2, 6, 10, 12)
    result = run(imported(SHUFFLE, blobs).model, data=x)["both"]
    expected = opencv(SHUFFLE, blobs, x, ["both_relu"])["both_relu"]
    np.testing.assert_allclose(result, expected, atol=1e-5)


def test_dilated_convolutions_enlarged():
    blobs, x = random_blobs(ATROUS), images(2, 3, 17, 21)
    result = run(imported(ATROUS, blobs).model, data=x)["prob"]
    assert result.shape == (2, 4, 17, 21)
    expected = opencv(ATROUS, blobs, x, ["prob"])["prob"]
    np.testing.assert_allclose(result, expected, atol=1e-5)


def test_squeeze_and_excitation():
    blobs, x = random_blobs(EXCITED, [("conv1_batchnorm", 8)]), images(2, 4, 9, 9)
    result = run(imported(EXCITED, blobs).model, data=x)["fc"]
    w, image = torched(blobs), torch.from_numpy(x)
    y = F.conv2d(image, *w["conv1"], padding=1)
    mean, variance, _ = w["conv1_batchnorm"]
    y = F.relu(F.batch_norm(y, mean, variance, *w["conv1_scale"]))
    gate = F.conv2d(y.mean((2, 3), keepdim=True), *w["down"])
    gate = torch.sigmoid(F.conv2d(F.relu(gate), *w["up"]))
    y = F.relu(gate * y + F.conv2d(image, *w["proj"]))
    expected = F.linear(y.flatten(1), *w["fc"])
    np.testing.assert_allclose(result, expected.numpy(), rtol=1e-4, atol=1e-5)


def test_places_of_maxima_are_used_again():
    blobs, x = random_blobs(UNPOOLED), images(2, 3, 13, 16)
    model = imported(UNPOOLED, blobs).model
    result = run(model, data=x)["score"]
    w = torched(blobs)
    y = F.prelu(F.conv2d(torch.from_numpy(x), *w["conv1"], padding=1), w["conv1_prelu"][0])
    y, index = F.max_pool2d(y, 2, ceil_mode=True, return_indices=True)
    y = F.relu(F.conv2d(y, *w["conv2"], padding=2, dilation=2))
    y = F.max_unpool2d(y, index, 2, output_size=(13, 16))
    expected = F.conv2d(y, *w["score"], padding=1)
    np.testing.assert_allclose(result, expected.numpy(), rtol=1e-4, atol=1e-5)
    assert run(model, data=x[:1])["score"].shape == (1, 3, 13, 16)


def test_layers_of_which_only_the_size_counts_leave_no_trace():
    blobs, x = random_blobs(DETECTOR, [("conv0_batchnorm", 8)]), images(1, 3, 32, 48)
    found = imported(DETECTOR, blobs, cut_at=("mbox_prior",))
    assert not any("weight" in name for name in found.model.graph.initializers)
    assert found.notes == ("cut at 'mbox_prior': 18 layers are left out",)
    priors = run(imported(DETECTOR, blobs).model, data=x)["mbox_prior"]
    np.testing.assert_array_equal(run(found.model, data=x)["mbox_prior"], priors)
