"""Which losses train a model: chosen, remembered, or suggested by the targets."""

import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from onnx import helper

from cortado.data import ArraySamples
from cortado.errors import CortadoError, UsageError
from cortado.progress import finish
from cortado.retrain import RetrainOptions, register_loss, retrain
from cortado.retrain import losses as in_torch
from cortado.scoring.losses import measure, parse_loss, registry
from cortado.scoring.losses.terms import find_terms
from nets import build, conv_net, decoded, normal, two_heads, weight
from retrain.sets import dataset, evaluated, task, threefold

RNG = np.random.default_rng(0)
IMAGES = RNG.standard_normal((24, 1, 6, 6)).astype(np.float32)
LEFT, RIGHT = RNG.integers(0, 3, 24), RNG.standard_normal((24, 2)).astype(np.float32)


def two_targets(**changes):
    return threefold(ArraySamples({"x": IMAGES}, {"left": LEFT, "right": RIGHT, **changes}))


def options(*losses, **changes):
    chosen = tuple(map(parse_loss, losses))
    settings = {"epochs": 1, "batch": 8, "optimizer": "sgd", "lr": 0.05, "momentum": 0.0}
    settings |= {"rate": "constant", "device": "cpu", **changes}
    return RetrainOptions(**settings, losses=chosen)


def trained(*losses, data=None, **changes):
    model = two_heads()
    steps = retrain(model, task(model, data or two_targets()), options(*losses, **changes))
    return finish(steps)


def terms_of(*losses, data=None):
    model = two_heads()
    chosen = [parse_loss(text) for text in losses]
    found = find_terms(model, task(model, data or two_targets()), chosen)
    return [(term.scores.output, term.loss, term.weight) for term in found]


@pytest.mark.parametrize(
    ("target", "loss"),
    [
        (LEFT, "cross-entropy"),
        (RNG.integers(0, 2, (24, 3)), "bce"),
        (RNG.random((24, 3)) < 0.5, "bce"),
        (RNG.random((24, 3)), "mse"),
    ],
)
def test_targets_suggest_a_loss(target, loss):
    assert terms_of(data=two_targets(left=target))[0] == ("left", loss, 1.0)


def test_each_output_has_a_loss_of_its_own():
    assert terms_of("right=l1*5") == [("left", "cross-entropy", 1.0), ("right", "l1", 5.0)]
    assert terms_of("left=HingeLoss", "right=l1") == [
        ("left", "HingeLoss", 1.0),
        ("right", "l1", 1.0),
    ]


def test_the_weighted_sum_is_minimized():
    """One epoch of two losses, against the same steps in plain PyTorch."""
    model = two_heads()
    found = trained("left=cross-entropy", "right=l1*3").model
    p = {
        name: torch.tensor(weight(model, name).copy(), requires_grad=True)
        for name in ("left.weight", "right.weight")
    }
    order = np.random.default_rng(0).permutation(24)
    for chosen in order.reshape(3, 8):
        x = torch.tensor(IMAGES[chosen]).flatten(1)
        loss = F.cross_entropy(x @ p["left.weight"].T, torch.tensor(LEFT[chosen]))
        loss = loss + 3 * F.l1_loss(x @ p["right.weight"].T, torch.tensor(RIGHT[chosen]))
        for parameter, gradient in zip(
            p.values(), torch.autograd.grad(loss, list(p.values())), strict=True
        ):
            parameter.data -= 0.05 * gradient
    for name, parameter in p.items():
        expected = parameter.detach().numpy()
        np.testing.assert_allclose(weight(found, name), expected, atol=1e-6)


def test_the_validation_loss_is_the_weighted_sum_of_the_means():
    found = trained("right=l1*3", epochs=1)
    x = IMAGES.reshape(24, -1)
    scores = x @ weight(found.model, "left.weight").T
    logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    errors = abs(x @ weight(found.model, "right.weight").T - RIGHT)
    expected = -logs[np.arange(24), LEFT].mean() + 3 * errors.mean()
    assert found.epochs[0].val.loss == pytest.approx(expected, rel=1e-5)


def test_evaluate_reports_the_loss_that_training_minimizes():
    found = trained(epochs=1)
    scored = evaluated(found.model, two_targets().val)
    assert scored.loss == pytest.approx(found.epochs[0].val.loss, rel=1e-5)
    assert np.isnan(evaluated(found.model, ArraySamples({"x": IMAGES})).loss)


def test_the_losses_are_told_where_there_are_several():
    model = two_heads()
    steps = retrain(model, task(model, two_targets()), options("right=l1*3"))
    messages = [each.message for each in steps if each.stage == "losses"]
    assert messages == ["minimized: cross-entropy of left, 3 × l1 of right"]


def test_an_output_without_targets_is_not_trained():
    data = threefold(ArraySamples({"x": IMAGES}, {"right": RIGHT}))
    found = trained(data=data)
    assert [each.name for each in found.skipped] == ["left"]
    assert np.array_equal(weight(found.model, "left.weight"), weight(two_heads(), "left.weight"))


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        (
            ["mean"],
            r"no loss 'mean'; there are: cross-entropy, bce, .*package.module:callable",
        ),
        (["left="], "there is no loss ''"),
        (["=l1"], "--loss =l1: it is NAME, OUTPUT=NAME or OUTPUT=NAME"),
        (["left=l1*0"], r"--loss left=l1\*0: it is NAME"),
        (["left=l1*much"], r"--loss left=l1\*much: it is NAME"),
        (["middle=l1"], "--loss middle=…: the outputs with targets are: left, right"),
        (["middle=losses:l1"], "--loss middle=…: the outputs that are scored are: left, right"),
        (["left=l1", "left=mse"], "two --loss are for the same output"),
        (["right=cross-entropy"], "the targets of right are float32: cross-entropy needs integer"),
        (["left=ctc"], "the output left has the shape 1×3; ctc needs scores of shape"),
        (["left=mse"], "the output left has the shape 1×3, and mse compares it with targets of 1"),
        (["right=l1", "left=absent_module:f"], "--loss absent_module:f cannot be imported"),
        (["left=math:no_such"], "--loss math:no_such cannot be imported: math has no callable"),
    ],
)
def test_bad_choices_are_one_line(losses, message):
    with pytest.raises((CortadoError, UsageError), match=message) as caught:
        trained(*losses)
    assert "\n" not in str(caught.value)


