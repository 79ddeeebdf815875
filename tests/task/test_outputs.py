"""Which output is scored, and what its numbers are."""

import pytest
from onnx import helper

from cortado.errors import CortadoError, UsageError
from cortado.task.criteria import Criterion
from cortado.task.metadata import write_criteria
from cortado.task.outputs import Scores, activation_of, check_classifying, choose_output
from nets import build, conv_net, decoded, mlp

TWO = {"loss1": 10, "features": 84, "open": None}


def test_the_only_output_is_scored_whatever_its_width():
    assert choose_output({"y": 1000}, 10, None) == "y"
    assert choose_output({"y": None}, 10, None) == "y"


def test_of_several_outputs_the_one_with_a_score_a_class_is_scored():
    assert choose_output(TWO, 10, None) == "loss1"


@pytest.mark.parametrize("widths", [{"a": 10, "b": 10}, {"a": 5, "b": None}])
def test_without_just_one_such_output_the_user_must_choose(widths):
    with pytest.raises(UsageError, match=r"not just one of them has 10 scores: .*--head"):
        choose_output(widths, 10, None)


def test_without_labels_nothing_is_said_of_their_number():
    with pytest.raises(UsageError, match=r"has several outputs: loss1 .*; name one with --head"):
        choose_output(TWO, 0, None)


def test_the_users_choice_wins():
    assert choose_output(TWO, 10, "features") == "features"


def test_a_choice_that_is_no_output_is_refused():
    names = r"loss1 \(10\), features \(84\), open \(\?\)"
    with pytest.raises(UsageError, match=rf"--head h is no output of the model; it has: {names}"):
        choose_output(TWO, 10, "h")


def test_logits_are_their_own():
    assert activation_of(mlp(), "y") == Scores("y", "y", "none", rank=2)


def test_the_logits_of_a_softmax_are_its_input():
    assert activation_of(conv_net(softmax=True), "p") == Scores("p", "y", "softmax", rank=2)


def test_the_logits_of_a_log_softmax_are_its_input():
    node = helper.make_node("LogSoftmax", ["x"], ["y"], axis=1)
    assert activation_of(decoded(build([node])), "y") == Scores("y", "x", "log_softmax", rank=2)


def test_an_inner_value_is_no_output():
    with pytest.raises(CortadoError, match="the model has no output h"):
        activation_of(mlp(), "h")


@pytest.mark.parametrize("passing", ["Identity", "Dropout", "Flatten", "Squeeze"])
def test_what_only_passes_scores_on_is_looked_through(passing):
    nodes = [
        helper.make_node("Softmax", ["x"], ["p"], axis=1),
        helper.make_node(passing, ["p"], ["y"]),
    ]
    assert activation_of(decoded(build(nodes)), "y") == Scores("y", "x", "softmax", rank=2)


def two_heads():
    """Return a net of two outputs, classes a and a regression b."""
    nodes = [helper.make_node("Relu", ["x"], ["a"]), helper.make_node("Neg", ["x"], ["b"])]
    return decoded(build(nodes, outputs={"a": ["N", 4], "b": ["N", 4]}))


@pytest.mark.parametrize("kind", ["ContrastiveLoss", "EuclideanLoss", "SigmoidCrossEntropyLoss"])
def test_a_model_that_tells_no_classes_is_refused_where_right_images_count(kind):
    model = conv_net()
    check_classifying(model, None, "a plan")
    write_criteria(model, [Criterion("h", kind, "y")])
    with pytest.raises(CortadoError, match=rf"^a plan counts .*'h' \({kind}\)"):
        check_classifying(model, None, "a plan")


@pytest.mark.parametrize(("weight", "head"), [(2.0, "b"), (2.0, None), (0.5, "b")])
def test_of_several_heads_the_scored_one_says_so(weight, head):
    model = two_heads()
    losses = [Criterion("l", "SoftmaxWithLoss", "a"), Criterion("r", "EuclideanLoss", "b", weight)]
    write_criteria(model, losses)
    with pytest.raises(CortadoError, match="'r'"):
        check_classifying(model, head, "a plan")


@pytest.mark.parametrize(("weight", "head"), [(2.0, "a"), (0.5, None)])
def test_another_head_than_the_scored_one_may_be_a_regression(weight, head):
    model = two_heads()
    losses = [Criterion("l", "SoftmaxWithLoss", "a"), Criterion("r", "EuclideanLoss", "b", weight)]
    write_criteria(model, losses)
    check_classifying(model, head, "a plan")
