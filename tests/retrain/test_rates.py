"""The learning rate at each moment."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cortado.retrain.rates import rate_factor


@pytest.mark.parametrize(
    ("rate", "progress", "factor"),
    [
        ("constant", 0, 1),
        ("constant", 1, 1),
        ("step", 0, 1),
        ("step", 0.49, 1),
        ("step", 0.5, 0.1),
        ("step", 0.74, 0.1),
        ("step", 0.75, 0.01),
        ("step", 1, 0.01),
        ("cosine", 0, 1),
        ("cosine", 1 / 3, 0.75),
        ("cosine", 0.5, 0.5),
        ("cosine", 1, 0),
        ("one-cycle", 0, 1 / 25),
        ("one-cycle", 0.15, 0.52),
        ("one-cycle", 0.3, 1),
        ("one-cycle", 0.65, 0.5),
        ("one-cycle", 1, 0),
    ],
)
def test_values(rate, progress, factor):
    assert rate_factor(rate, progress) == pytest.approx(factor, abs=1e-12)


def test_cosine_is_torchs():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=40)
    for step in range(40):
        assert rate_factor("cosine", step / 40) == pytest.approx(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()


@given(st.sampled_from(["constant", "step", "cosine", "one-cycle"]), st.floats(0, 1.5))
def test_no_rate_is_negative_or_above_its_peak(rate, progress):
    assert 0 <= rate_factor(rate, progress) <= 1