def test_labels_are_needed_by_losses_and_without_a_teacher():
    data = threefold(ArraySamples({"x": IMAGES}))
    with pytest.raises(UsageError, match=r"no labels to train with: give them, or .*--distill"):
        trained(data=data)
    with pytest.raises(UsageError, match="the data have no labels: --loss needs them"):
        trained("left=mse", data=data)


OWN = {
    "huber": lambda out, wanted: F.huber_loss(out["right"], wanted["right"]),
    "norm": lambda out, wanted: sum(each.square().mean() for each in out.values()),
    "many": lambda out, wanted: (out["right"] - wanted["right"]).square(),
    "nan": lambda out, wanted: (out["right"] * np.nan).sum(),
    "fixed": lambda out, wanted: torch.tensor(1.0),
    "number": lambda out, wanted: 1.0,
    "raising": lambda out, wanted: out["nothing"],
}


@pytest.fixture
def own(monkeypatch):
    """A module of losses of the user's own."""
    module = type(sys)("own_losses")
    vars(module).update(OWN)
    monkeypatch.setitem(sys.modules, "own_losses", module)


@pytest.mark.usefixtures("own")
def test_a_function_of_the_users_own_trains_an_output():
    found = trained("left=cross-entropy", "right=own_losses:huber*2", epochs=4)
    losses = [epoch.val.loss for epoch in found.epochs]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0]
    assert found.skipped == ()


@pytest.mark.usefixtures("own")
def test_a_function_of_all_outputs_stands_in_for_the_defaults_and_needs_no_labels():
    data = threefold(ArraySamples({"x": IMAGES}))
    found = trained("own_losses:norm", data=data, epochs=3)
    for name in ("left.weight", "right.weight"):
        assert abs(weight(found.model, name)).sum() < abs(weight(two_heads(), name)).sum()


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("many", r"returned the shape \[8, 2\], not a tensor of one number"),
        ("nan", "returned NaN or an infinite number"),
        ("fixed", "does not depend on the outputs"),
        ("number", "returned 1.0, not a tensor of one number"),
        ("raising", "raised KeyError: 'nothing'"),
    ],
)
def test_bad_functions_are_one_line(name, message):
    with pytest.raises(CortadoError, match=f"--loss own_losses:{name} {message}") as caught:
        trained(f"right=own_losses:{name}")
    assert "\n" not in str(caught.value)


def test_a_loss_registered_from_outside_has_a_name(monkeypatch):
    monkeypatch.setattr(registry, "_LOSSES", dict(registry._LOSSES))
    monkeypatch.setattr(in_torch, "_LOSSES", dict(in_torch._LOSSES))
    register_loss(
        "three-halves",
        lambda _, scores, targets: (float((abs(scores - targets) ** 1.5).sum()), targets.size),
        lambda _, scores, targets: (scores - targets).abs().pow(1.5).mean(),
    )
    found = trained("right=three-halves", epochs=2)
    assert found.epochs[1].val.loss < found.epochs[0].val.loss
    (term,) = [
        each
        for each in find_terms(
            two_heads(), task(two_heads(), two_targets()), [parse_loss("right=three-halves")]
        )
        if each.loss == "three-halves"
    ]
    assert measure(term, RIGHT + 1, RIGHT) == (pytest.approx(48, rel=1e-5), 48)


def test_images_with_targets_of_places_are_not_shifted():
    model = two_heads()
    bound = task(model, two_targets())
    told = [each.message for each in retrain(model, bound, options(shift=2))]
    assert "images are not shifted: their targets are not one value a sample" in told
    still, shifted = (trained(shift=shift).model for shift in (0, 2))
    assert np.array_equal(weight(still, "left.weight"), weight(shifted, "left.weight"))
    labelled = conv_net()
    one, two = (
        finish(retrain(labelled, task(labelled, dataset()), options(shift=shift))).model
        for shift in (0, 2)
    )
    assert not np.array_equal(weight(one, "fc.weight"), weight(two, "fc.weight"))


def test_embeddings_are_trained_and_not_listed_as_skipped():
    """A Gather is never pruned, but its table learns."""
    nodes = [
        helper.make_node("Gather", ["table", "x"], ["e"], "words"),
        helper.make_node("ReduceMean", ["e"], ["m"], "mean", axes=[1], keepdims=0),
        helper.make_node("MatMul", ["m", "w"], ["y"], "fc"),
    ]
    weights = {"table": normal(RNG, 7, 4), "w": normal(RNG, 4, 3)}
    proto = build(nodes, weights, {"x": ["N", "T"]}, {"y": ["N", 3]})
    proto.graph.input[0].type.tensor_type.elem_type = 7
    model = decoded(proto)
    ids = RNG.integers(0, 7, (24, 5))
    data = threefold(ArraySamples({"x": ids}, {"target": ids[:, 0] % 3}))
    found = finish(retrain(model, task(model, data), options()))
    assert found.skipped == ()
    assert not np.array_equal(weight(found.model, "table"), weights["table"])
