"""Losses and metrics are Caffe's, in evaluation and in training.

`losses.npz` holds scores, labels, and the value and gradient that Caffe 1.0 gave for each layer;
`heads.npz` a net with three losses, and its weights after some iterations of Caffe 1.0.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cortado.bridge import from_torch
from cortado.caffe import CaffeOptions, Fillers, import_caffe, read_solver, read_training_net
from cortado.data import labelled_images
from cortado.errors import CortadoError
from cortado.model.onnx_io import serial
from cortado.progress import finish
from cortado.retrain import RetrainOptions, retrain
from cortado.retrain.losses import loss_of
from cortado.retrain.passes import prepare
from cortado.runtime import Runtime
from cortado.scoring.evaluate import evaluate, evaluate_session
from cortado.scoring.formulas import score
from cortado.task.criteria import Criterion
from cortado.task.cut import cut_model
from cortado.task.metadata import read_criteria, write_criteria
from nets import conv_net, two_heads, weight, with_weight
from retrain.sets import dataset, evaluated, task, threefold
from samples import everything

HERE = Path(__file__).parent / "data"
LOSSES = np.load(HERE / "losses.npz")
CASES = json.loads(str(LOSSES["cases"]))
HEADS = np.load(HERE / "heads.npz")


def head_net(layer, width, kind="Input"):
    """Return a prototxt of a layer that scores the output of a fully connected one."""
    return f"""
    layer {{ name: "in" type: "Input" top: "x" top: "label"
             input_param {{ shape {{ dim: 9 dim: 4 }} shape {{ dim: 9 }} }} }}
    layer {{ name: "ip" type: "InnerProduct" bottom: "x" top: "scores"
             inner_product_param {{ num_output: {width} weight_filler {{ type: "xavier" }} }} }}
    {layer}
    """


def criteria_of(layer, width=6):
    return read_criteria(import_caffe(head_net(layer, width), Fillers(0)).model)


def case(name):
    """Return the criterion, scores and labels of a case, and the value that Caffe gave."""
    scores, labels = LOSSES[f"{name}/scores"], LOSSES[f"{name}/labels"]
    (criterion,) = criteria_of(CASES[name]["layer"], scores.shape[1])
    return criterion, scores, labels, CASES[name]["value"]


@pytest.mark.parametrize("name", CASES)
def test_the_measured_value_is_caffes(name):
    criterion, scores, labels, expected = case(name)
    total, divisor = score(criterion, scores, labels)
    if criterion.normalization == "NONE":
        assert divisor == len(labels)
        divisor = 1  # Caffe's figure for this one batch
    assert total / max(divisor, 1) == pytest.approx(expected, rel=2e-6, abs=1e-7)


@pytest.mark.parametrize("name", [name for name in CASES if not name.startswith("accuracy")])
def test_the_trained_loss_and_its_gradient_are_caffes(name):
    criterion, array, labels, expected = case(name)
    scores = torch.tensor(array, requires_grad=True)
    loss = loss_of(criterion, scores, torch.tensor(labels))
    assert loss.item() == pytest.approx(expected, rel=2e-6, abs=1e-7)
    (criterion.weight * loss).backward()
    gradient = LOSSES[f"{name}/gradient"]
    np.testing.assert_allclose(scores.grad, gradient, rtol=1e-5, atol=1e-6)


def test_accuracies_differ():
    values = {CASES[name]["value"] for name in CASES if name.startswith("accuracy")}
    assert len(values) > 2


def three_losses(**options):
    model = import_caffe(str(HEADS["net"]), Fillers(0), CaffeOptions(**options)).model
    for name in HEADS.files:
        if name.startswith("start/"):
            layer, _, index = name.removeprefix("start/").rpartition(".")
            role = ("weight", "bias")[int(index)]
            model = with_weight(model, f"{layer}.{role}", HEADS[name])
    return model


IMAGES = labelled_images(HEADS["x"].reshape(32, 1, 4, 4), HEADS["y"].reshape(32).astype(np.int64))
DATA = threefold(IMAGES)


class InOrder:
    def permutation(self, count):
        return np.arange(count)


def test_several_losses_train_together_as_in_caffe():
    net = read_training_net(str(HEADS["net"]), CaffeOptions(phase="TRAIN"))
    solver = read_solver(json.loads(str(HEADS["solvers"]))["heads"]).solver
    solver = replace(solver, params=net.params)
    model = three_losses()
    options = RetrainOptions(batch=4, iterations=solver.max_iter, device="cpu", solver=solver)
    loop = prepare(model, task(model, DATA), options)
    assert [term.name for term in loop.objective.terms] == ["loss3", "loss1", "loss2"]
    finish(loop.epoch(IMAGES, 0, InOrder()))
    found = from_torch(model, loop.module)
    for name in HEADS.files:
        if name.startswith("heads/"):
            layer, _, index = name.removeprefix("heads/").rpartition(".")
            role = ("weight", "bias")[int(index)]
            if not name.startswith("heads/ip1.1"):
                difference = weight(found, f"{layer}.{role}") - HEADS[f"start/{layer}.{index}"]
                assert np.abs(difference).max() > 0
            np.testing.assert_allclose(weight(found, f"{layer}.{role}"), HEADS[name], atol=1e-6)


def test_each_is_reported_and_the_heaviest_is_the_main_one():
    model = three_losses()
    found = evaluated(model, IMAGES)
    values = {metric.criterion.name: metric.value for metric in found.metrics}
    assert list(values) == ["loss1", "loss2", "loss3", "top2"]
    assert found.loss == values["loss3"]
    assert values["top2"] > found.accuracy > 0
    options = RetrainOptions(epochs=1, batch=8, lr=1e-12, device="cpu")
    retrained = finish(retrain(model, task(model, DATA), options))
    total = 0.3 * values["loss1"] + 0.2 * values["loss2"] + values["loss3"]
    assert retrained.epochs[0].val.loss == pytest.approx(total, rel=1e-4)
    assert retrained.epochs[0].val.value == found.accuracy


def test_one_head_can_be_trained_alone():
    model = three_losses()
    output = next(v.name for v in model.graph.outputs if v.shape[1] == 3)
    loop = prepare(model, task(model, DATA, head=output), RetrainOptions(device="cpu"))
    assert len(loop.objective.terms) == 1


def test_criteria_survive_the_file():
    criteria = (
        Criterion("a", "Accuracy", "y", 0.0, top_k=5, ignore=255),
        Criterion("b", "HingeLoss", "y", 0.5, norm="L2", normalization="BATCH_SIZE"),
        Criterion("c", "ContrastiveLoss", "y", refusal="it compares pairs of images"),
    )
    model = conv_net()
    write_criteria(model, criteria)
    assert read_criteria(serial.decode(serial.encode(model), "the file")) == criteria


@pytest.mark.parametrize(
    "stored",
    [
        '{"version":1,"list":[{"name":"a"}]}',
        '{"version":1,"list":[{"name":"a","kind":"Loss","scores":"y"}]}',
        '{"version":1,"list":[{"name":"a","kind":"Accuracy","scores":3}]}',
        '{"version":1,"list":[{"name":"a","kind":"Accuracy","scores":"y","color":1}]}',
        '{"version":1}',
    ],
)
def test_damaged_criteria_are_one_line(stored):
    model = conv_net()
    model.metadata_props["cortado.criteria"] = stored
    with pytest.raises(CortadoError, match=r"metadata cortado\.criteria is damaged"):
        read_criteria(model)


def validate_alone(model, samples):
    """Measure a model in a session that outputs nothing but what the file does."""
    session = Runtime().open(serial.encode(model))
    bound = task(model, threefold(samples))
    return finish(evaluate_session(model, session, bound, samples))


def test_an_ignored_label_counts_nowhere():
    model, data = conv_net(softmax=True), dataset(40)  # y is no output
    write_criteria(model, [Criterion("loss", "SoftmaxWithLoss", "y", ignore=255)])
    seen = everything(data.train)
    labels = seen.labels.copy()
    labels[::2] = 255
    some = labelled_images(seen.pixels, labels)
    found = evaluated(model, some)
    expected = evaluated(conv_net(), labelled_images(seen.pixels[1::2], labels[1::2]))
    assert (found.samples, found.correct) == (expected.samples, expected.correct)
    assert found.loss == pytest.approx(expected.loss)
    file = validate_alone(model, some)
    assert (file.correct, file.loss) == (found.correct, pytest.approx(found.loss))
    options = RetrainOptions(epochs=1, batch=8, device="cpu")
    trained = finish(retrain(model, task(model, threefold(some)), options))
    assert np.isfinite(trained.epochs[0].train.loss)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            'type: "ContrastiveLoss" bottom: "scores" bottom: "x"',
            r"'h' \(ContrastiveLoss\) cannot be trained: it compares pairs of images",
        ),
        ('type: "InfogainLoss" bottom: "scores" bottom: "label"', "it needs the matrix"),
        ('type: "EuclideanLoss" bottom: "scores" bottom: "x"', "compares 'scores' with 'x', not"),
        ('type: "EuclideanLoss" bottom: "scores" bottom: "label"', "a target for each of 4 scores"),
        (
            'type: "SoftmaxWithLoss" bottom: "scores" bottom: "label" softmax_param { axis: 0 }',
            "its classes are on axis 0",
        ),
    ],
)
def test_what_labels_do_not_say_is_refused(layer, message):
    text = head_net(f'layer {{ name: "h" top: "h" {layer} }}', 4)
    model = import_caffe(text, Fillers(0)).model
    images = labelled_images(np.zeros((20, 4), np.float32), np.arange(20) % 4)
    with pytest.raises(CortadoError, match=message):
        prepare(model, task(model, threefold(images)), RetrainOptions(device="cpu"))


@pytest.mark.parametrize("kind", ["EuclideanLoss", "SigmoidCrossEntropyLoss"])
def test_a_regression_has_no_accuracy(kind):
    layer = f'layer {{ name: "h" type: "{kind}" bottom: "scores" bottom: "label" top: "h" }}'
    model = import_caffe(head_net(layer, 1), Fillers(0)).model
    rng = np.random.default_rng(0)
    images = labelled_images(rng.standard_normal((40, 4)).astype(np.float32), np.arange(40) % 2)
    before = evaluated(model, images)
    assert np.isnan(before.accuracy)
    options = RetrainOptions(epochs=30, batch=10, lr=0.05, device="cpu")
    trained = finish(retrain(model, task(model, threefold(images)), options))
    after = evaluated(trained.model, images)
    assert after.loss < before.loss
    assert trained.epochs[-1].val.loss == pytest.approx(after.loss, rel=1e-5)
    assert trained.metric not in ("accuracy", "agreement")


@pytest.mark.parametrize("kind", ["EuclideanLoss", "SigmoidCrossEntropyLoss"])
def test_targets_that_labels_do_not_give_are_refused_and_nothing_is_invented(kind):
    layer = f'layer {{ name: "h" type: "{kind}" bottom: "scores" bottom: "label" top: "h" }}'
    model = import_caffe(head_net(layer, 4), Fillers(0)).model
    images = labelled_images(np.ones((20, 4), np.float32), np.arange(20) % 4)
    found = evaluated(model, images)
    assert found.metrics == ()
    assert [(each.name, each.refusal) for each in found.refused] == [
        ("h", "it needs a target for each of 4 scores; the data have one label an image")
    ]
    assert np.isnan([found.accuracy, found.loss]).all()
    assert (found.samples, found.correct, found.metric) == (20, None, "relative-error")


def test_what_compares_pairs_has_no_accuracy():
    model, data = conv_net(), dataset(40)
    write_criteria(model, [Criterion("c", "ContrastiveLoss", "y", refusal="it compares pairs")])
    found = evaluated(model, data.train)
    assert [each.refusal for each in found.refused] == ["it compares pairs"]
    assert np.isnan([found.accuracy, found.loss]).all()


def test_only_what_says_more_than_accuracy_and_loss_is_further():
    model, data = conv_net(softmax=True), dataset(40)  # of the scores y, behind them a softmax
    criteria = [
        Criterion("loss", "SoftmaxWithLoss", "y"),
        Criterion("top1", "Accuracy", "y"),
        Criterion("top3", "Accuracy", "y", top_k=3),
        Criterion("some", "Accuracy", "y", ignore=1),
        Criterion("hinge", "HingeLoss", "y", 0.5),
    ]
    write_criteria(model, criteria)
    found = evaluated(model, data.train)
    assert [metric.criterion.name for metric in found.further] == ["top3", "some", "hinge"]


def test_labels_beyond_the_classes_are_refused():
    model, data = conv_net(), dataset(40)
    write_criteria(model, [Criterion("loss", "HingeLoss", "y")])
    seen = everything(data.train)
    images = labelled_images(seen.pixels, seen.labels + 1)
    bound = task(model, threefold(images))
    for run in (evaluate(model, bound, images), retrain(model, bound)):
        with pytest.raises(CortadoError, match="the label 3 lies outside the 3 classes of y"):
            finish(run)


def test_metadata_that_names_no_value_is_refused():
    model = two_heads()
    write_criteria(model, [Criterion("loss", "HingeLoss", "nothing")])
    with pytest.raises(CortadoError, match="has no value 'nothing'"):
        evaluated(model, dataset(4).train)


def test_a_cut_model_keeps_the_criteria_of_what_is_left():
    model = two_heads()
    criteria = [Criterion("a", "HingeLoss", "left"), Criterion("b", "HingeLoss", "right")]
    write_criteria(model, criteria)
    assert read_criteria(cut_model(model, ["left"])) == (criteria[0],)


def test_heads_with_targets_of_their_own_do_not_disturb_the_main_one():
    text = head_net(
        'layer { name: "c" type: "SoftmaxWithLoss" bottom: "scores" bottom: "label" top: "c" }'
        'layer { name: "b" type: "InnerProduct" bottom: "x" top: "box" inner_product_param '
        '{ num_output: 4 weight_filler { type: "xavier" } } }'
        'layer { name: "r" type: "EuclideanLoss" bottom: "box" bottom: "roi" top: "r" }'
        'layer { name: "l" type: "EuclideanLoss" bottom: "box" bottom: "label" top: "l" }',
        3,
    ).replace('top: "label"', 'top: "label" top: "roi"')
    text = text.replace("{ shape { dim: 9 dim: 4 } ", "{ shape { dim: 9 dim: 4 } shape { dim: 9 } ")
    model = import_caffe(text, Fillers(0)).model
    reasons = {each.name: each.refusal for each in read_criteria(model)}
    assert reasons == {"c": "", "r": "it compares 'box' with 'roi', not with the label", "l": ""}
    images = labelled_images(np.zeros((20, 4), np.float32), np.arange(20) % 3)
    found = evaluated(model, images)
    assert [metric.criterion.name for metric in found.metrics] == ["c"]
    assert [each.name for each in found.refused] == ["r", "l"]
    output = next(v.name for v in model.graph.outputs if v.shape[1] == 3)
    prepare(model, task(model, threefold(images), head=output), RetrainOptions(device="cpu"))
