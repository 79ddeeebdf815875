"""DetectionOutput: cut by default; decoded, against its loops in plain Python and OpenCV."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caffe.forks.detection import detections
from caffe.running import NO_WEIGHTS, run
from cortado.caffe import CaffeOptions, import_caffe
from cortado.errors import CortadoError

PRIORS, CLASSES = 40, 5
DECODE = CaffeOptions(detections="decode")


def net(options, batch=2, extra=""):
    groups = 1 if options["share_location"] else CLASSES
    nms = {name: options[name] for name in ("nms_threshold", "top_k") if name in options}
    rest = {name: value for name, value in options.items() if name not in nms}
    spelled = " ".join(f"{name}: {str(value).lower()}" for name, value in rest.items())
    spelled = spelled.replace(options["code_type"].lower(), options["code_type"])
    sizes = {
        "loc": (batch, PRIORS * groups * 4),
        "conf": (batch, PRIORS * CLASSES),
        "priors": (1, 2, PRIORS * 4),
    }
    inputs = "\n".join(
        f'layer {{ name: "{name}" type: "Input" top: "{name}" input_param {{ shape {{ '
        f"{' '.join(f'dim: {size}' for size in shape)} }} }} }}"
        for name, shape in sizes.items()
    )
    return (
        f'{inputs} layer {{ name: "det" type: "DetectionOutput" bottom: "loc" bottom: "conf" '
        f'bottom: "priors" top: "det" {extra} detection_output_param {{ {spelled} nms_param {{ '
        f"{' '.join(f'{name}: {value}' for name, value in nms.items())} }} }} }}"
    )


def blobs(seed, options, batch=2):
    rng = np.random.default_rng(seed)
    groups = 1 if options["share_location"] else CLASSES
    centre, size = rng.random((PRIORS, 2)), 0.1 + 0.3 * rng.random((PRIORS, 2))
    corners = np.concatenate([centre - size / 2, centre + size / 2], 1).ravel()
    return {
        "loc": rng.normal(scale=0.5, size=(batch, PRIORS * groups * 4)).astype(np.float32),
        "conf": rng.random((batch, PRIORS * CLASSES), np.float32),
        "priors": np.stack([corners, np.tile([0.1, 0.1, 0.2, 0.2], PRIORS)])[None].astype("f4"),
    }


SSD = {
    "num_classes": CLASSES,
    "share_location": True,
    "background_label_id": 0,
    "code_type": "CENTER_SIZE",
    "keep_top_k": 20,
    "confidence_threshold": 0.3,
    "nms_threshold": 0.45,
    "top_k": 400,
}


@given(
    seed=st.integers(0, 99),
    options=st.fixed_dictionaries(
        {
            "num_classes": st.just(CLASSES),
            "share_location": st.booleans(),
            "background_label_id": st.sampled_from([0, 2, -1]),
            "code_type": st.sampled_from(["CORNER", "CENTER_SIZE", "CORNER_SIZE"]),
            "variance_encoded_in_target": st.booleans(),
            "keep_top_k": st.sampled_from([-1, 3, 20, 1000]),
            "confidence_threshold": st.sampled_from([0.01, 0.3, 0.9, 0.99, 1]),
            "nms_threshold": st.sampled_from([0.1, 0.45, 0.7]),
            "top_k": st.sampled_from([-1, 5, 20, 400]),
        }
    ),
)
@settings(max_examples=30, deadline=None)
def test_decoding(seed, options):
    feeds = blobs(seed, options, batch=3)
    model = import_caffe(net(options), NO_WEIGHTS, DECODE).model
    result = run(model, **feeds)["det"]
    expected = detections(feeds["loc"], feeds["conf"], feeds["priors"], options)
    assert result.shape == (1, 1, len(expected), 7)
    np.testing.assert_allclose(result[0, 0], expected, rtol=1e-5, atol=1e-5)


def test_opencv_finds_the_same():
    """But for the order: OpenCV's rows fall by score, whatever their class."""
    feeds = blobs(0, SSD, batch=1)
    opencv = cv2.dnn.readNetFromCaffe(np.frombuffer(net(SSD, 1).encode(), np.uint8))
    for name, array in feeds.items():
        opencv.setInput(array, name)
    expected = opencv.forward("det")
    result = run(import_caffe(net(SSD, 1), NO_WEIGHTS, DECODE).model, **feeds)["det"]
    assert result.shape == expected.shape == (1, 1, 20, 7)
    by_score = np.argsort(-result[0, 0, :, 2], kind="stable")
    np.testing.assert_allclose(result[:, :, by_score], expected, atol=1e-5)


def test_nothing_found_is_a_row_for_each_image():
    feeds = blobs(0, SSD)
    feeds["conf"] *= 0
    result = run(import_caffe(net(SSD), NO_WEIGHTS, DECODE).model, **feeds)["det"]
    assert result.tolist() == [[[[0, *[-1] * 6], [1, *[-1] * 6]]]]


def test_equal_scores_are_ordered_by_class_and_prior():
    feeds = blobs(0, SSD)
    feeds["conf"][:] = 0.5
    options = {**SSD, "keep_top_k": -1, "nms_threshold": 1.0}
    result = run(import_caffe(net(options), NO_WEIGHTS, DECODE).model, **feeds)["det"][0, 0]
    assert len(result) == 2 * (CLASSES - 1) * PRIORS
    np.testing.assert_array_equal(result[:PRIORS, 3:], result[PRIORS : 2 * PRIORS, 3:])
    expected = detections(feeds["loc"], feeds["conf"], feeds["priors"], options)
    np.testing.assert_allclose(result, expected, atol=1e-5)


def test_without_a_threshold_every_score_counts():
    options = {name: value for name, value in SSD.items() if name != "confidence_threshold"}
    feeds = blobs(0, SSD)
    feeds["conf"] -= 2
    result = run(import_caffe(net(options), NO_WEIGHTS, DECODE).model, **feeds)["det"][0, 0]
    options["confidence_threshold"] = -np.inf
    expected = detections(feeds["loc"], feeds["conf"], feeds["priors"], options)
    np.testing.assert_allclose(result, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "extra", "reason"),
    [
        ({"num_classes": 4}, "", r"its bottoms have the shapes .* for 4 num_classes"),
        ({"top_k": 0}, "", "top_k or keep_top_k is 0"),
        ({"nms_threshold": -1}, "", "its nms_threshold is -1.0"),
        ({"nms_threshold": "0.6 eta: 0.9"}, "", "its eta lowers nms_threshold from box to box"),
        ({}, 'bottom: "loc" bottom: "conf"', "it has 5 bottoms instead of 3"),
    ],
)
def test_refusals(change, extra, reason):
    with pytest.raises(CortadoError, match=reason):
        import_caffe(net({**SSD, **change}, extra=extra), NO_WEIGHTS, DECODE)
