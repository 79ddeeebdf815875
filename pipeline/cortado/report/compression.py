"""The page of a compression: its stages, layers and sizes, what it costs, and how to repeat it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cortado.report.bars import Bar, bar_chart
from cortado.report.chart import Chart, charts_of
from cortado.report.marked_curves import mark_curves, missing_from
from cortado.report.page import render_page
from cortado.scoring.metrics import metric_title
from cortado.sensitivity import Row

if TYPE_CHECKING:  # these import torch, which no page needs
    from cortado.compress import Account
    from cortado.validate import ProviderFigures, Validation

__all__ = ["Origin", "compression_page"]


@dataclass(frozen=True)
class Origin:
    """How to repeat it.

    Attributes
    ----------
    command : str
        The command line.
    version : str
        Of cortado.
    seed : int
        Of everything random.
    data : str
        The images.
    earlier : tuple of str
        What made the model before, as far as it remembers; without the names of files.
    labelled : bool
        Whether the metric compares with labels; if not, with what the dense model gives.
    metric : str
        Its name.
    """

    command: str
    version: str
    seed: int
    data: str
    earlier: tuple[str, ...] = ()
    labelled: bool = True
    metric: str = "accuracy"


@dataclass(frozen=True)
class _Score:
    """A model on the test part; latencies are in milliseconds."""

    name: str
    samples: int
    errors: int | None
    value: float
    low: float
    high: float
    loss: float
    latency: float
    fast: float
    slow: float

    @classmethod
    def of(cls, name: str, figures: "ProviderFigures") -> "_Score":
        score, latency = figures.evaluation, figures.latency
        assert score is not None  # compress measures both
        assert latency is not None
        times = [1e3 * seconds for seconds in (latency.median, latency.low, latency.high)]
        errors = score.errors if score.classified else None
        figures_of = (score.samples, errors, score.value, *score.interval, score.loss)
        return cls(name, *figures_of, *times)


def compression_page(account: "Account", validation: "Validation", origin: Origin) -> bytes:
    """Return an HTML page that shows what a compression did.

    Parameters
    ----------
    account : Account
        Its stages, layers and sizes; with curves, these are drawn.
    validation : Validation
        The file and the dense model on the test images, with latencies.
    origin : Origin
        How to repeat it.
    """
    assert validation.reference is not None  # compress gives the dense model as the reference
    dense, charts = _charts(account)
    content = {
        "account": account,
        "density": account.stages[-1].density,
        "scores": [_Score.of("dense", validation.reference), _Score.of("file", *validation.found)],
        "sizes": bar_chart(_sizes(account)),
        "charts": charts,
        "missing": () if account.curves is None else missing_from(account.curves),
        "dense": dense,
        "origin": origin,
        "measure": metric_title(origin.metric),
    }
    return render_page("compression", content)


def _charts(account: "Account") -> tuple[Row | None, list[Chart]]:
    if account.curves is None or not account.curves.curves:
        return None, []
    dense, curves = mark_curves(account.curves, account.reached)
    return dense, charts_of(curves, dense)


def _sizes(account: "Account") -> list[Bar]:
    sizes = (
        ("dense", account.dense_bytes),
        ("in memory", account.dense_bytes),
        ("file", account.file_bytes),
        ("entropy bound", account.bound_bytes),
    )
    return [Bar(name, size, f"{size:,.0f} bytes") for name, size in sizes]
