"""Outputs, accuracy and latency of a file beside its reference."""

import numpy as np
import pytest
from onnx import helper

from cortado.data import Dataset, labelled_images
from cortado.errors import CortadoError, LimitNotMetError
from cortado.model.onnx_io import serial
from cortado.progress import finish
from cortado.runtime import Runtime
from cortado.scoring.bind import bind
from cortado.scoring.evaluate import Evaluation
from cortado.validate import (
    Candidate,
    Limits,
    OutputDifference,
    ProviderFigures,
    ValidateOptions,
    Validation,
    check_limits,
    validate,
)
from nets import build, conv_net, decoded, mlp, weight, with_weight

RNG = np.random.default_rng(0)
SAMPLES = labelled_images(RNG.standard_normal((60, 6)).astype(np.float32), RNG.integers(0, 3, 60))


def compared(model, reference, samples=None, **options):
    if samples is not None:
        task = bind(reference or model, Dataset(samples, samples, samples))
        options |= {"task": task, "samples": samples}
    candidate = Candidate(serial.encode(model), model)
    return finish(validate(candidate, reference, ValidateOptions(**options)))


def test_a_model_does_not_differ_from_itself():
    (figures,) = compared(mlp(), mlp()).found
    assert figures.differences == (OutputDifference("y", 0.0, 0.0),)
    assert figures.provider == "CPUExecutionProvider"


def test_a_model_that_random_inputs_do_not_suit_asks_for_samples():
    """The pad is longer than the 32 values that stand in for an open axis."""
    pads = {"pads": np.int64([0, 40, 0, 40])}
    pad = helper.make_node("Pad", ["x", "pads"], ["y"], mode="reflect")
    model = decoded(build([pad], pads, {"x": ["N", "length"]}, {"y": ["N", "longer"]}))
    with pytest.raises(CortadoError, match="the inputs are random: give it samples with --data"):
        compared(model, model)
    long = Dataset(*[labelled_images(RNG.random((4, 60)).astype(np.float32))] * 3)
    options = ValidateOptions(task=bind(model, long), samples=long.test)
    (figures,) = finish(validate(Candidate(serial.encode(model), model), model, options)).found
    assert figures.differences == (OutputDifference("y", 0.0, 0.0),)


def test_the_difference_is_the_largest_and_relative_to_the_scale():
    """A bias that is 0.25 larger moves one score of each image by just that."""
    reference = mlp()
    bias = weight(reference, "fc2.bias") + np.float32([0, 0.25, 0])
    (figures,) = compared(with_weight(reference, "fc2.bias", bias), reference).found
    x = np.random.default_rng(0).standard_normal((16, 6)).astype(np.float32)
    scale = np.abs(Runtime().open(serial.encode(reference)).run({"x": x})["y"]).max()
    assert figures.differences[0].absolute == pytest.approx(0.25, rel=1e-5)
    assert figures.differences[0].relative == pytest.approx(0.25 / scale, rel=1e-5)


def test_accuracy_of_both_is_measured():
    reference = mlp()
    other = with_weight(reference, "fc2.weight", -weight(reference, "fc2.weight"))
    found = compared(other, reference, samples=SAMPLES)
    assert found.found[0].evaluation.correct != found.reference.evaluation.correct
    assert found.reference.evaluation.samples == 60


def test_latency_is_measured_where_it_is_asked_for():
    (figures,) = compared(mlp(), None, latency_batch=3).found
    assert 0 < figures.latency.low <= figures.latency.median <= figures.latency.high
    assert compared(mlp(), None).found[0].latency is None


def test_a_fixed_batch_is_run_at_its_size():
    (figures,) = compared(mlp(fixed_batch=4), mlp(fixed_batch=4)).found
    assert figures.differences[0].absolute == 0


def test_a_missing_output_is_refused():
    with pytest.raises(CortadoError, match="the reference has an output p, the model has not"):
        compared(conv_net(), conv_net(softmax=True))


def test_an_unknown_provider_is_refused():
    with pytest.raises(CortadoError, match=r"this onnxruntime has no provider warp; it has: .*cpu"):
        compared(mlp(), None, runtimes=(Runtime("warp"),))


def figures(difference=0.0, correct=90):
    evaluation = Evaluation(100, "accuracy", correct / 100, True, correct, 0.1, "cpu", 1.0)
    return ProviderFigures("cpu", (OutputDifference("y", difference, difference / 2),), evaluation)


@pytest.mark.parametrize("difference", [0.011, np.nan, np.inf])
def test_a_difference_above_the_limit_is_an_error(difference):
    validation = Validation((figures(difference),), figures())
    with pytest.raises(LimitNotMetError, match=r"output y differs by .* the atol of 0.01"):
        check_limits(validation, Limits(atol=0.01))
    with pytest.raises(LimitNotMetError, match=r"output y differs by .* the rtol of 0.005"):
        check_limits(validation, Limits(rtol=0.005))


def test_a_difference_at_the_limit_is_none():
    check_limits(Validation((figures(0.01),), figures()), Limits(atol=0.01, rtol=0.005))


@pytest.mark.parametrize(("correct", "fails"), [(91, False), (90, False), (89, False), (88, True)])
def test_a_drop_above_the_limit_is_an_error(correct, fails):
    validation = Validation((figures(correct=correct),), figures(correct=90))
    if not fails:
        check_limits(validation, Limits(atol=0.01, max_drop=0.01))
        return
    with pytest.raises(LimitNotMetError, match=r"accuracy fell from 0.9000 to 0.8800 on cpu"):
        check_limits(validation, Limits(atol=0.01, max_drop=0.01))


def test_open_axes_take_the_size_of_the_images_or_some_size():
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], "conv"),
        helper.make_node("GlobalAveragePool", ["c"], ["g"]),
        helper.make_node("Flatten", ["g"], ["y"]),
    ]
    weights = {"w": RNG.standard_normal((3, 1, 3, 3)).astype(np.float32)}
    model = decoded(build(nodes, weights, {"x": ["N", 1, "H", "W"]}, {"y": ["N", 3]}))
    images = labelled_images(RNG.random((20, 1, 9, 7)).astype(np.float32), np.arange(20) % 3)
    for options in ({}, {"samples": images}):
        (figures,) = compared(model, model, latency_batch=2, **options).found
        assert figures.differences[0].absolute == 0
