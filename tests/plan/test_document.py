"""plan.json: what is in one comes back, and what is wrong with one is told."""

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortado.errors import CortadoError
from cortado.plan import Expectation, LayerPlan, Plan, encode_plan, parse_plan

PLAN = Plan(
    "sha256:a", "magnitude", 0,
    (
        LayerPlan("fc1", (300, 784), {"prune": 0.9, "bits": 4.0}, 0.01, 800.5),
        LayerPlan("fc2", (10, 300), {}, 0.0, 80.0),
    ),
    Expectation("accuracy", "higher", 0.98, 0.001, -0.001, 0.003, 880.5, 0.8, 6000),
)  # fmt: skip
STORED = json.loads(encode_plan(PLAN))
PLACES = [
    *((name,) for name in STORED),
    *(("layers", index) for index in range(2)),
    *(("layers", 0, name) for name in STORED["layers"][0]),
    ("layers", 0, "shape", 1),
    *(("layers", 0, "treatments", name) for name in STORED["layers"][0]["treatments"]),
    *(("expected", name) for name in STORED["expected"]),
]
TREATMENTS = ("layers", 0, "treatments")
numbers = st.integers() | st.floats() | st.sampled_from([10**400, -1, 0, 1, 2, 9, 1.5])
json_values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=3) | st.sampled_from(["fc1", "lamp"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


def refusal(data):
    """Return the line that says why a file is refused."""
    with pytest.raises(CortadoError) as refused:
        parse_plan(data, "plan.json")
    message = str(refused.value)
    assert message.startswith("plan.json")
    assert message.isprintable()
    return message


def changed(place, value):
    """Return the plan's file with another value in one place."""
    stored = copy.deepcopy(STORED)
    inner = stored
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    return json.dumps(stored).encode()


def test_a_plan_comes_back():
    assert parse_plan(encode_plan(PLAN), "plan.json") == PLAN


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (TREATMENTS, {"prune": 1.5}, "layer fc1: treatments: prune is 1.5, and must be a fraction"),
        (TREATMENTS, {"prune": 1}, "layer fc1: treatments: prune is 1, and must be a fraction"),
        (TREATMENTS, {"prune": 0}, "layer fc1: treatments: prune is 0, and must be a fraction"),
        (TREATMENTS, {"prune": -0.1}, "layer fc1: treatments: prune is -0.1"),
        (TREATMENTS, {"prune": float("nan")}, "layer fc1: treatments: prune is NaN"),
        (TREATMENTS, {"prune": "0.5"}, 'layer fc1: treatments: prune is "0.5"'),
        (TREATMENTS, {"prune": True}, "layer fc1: treatments: prune is true"),
        (TREATMENTS, {"bits": 99}, "bits is 99, and must be bits, a whole number from 1 to 8"),
        (TREATMENTS, {"bits": -1}, "layer fc1: treatments: bits is -1"),
        (TREATMENTS, {"bits": None}, "layer fc1: treatments: bits is null"),
        (TREATMENTS, {"bits": 2.5}, "layer fc1: treatments: bits is 2.5"),
        (TREATMENTS, [], "layer fc1: treatments is an empty list, and must be an object"),
        (
            TREATMENTS,
            {"rounding": 4},
            "has 'rounding', which is not one of prune, bits; others are",
        ),
        (("layers", 0, "bytes"), 10**400, "layer fc1: bytes is 1000"),
        (("layers", 0, "shape"), [300, 0], "shape is a list, and must be a list of whole"),
        (("layers", 0, "name"), "", 'layers[0]: name is "", and must be a text'),
        (("layers", 0, "name"), "fc2", "has the layer 'fc2' 2 times"),
        (("layers", 1), None, "layers[1] is null, and must be an object"),
        (("layers", 1, "sparsty"), 0.5, "layer fc2 has 'sparsty', which is no field of it"),
        (("layers",), [], "layers is an empty list, and must be a list that is not empty"),
        (("method",), "foo", 'method is "foo", and must be one of magnitude, random-below'),
        (("seed",), -1, "seed is -1, and must be a whole number from 0 up"),
        (("version",), 0, "version is 0, and must be a whole number from 2 up"),
        (("version",), "3", 'version is "3"'),
        (("version",), 3, "is a plan of version 3, of a newer cortado"),
        (("version",), 1, "is a plan of an earlier cortado, which does not say what its drop is"),
        (("expected",), 3, "expected is 3, and must be an object"),
        (("expected", "drop"), "x", 'expected: drop is "x", and must be null or a finite number'),
        (("expected", "better"), "up", 'better is "up", and must be one of higher, lower'),
        (("expected", "metric"), "", 'expected: metric is "", and must be a text'),
        (("note",), "x", "has 'note', which is no field of it"),
    ],
)
def test_a_wrong_value_is_told_with_its_layer_and_field(place, value, words):
    assert words in refusal(changed(place, value))


@pytest.mark.parametrize("data", [b"[]", b"null", b"3", b'"plan"', b"{}"])
def test_json_of_another_kind_is_no_plan(data):
    assert refusal(data) == "plan.json is no plan: it is no JSON object with a version"


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe\x00", encode_plan(PLAN)[:-20], b'{"version": 1, "version": 1}']
)
def test_what_is_no_json_is_damaged(data):
    assert "plan.json is no plan, or is damaged: " in refusal(data)


def test_a_field_that_is_absent_is_told():
    stored = copy.deepcopy(STORED)
    del stored["layers"][1]["loss"]
    assert refusal(json.dumps(stored).encode()) == "plan.json: layer fc2 lacks loss"


def test_brackets_without_end_are_refused():
    assert "nested too deeply" in refusal(b"[" * 200_000)


@given(st.sampled_from(PLACES), json_values)
@settings(max_examples=400, deadline=None)
def test_any_value_in_any_place_gives_a_plan_or_one_line(place, value):
    data = changed(place, value)
    try:
        plan = parse_plan(data, "plan.json")
    except CortadoError:
        refusal(data)
    else:
        assert parse_plan(encode_plan(plan), "plan.json") == plan


@given(st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=200, deadline=None)
def test_any_file_gives_a_plan_or_one_line(data):
    refusal(data)


@given(st.integers(0, len(encode_plan(PLAN)) - 2))
def test_a_file_that_ends_early_is_refused(end):
    refusal(encode_plan(PLAN)[:end])
