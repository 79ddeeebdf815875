"""The best uniform grid, beside every other step that could be tried."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cortado.errors import UsageError
from cortado.integer_kernels import KernelOptions, to_kernel
from cortado.model.layers.grid import find_step, largest_integer
from cortado.model.layers.selector import Assignment
from cortado.quantize import QuantizeOptions, quantize
from cortado.quantize.uniform import uniform_step
from nets import matmul, mlp, weight

UNIFORM = QuantizeOptions(grid="uniform")


def error(values, step, largest):
    return np.square(values - np.clip(np.rint(values / step), -largest, largest) * step).sum()


@given(
    hnp.arrays(
        np.float64, st.integers(1, 30), elements=st.floats(-8, 8).filter(lambda x: abs(x) > 1e-3)
    ),
    st.sampled_from([1, 3, 7]),
)
@settings(deadline=None, max_examples=60)
def test_no_other_step_has_a_smaller_error(values, largest):
    found = error(values, uniform_step(values, largest), largest)
    steps = np.linspace(1e-3, np.abs(values).max(), 2000)
    tried = [error(values, step, largest) for step in steps]
    assert found <= min(tried) + 1e-9


@pytest.mark.parametrize("largest", [1, 7, 127])
def test_many_values_are_grouped_at_little_cost(largest):
    values = np.random.default_rng(0).laplace(size=20_000)
    exact = error(values, uniform_step(values, largest), largest)
    grouped = error(values, uniform_step(values, largest, exact_events=1_000_000), largest)
    assert exact * (1 - 1e-9) <= grouped <= exact * 1.001


@given(
    hnp.arrays(np.float32, (6, 7), elements=st.just(0.0) | st.floats(-4, 4, width=32)),
    st.integers(2, 8),
)
@settings(deadline=None, max_examples=80)
def test_whatever_the_weights_they_end_up_on_the_grid_and_stay_there(weights, bits):
    once = quantize(matmul(weights), [Assignment("*", bits)], UNIFORM).model
    array = weight(once, "w")
    assert not array[weights == 0].any()
    assert find_step(array, largest_integer(bits)) is not None
    again = quantize(once, [Assignment("*", bits)], UNIFORM).model
    np.testing.assert_array_equal(weight(again, "w"), array)


@pytest.mark.parametrize(("bits", "kernel"), [(8, "int8"), (5, "int8"), (4, "int4"), (2, "int4")])
def test_an_integer_kernel_has_nothing_to_round(bits, kernel):
    shared = quantize(mlp(sizes=(70, 50, 10)), [Assignment("*", bits)], UNIFORM).model
    converted = to_kernel(shared, KernelOptions(kernel))
    assert [(x.name, x.each, x.max_error, x.rmse, x.exact) for x in converted.layers] == [
        ("fc1", "layer", 0, 0, True),
        ("fc2", "layer", 0, 0, True),
    ]


def test_one_bit_leaves_nothing_but_zero_and_is_refused():
    message = r"1 bits for fc1: a uniform grid takes 2 to 8 bits"
    with pytest.raises(UsageError, match=message):
        quantize(mlp(), [Assignment("fc1", 1)], UNIFORM)
