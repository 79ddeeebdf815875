"""What a plan will lose on other images: drawn data beside the interval that foretold it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortado.plan.choices import Choice
from cortado.plan.forecast import predict_drop, predict_sum

DRAWS = 20_000


def drawn(images, lost, gained, seed=0):
    """Return how many images are lost and gained in each of many sets."""
    rates = [lost / images, gained / images, 1 - (lost + gained) / images]
    return np.random.default_rng(seed).multinomial(images, rates, DRAWS)[:, :2]


def tails(seen, others, images):
    """Return how often other images lose less than the interval says, and how often more."""
    intervals = np.array([predict_drop(int(lost), int(gained), images) for lost, gained in seen])
    drops = (others[:, 0] - others[:, 1]) / images
    slack = 1e-12
    return (drops < intervals[:, 1] - slack).mean(), (drops > intervals[:, 2] + slack).mean()


@pytest.mark.parametrize("images", [200, 6000, 50_000])
@pytest.mark.parametrize(
    ("lost", "gained"), [(0.3, 0), (1, 1), (3, 0), (8, 4), (17, 0), (17, 17), (80, 30)]
)
def test_other_images_lose_more_than_the_interval_once_in_40_times_at_most(images, lost, gained):
    seen, others = (drawn(images, lost, gained, seed) for seed in (0, 1))
    below, above = tails(seen, others, images)
    noise = 3 * math.sqrt(0.025 / DRAWS)
    assert above <= 0.025 + noise
    assert below <= 0.025 + noise


def test_it_is_no_wider_than_it_must_be_above():
    seen, others = (drawn(6000, 60, 0, seed) for seed in (0, 1))
    assert tails(seen, others, 6000)[1] >= 0.015


@pytest.mark.parametrize("regained", [0, 0.4, 0.8, 1])
def test_images_that_a_model_was_trained_on_hide_gains_and_the_interval_holds(regained):
    """Nothing can be gained on images where the dense model is right, but on new ones."""
    seen, others = drawn(6000, 17, 0, 0), drawn(6000, 17, 17 * regained, 1)
    below, above = tails(seen, others, 6000)
    assert below + above <= 0.05


@given(st.integers(0, 500), st.integers(0, 500), st.integers(1000, 10_000))
def test_the_drop_lies_in_its_interval_and_more_images_narrow_it(lost, gained, images):
    drop, low, high = predict_drop(lost, gained, images)
    assert drop == (lost - gained) / images
    assert low < min(drop, 0)
    assert drop < high
    wide, narrow = (
        predict_drop(lost * times, gained * times, images * times)[2] - drop for times in (1, 2)
    )
    assert narrow < wide


def test_where_nothing_changed_the_bound_is_the_rule_of_three_and_a_bit():
    """The score bound of 0 of n is z² / n; the exact one of 97.5 % is 3.69 / n."""
    assert predict_drop(0, 0, 1000)[2] == pytest.approx(3.84e-3, rel=1e-3)


def test_errors_of_layers_on_the_same_images_add_up():
    """The sum of two layers that lose the very same images is as uncertain as twice one."""
    one = Choice("a", 0.5, None, 0.1, 0.0, 1e-6, 10, 10, 5)
    reach = [predict_sum([one] * count)[2] for count in (1, 2)]
    assert reach[1] == pytest.approx(2 * reach[0])
