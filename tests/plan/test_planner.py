"""The planner: its choices beside what the passes and the encoder make of them, and its budgets."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import helper

from cortado.emit import emit
from cortado.errors import CortadoError, LimitNotMetError
from cortado.model.hashing import hash_model
from cortado.model.layers.prunable import find_layers
from cortado.model.layers.selector import ALL, Assignment
from cortado.plan import (
    Budget,
    bits_of,
    encode_plan,
    make_plan,
    make_plans,
    parse_plan,
    prune_by_plan,
)
from cortado.plan.choices import chosen_weights, measure_choices
from cortado.progress import finish
from cortado.prune import PruneOptions, prune
from cortado.quantize import quantize
from cortado.scoring.judge import Judge
from cortado.sensitivity import SweepOptions, Table, encode_rows, read_table, sweep
from cortado.stats.paired import binary_variance, paired_drop
from cortado.treatments import Selection, all_treatments
from nets import build, decoded, mlp, normal, two_heads, weight
from scored import made_row, random_images, swept_on

MODEL = mlp(sizes=(60, 40, 10))
SAMPLES = 500
RATES, BITS = (0.3, 0.6, 0.9), (1, 2, 3, 5)


def half_net():
    """Return x · w with w in half precision."""
    nodes = [
        helper.make_node("Cast", ["w"], ["wide"], "cast", to=1),
        helper.make_node("MatMul", ["x", "wide"], ["y"], "product"),
    ]
    weights = {"w": normal(np.random.default_rng(0), 60, 30).astype(np.float16)}
    return decoded(build(nodes, weights, {"x": ["N", 60]}, {"y": ["N", 30]}))


def row(model, layer, treatment, level, lost=0, rise=0.0, method="magnitude"):
    """Return a row of a table, of which the planner reads these figures."""
    drop = lost / SAMPLES
    return made_row(
        layer,
        treatment,
        level,
        method=method if treatment == "prune" else "",
        loss=0.1 + rise,
        dense_loss=0.1,
        drop=drop,
        drop_variance=binary_variance(lost, 0, SAMPLES),
        lost=lost,
        gained=0,
        samples=SAMPLES,
        total=SAMPLES,
        model=hash_model(model),
    )


def table_of(model, rows):
    return Table((row(model, "*", "dense", 0.0), *rows), mended=False)


def swept(model, rates=RATES, bits=BITS, method="magnitude"):
    """Return a table in which everything costs a little, and harsh points more."""
    layers = [layer.name for layer in find_layers(model).prunable]
    rows = [
        row(model, name, "prune", r, int(40 * r), r / 9, method) for name in layers for r in rates
    ]
    rows += [row(model, name, "bits", float(b), 9 - b, 0.1 / b) for name in layers for b in bits]
    return table_of(model, rows)


@pytest.mark.parametrize("method", ["magnitude", "random-below"])
@pytest.mark.parametrize("model", [MODEL, half_net()], ids=["float32", "float16"])
def test_choices_are_what_prune_and_quantize_make(model, method):
    layers = find_layers(model).prunable
    table = swept(model, method=method)
    found = finish(measure_choices(layers, table, all_treatments(), Selection(method)))
    assert [len(choices) for choices in found] == [(1 + len(RATES)) * (1 + len(BITS))] * len(layers)
    for layer, choices in zip(layers, found, strict=True):
        for choice in choices[:: 3 if method == "magnitude" else 7]:
            made = model
            if "prune" in choice.levels:
                sparsity = Assignment(layer.name, choice.levels["prune"])
                made = prune(model, [sparsity], PruneOptions(method)).model
            if "bits" in choice.levels:
                made = quantize(made, [Assignment(layer.name, int(choice.levels["bits"]))]).model
            expected = weight(made, layer.key).astype(np.float32)
            np.testing.assert_array_equal(chosen_weights(layer, choice), expected)
            assert choice.zeros == np.count_nonzero(expected == 0)


@pytest.mark.parametrize("model", [mlp(sizes=(300, 100, 10)), half_net()], ids=["large", "half"])
def test_expected_bytes_are_those_that_emit_stores(model):
    """Layers share codes where that costs less than another decoder, of about 1,000 bytes."""
    plans = finish(make_plans(model, swept(model)))
    for plan in plans[:: max(1, len(plans) // 12)]:
        pruned = prune_by_plan(model, plan).model
        emitted = emit(quantize(pruned, bits_of(plan, model)).model, "coded")
        stored = {tensor.name: tensor.stored_bytes for tensor in emitted.tensors}
        keys = {layer.name: layer.key for layer in find_layers(model).prunable}
        real = sum(stored[keys[layer.name]] for layer in plan.layers)
        assert -10 <= real - plan.expected.bytes <= 1000 * (len(plan.layers) - 1)


def test_plans_of_a_step_are_those_far_enough_apart():
    plans = finish(make_plans(MODEL, swept(MODEL)))
    apart = finish(make_plans(MODEL, swept(MODEL), 0.9))
    assert 2 < len(apart) < len(plans)
    assert apart[0] == plans[0]
    for one, other in itertools.pairwise(apart):
        between = plans[plans.index(one) + 1 : plans.index(other)]
        assert other.expected.bytes <= 0.9 * one.expected.bytes
        assert all(plan.expected.bytes > 0.9 * one.expected.bytes for plan in between)


def test_a_layer_that_was_not_swept_stays_and_counts():
    rows = [row(MODEL, "fc1", "prune", 0.6)]
    plan = finish(make_plan(MODEL, table_of(MODEL, rows), Budget(target_sparsity=0.5)))
    assert [(each.name, each.treatments) for each in plan.layers] == [
        ("fc1", {"prune": 0.6}),
        ("fc2", {}),
    ]
    assert plan.layers[1].bytes == 4 * 400
    zeros = np.count_nonzero(weight(prune_by_plan(MODEL, plan).model, "fc1.weight") == 0)
    assert plan.expected.sparsity == zeros / 2800


def test_a_plan_for_zeros_shares_nothing_though_it_could():
    plan = finish(make_plan(MODEL, swept(MODEL), Budget(target_sparsity=0.5)))
    assert plan.expected.sparsity >= 0.5
    assert all(layer.treatments.keys() <= {"prune"} for layer in plan.layers)


def test_progress_counts_every_choice_and_comes_to_its_end():
    steps = make_plans(MODEL, swept(MODEL))
    seen = [(step.done, step.total) for step in steps]
    assert len(seen) == 2 * (1 + len(RATES)) * (1 + len(BITS))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == seen[-1][1]


points = st.lists(
    st.tuples(
        st.sampled_from(["fc1", "fc2"]),
        st.sampled_from([*(("prune", r) for r in RATES), *(("bits", float(b)) for b in BITS)]),
        st.integers(0, 60),
        st.floats(-0.1, 1),
    ),
    min_size=1,
    max_size=10,
    unique_by=lambda point: point[:2],
)
budgets = st.one_of(
    st.builds(Budget, max_drop=st.floats(0, 0.2)),
    st.builds(Budget, target_bytes=st.floats(300, 12_000)),
    st.builds(Budget, target_sparsity=st.floats(0.01, 0.95)),
)


@given(points, st.data(), budgets)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_more_rows_never_make_a_budget_impossible(every, data, budget):
    few = data.draw(st.lists(st.sampled_from(every), min_size=1, unique_by=lambda p: p[:2]))
    plans = [_try(rows, budget) for rows in (few, every)]
    if plans[0] is not None:
        assert plans[1] is not None
    if plans[0] is not None and budget.max_drop is None:
        assert _reaches(plans[1], budget)


def _try(chosen, budget):
    rows = [row(MODEL, layer, *point, lost, rise) for layer, point, lost, rise in chosen]
    try:
        return finish(make_plan(MODEL, table_of(MODEL, rows), budget))
    except LimitNotMetError:
        return None


def _reaches(plan, budget):
    if budget.target_bytes is not None:
        return plan.expected.bytes <= budget.target_bytes
    return plan.expected.sparsity >= budget.target_sparsity - 1e-12


def test_a_plan_prunes_the_model_that_it_was_made_for_and_no_other():
    plan = finish(make_plan(MODEL, swept(MODEL), Budget(target_sparsity=0.5)))
    other = mlp(seed=1, sizes=(60, 40, 10))
    assert prune_by_plan(MODEL, plan).sparsity == plan.expected.sparsity
    with pytest.raises(CortadoError, match=r"made for other weights: sha256.*sweep and plan this"):
        prune_by_plan(other, plan)
    with pytest.raises(CortadoError, match=r"its fc1 is of shape \[40, 60\], and that of .*30, 60"):
        bits_of(plan, mlp(sizes=(60, 30, 10)))


def test_a_plan_shares_weights_that_were_pruned_by_it():
    plan = finish(make_plan(MODEL, swept(MODEL), Budget(target_bytes=1000)))
    pruned = prune_by_plan(MODEL, plan).model
    shared = quantize(pruned, bits_of(plan, pruned)).model
    for layer in plan.layers:
        values = np.unique(weight(shared, f"{layer.name}.weight"))
        assert np.count_nonzero(values) <= 2 ** layer.treatments["bits"]


def test_names_with_characters_of_selectors_name_one_layer():
    """A plan names layers; it does not select them."""
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("MatMul", ["x", "a*.weight"], ["h"], "first"),
        helper.make_node("MatMul", ["h", "ab.weight"], ["y"], "second"),
    ]
    weights = {"a*.weight": normal(rng, 20, 20), "ab.weight": normal(rng, 20, 20)}
    model = decoded(build(nodes, weights, {"x": ["N", 20]}, {"y": ["N", 20]}))
    names = [layer.name for layer in find_layers(model).prunable]
    rows = [row(model, names[1], "prune", 0.3), row(model, names[0], "prune", 0.6)]
    plan = finish(make_plan(model, table_of(model, rows), Budget(target_sparsity=0.45)))
    pruned = prune_by_plan(model, plan)
    assert [layer.zeros_after for layer in pruned.layers] == [240, 120]


def test_a_point_without_a_finite_loss_is_none_to_plan_with():
    rows = [row(MODEL, "fc1", "prune", 0.3), row(MODEL, "fc1", "prune", 0.6, rise=np.inf)]
    plan = finish(make_plans(MODEL, table_of(MODEL, rows)))[-1]
    assert [layer.treatments for layer in plan.layers] == [{"prune": 0.3}, {}]


cells = st.sampled_from(["", "nan", "inf", "-inf", "-1", "0", "1.5", "9", "x", "1" + "0" * 400])


@given(st.integers(0, 4), st.integers(0, 30), cells)
@settings(max_examples=150, deadline=None)
def test_a_cell_that_someone_edited_gives_a_plan_or_one_line(line, column, text):
    table = swept(MODEL, rates=(0.5,), bits=(2,))
    lines = encode_rows(table.rows, header=True).decode().splitlines()
    cells = lines[1 + line].split(",")
    cells[column] = text
    lines[1 + line] = ",".join(cells)
    try:
        edited = read_table("".join(f"{each}\n" for each in lines).encode(), "sweep.csv")
        plan = finish(make_plan(MODEL, edited, Budget(target_bytes=1e6)))
    except CortadoError:
        return
    assert plan.expected.bytes <= 1e6
    assert parse_plan(encode_plan(plan), "plan.json") == plan


def test_a_table_without_any_layer_of_the_model_is_refused():
    rows = [row(MODEL, "conv9", "prune", 0.5)]
    with pytest.raises(CortadoError, match="no point of any layer"):
        finish(make_plan(MODEL, table_of(MODEL, rows), Budget(max_drop=0.1)))


def test_a_selector_of_all_layers_may_stand_before_a_plan():
    plan = finish(make_plan(MODEL, swept(MODEL, bits=(2,)), Budget(target_bytes=3000)))
    shared = quantize(MODEL, [Assignment(ALL, 4), *bits_of(plan, MODEL)])
    expected = [2 ** layer.treatments.get("bits", 4) for layer in plan.layers]
    assert [layer.values for layer in shared.layers] == expected


def test_a_plan_is_measured_on_what_its_table_is_of():
    model, images = two_heads(), random_images(1, 6, 6, classes=2, count=100)
    left, right = (swept_on(model, images, head=head) for head in ("left", "right"))
    table = finish(sweep(model, left, SweepOptions(treatments={"prune": (0.3, 0.6)})))
    plan = finish(make_plan(model, table, Budget(target_sparsity=0.1), left))
    assert (plan.expected.metric, plan.expected.better) == ("accuracy", "higher")
    top = swept_on(model, images, head="left", metric="top-2")
    unlabelled = swept_on(model, random_images(1, 6, 6, labelled=False), head="left")
    for other, words in [
        (right, "output: left, not right"),
        (top, "metric: accuracy, not top-2"),
        (unlabelled, "metric: accuracy, not agreement"),
    ]:
        with pytest.raises(CortadoError, match=f"the table is of another {words}"):
            finish(make_plan(model, table, Budget(max_drop=0.5), other))


@pytest.mark.parametrize("metric", ["cosine", "mse", "relative-error"])
def test_plans_by_a_metric_that_counts_no_samples_hold_in_its_units(metric):
    model = mlp(sizes=(20, 30, 10))
    swept = swept_on(model, random_images(20, labelled=False), metric=metric)
    table = finish(sweep(model, swept, SweepOptions(treatments={"prune": (0.3, 0.6, 0.9)})))
    judge = Judge(swept.task, swept.samples)
    limit = 3 * max(row.drop for row in table.rows if row.level == 0.3)
    plan = finish(make_plan(model, table, Budget(max_drop=limit), swept))
    found = judge.score(prune_by_plan(model, plan).model)
    drop = paired_drop(found.metric, judge.dense.parts, found.parts)
    expected = plan.expected
    assert expected.value == pytest.approx(found.value)
    assert (expected.drop, expected.drop_high) == pytest.approx((drop.mean, drop.high))
    assert 0 < drop.mean <= drop.high <= limit
    assert parse_plan(encode_plan(plan), "plan.json") == plan


def test_a_layer_that_no_sample_reaches_stays_as_it_is():
    """As it lies in the branch of an If that the data never take, all of it would seem free."""
    first, second = [layer.name for layer in find_layers(MODEL).prunable]
    rows = [replace(row(MODEL, first, "prune", rate), divergence=0.0) for rate in RATES]
    rows += [row(MODEL, second, "prune", rate, int(9 * rate), rate / 9) for rate in RATES]
    table = table_of(MODEL, rows)
    assert table.unreached == [first]
    begun = next(make_plans(MODEL, table))
    assert begun.message.startswith(f"no sample reaches {first}:")
    smallest = finish(make_plans(MODEL, table))[-1]
    levels = {layer.name: dict(layer.treatments) for layer in smallest.layers}
    assert levels[first] == {}
    assert levels[second]
