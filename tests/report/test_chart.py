"""Charts as SVG: the points are where they should be, and everything has a name."""

import re
from xml.etree import ElementTree

import pytest

from cortado.report.chart import charts_of
from cortado.report.marked_curves import mark_curves
from cortado.report.scales import level_axis, place, value_axis
from report.tables import curve, deep, dense, row, table


def drawn(found, chosen=1):
    start, curves = mark_curves(found, lambda each: each.rows[chosen])
    charts = charts_of(curves, start)
    return charts, [ElementTree.fromstring(str(chart.figure)) for chart in charts]


def test_points_are_where_their_figures_say():
    found = table(curve("a", 0.4))
    _, (figure,) = drawn(found)
    rows = found.curves[0].rows
    x, y = level_axis(rows), value_axis(rows, dense())
    marks = figure.findall(".//svg[@class='mark']")
    assert len(marks) == len(rows)
    for mark, point in zip(marks, rows, strict=True):
        assert float(mark.get("x")[:-1]) == pytest.approx(100 * x.part(place(point)), abs=0.01)
        height = 100 * (1 - y.part(point.value))
        assert float(mark.get("y")[:-1]) == pytest.approx(height, abs=0.01)
        assert f"{point.value:.4f}" in mark.findtext("title")
    assert [mark.find("circle") is not None for mark in marks] == [False, True, *[False] * 3]


def test_bands_reach_over_the_points_that_have_intervals():
    points = [row("a", "bits", bits, 0.9, reach) for bits, reach in ((5, 0.1), (4, None), (3, 0.1))]
    _, (figure,) = drawn(table(points))
    (band,) = figure.findall(".//polygon")
    assert len(band.get("points").split()) == 4


def test_a_chart_says_what_it_shows():
    charts, figures = drawn(deep())
    assert [c.title for c in charts] == [
        "Accuracy by fraction of zeros",
        "Accuracy by bits of the shared values",
    ]
    marks = set()
    for chart, figure in zip(charts, figures, strict=True):
        svg = figure.find("div/svg")
        title, desc = svg.find("title"), svg.find("desc")
        assert svg.get("aria-labelledby").split() == [title.get("id"), desc.get("id")]
        assert title.text == chart.title
        assert "layer4.2.conv53: 0.8" in desc.text or "layer4.2.conv53: 0.9" in desc.text
        assert desc.text.endswith("46 others are in the table")
        marks |= {title.get("id"), desc.get("id")}
        legend = ["".join(item.itertext()) for item in figure.findall("ul/li")]
        assert legend[-2:] == ["46 that lose less", "dense 0.9800"]
        assert len(legend) == 10
        assert len(chart.sketches) == 54
        assert len(figure.findall(".//polyline")) == 54
    assert len(marks) == 4


def test_names_are_escaped():
    _, (figure,) = drawn(table(curve("<b>&", 0.1)))
    assert figure.findtext("ul/li") is not None
    assert "<b>&: 0.9600 at 0.3" in figure.findtext("div/svg/desc")


def test_ticks_that_have_no_room_on_narrow_charts_are_marked():
    rates = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98)
    _, (figure,) = drawn(table(curve("a", 0.4, rates=rates)))
    texts = [text for text in figure.iter("text") if "mid" in text.get("class", "")]
    wide = [text.text for text in texts if "wide" in text.get("class")]
    assert wide == ["0.5", "0.8"]
    assert not re.search(r"\d\.\d{5}", "".join(figure.itertext()).replace("%", ""))
