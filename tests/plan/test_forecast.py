"""What layers lose together."""

import pytest

from cortado.plan.choices import Choice
from cortado.plan.forecast import predict_sum


def test_errors_of_layers_on_the_same_images_add_up():
    """The sum of two layers that lose the very same images is as uncertain as twice one."""
    one = Choice("a", 0.5, None, 0.1, 0.0, 1e-6, 10, 10, 5)
    reach = [predict_sum([one] * count)[2] for count in (1, 2)]
    assert reach[1] == pytest.approx(2 * reach[0])
