"""Long work as generators."""

import numpy as np
import pytest

from cortado.progress import Progress, finish, show_figure


def work(*, fails=False):
    yield Progress("work", 1, 2)
    if fails:
        raise ValueError("half way")
    yield Progress("work", 2, 2, (("loss", 0.5),), "done")
    return "result"


def test_finish_returns_the_result():
    assert finish(work()) == "result"


def test_finish_passes_errors_on():
    with pytest.raises(ValueError, match="half way"):
        finish(work(fails=True))


def test_stages_are_joined_to_one_stream():
    def both():
        first = yield from work()
        second = yield from work()
        return first + second

    reports = list(both())
    assert [(report.done, report.message) for report in reports] == [(1, ""), (2, "done")] * 2
    assert finish(both()) == "resultresult"


@pytest.mark.parametrize(("value", "text"), [(0.5, "0.5000"), (1e-9, "0.0000"), (np.nan, "-")])
def test_what_was_not_measured_is_shown_as_a_dash(value, text):
    assert show_figure(value) == text
