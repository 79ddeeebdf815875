"""Names of metrics: the numbers at their ends, the targets that they take, and their titles."""

import numpy as np
import pytest
from onnx import helper

from cortado.built_in import METRICS, load
from cortado.data.samples import ArraySamples
from cortado.errors import CortadoError, UsageError
from cortado.scoring.bind import TaskOptions, bind
from cortado.scoring.metrics import Scored, fallback_of, make_metric, metric_title
from cortado.scoring.metrics.form import MetricForm
from cortado.task.outputs import Scores
from nets import build, decoded
from scored import undivided

OUTPUT = (Scores("y", "y", "none", rank=2),)
LABELS = {"y": np.array([3])}
ARRAYS = {"y": np.zeros((1, 7), np.float32)}
TEXTS = {"y": np.array(["abc"])}


def scored(targets=None, size=7):
    return Scored(OUTPUT, targets, sizes={"y": size})


@pytest.mark.parametrize("entry", METRICS, ids=lambda entry: entry.name)
def test_every_line_of_the_table_is_a_metric_that_is_called_by_its_name(entry):
    form = load(entry)
    assert isinstance(form, MetricForm)
    number = 5.0 if form.number.is_needed else None
    name = form.make(scored(LABELS), number).name
    assert name == (f"{entry.name}-5" if number else entry.name)


@pytest.mark.parametrize(
    "spec", ["iou@0.3", "iou@0", "iou@0.125", "psnr@255", "psnr@65535", "psnr@1", "top-5", "top-12"]
)
def test_a_metric_whose_name_ends_in_a_number_is_called_so(spec):
    metric = make_metric(spec, scored(LABELS))
    assert metric.name == spec
    assert make_metric(metric.name, scored(LABELS)) is not None


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("top-0", "the number of the metric top-0 must be a whole number from 1 up"),
        ("top-2.5", "the number of the metric top-2.5 must be a whole number from 1 up"),
        ("iou@2", "the number of the metric iou@2 must be a threshold from 0 up and below 1"),
        ("iou@1", "the number of the metric iou@1 must be a threshold"),
        ("psnr@0", "the number of the metric psnr@0 must be a peak above 0"),
        *[
            (spec, f"the metric {spec[:-2]} takes no number, and {spec} has one")
            for spec in (
                "accuracy@3", "accuracy-1", "cer@1", "mse@2", "cosine-2", "kl@1", "agreement-5",
                "cross-entropy-2", "relative-error@1",
            )
        ],
    ],
)  # fmt: skip
def test_a_number_that_makes_no_sense_is_refused(spec, message):
    with pytest.raises(UsageError, match=message):
        make_metric(spec, scored(LABELS))


@pytest.mark.parametrize("spec", ["mse", "cosine", "psnr", "psnr@255"])
def test_a_metric_of_arrays_compares_with_the_dense_model_where_targets_are_labels(spec):
    assert make_metric(spec, scored(LABELS)).against == "reference"
    assert fallback_of(spec, scored(LABELS)).startswith(
        "labels (integers of classes) of the output"
    )
    for fitting in (scored(ARRAYS), scored({"y": np.zeros((1, 7), int)}), scored(LABELS, 1)):
        assert make_metric(spec, fitting).against == "targets"
        assert fallback_of(spec, fitting) == ""


@pytest.mark.parametrize(("spec", "targets"), [("cross-entropy", ARRAYS), ("cer", ARRAYS),
                                               ("iou", TEXTS), ("mse", TEXTS)])  # fmt: skip
def test_a_metric_that_does_not_take_the_targets_compares_with_the_dense_model(spec, targets):
    assert make_metric(spec, scored(targets)).against == "reference"
    assert fallback_of(spec, scored(targets))


@pytest.mark.parametrize("spec", ["agreement", "kl", "relative-error"])
def test_what_always_compares_with_the_dense_model_takes_the_place_of_nothing(spec):
    assert fallback_of(spec, scored(LABELS)) == ""
    assert make_metric(spec, scored(LABELS)).against == "reference"


@pytest.mark.parametrize("spec", ["accuracy", "top-3"])
def test_a_metric_that_can_take_neither_says_what_it_needs(spec):
    message = (
        rf"the metric {spec} needs labels \(integers of classes\), and the data have arrays of the "
        "output's shape of the output y, float32 of shape 7 a sample"
    )
    with pytest.raises(CortadoError, match=message):
        make_metric(spec, scored(ARRAYS))


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("accuracy", "accuracy"), ("top-5", "top-5"), ("cer", "CER"), ("mse", "MSE"), ("kl", "KL"),
        ("psnr@255", "PSNR@255"), ("iou@0.3", "IoU@0.3"), ("of my own", "of my own"),
    ],
)  # fmt: skip
def test_acronyms_stay_in_capitals(name, title):
    assert metric_title(name) == title


@pytest.mark.parametrize("spec", ["accuracy", "top-5", "agreement", "iou", "iou@0.3", "cer"])
def test_a_fraction_may_usually_drop_by_half_a_point(spec):
    assert make_metric(spec, scored(LABELS)).usual_drop == 0.005


@pytest.mark.parametrize("spec", ["relative-error", "mse", "psnr", "psnr@255", "kl", "cosine"])
def test_what_is_no_fraction_has_no_usual_drop(spec):
    assert make_metric(spec, scored(LABELS)).usual_drop is None


@pytest.mark.parametrize(
    ("targets", "against"),
    [(np.arange(6) % 3, "reference"), (np.ones((6, 4, 3), int), "targets")],
)
def test_targets_are_measured_by_what_an_output_has_for_one_sample(targets, against):
    """The samples lie along the second axis here."""
    turn = helper.make_node("Transpose", ["x"], ["y"], perm=[1, 0, 2])
    model = decoded(build([turn], {}, {"x": ["N", 4, 3]}, {"y": [4, "N", 3]}))
    inputs = {"x": np.random.default_rng(0).random((6, 4, 3)).astype(np.float32)}
    data = undivided(ArraySamples(inputs, {"y": targets}))
    assert bind(model, data, TaskOptions(metric="mse")).metric.against == against
