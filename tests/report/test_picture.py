"""The curves as a picture: of any number of layers, nothing cut off."""

import io
import re
import warnings

import numpy as np
import pytest
from PIL import Image

from cortado.errors import CortadoError
from cortado.report import draw_curves, sensitivity_page
from cortado.scoring.limit import MetricLimit
from report.tables import curve, deep, dense, row, table

FEW = table(curve("a", 0.4), curve("b", 0.1), curve("b", 0.05, rates=(5, 4, 3), treatment="bits"))
ALONE = table([row("a", "prune", 0.9, 0.97, reach=None)])
WITHOUT = table(
    curve("a", 0.4),
    *(
        [row(f"b{n}", "skipped", 0, None, note="it has no " + "float32 weights " * 9)]
        for n in range(9)
    ),
)


def test_where_no_layer_has_figures_the_page_says_why_and_there_is_no_picture():
    nothing = table([row("<a>", "skipped", 0, None, note="it has no float32 weights")])
    page = sensitivity_page(nothing, MetricLimit(0.05), "cortado sensitivity 'a b.onnx'").decode()
    assert '<td class="text">it has no float32 weights</td>' in page
    assert "&lt;a&gt;" in page
    assert "<svg" not in page
    assert "All points" not in page
    with pytest.raises(CortadoError, match="no points that a picture could show"):
        draw_curves(nothing, MetricLimit(0.05))


@pytest.mark.parametrize("name", ["a", "_a"])
def test_layers_are_in_the_legend_whatever_their_names_begin_with(name):
    picture = Image.open(
        io.BytesIO(draw_curves(table(curve(name, 0.1)), MetricLimit(0.05)))
    ).convert("HSV")
    below = np.array(picture)[int(0.95 * picture.height) :]
    assert (below[..., 1] > 100).sum() > 50  # the colour of its line, beside its name


@pytest.mark.parametrize("name", ["$", "$\\bad{$", "a$b$c", "\\$", "层", "\0"])
@pytest.mark.parametrize("others", [0, 12])
def test_names_are_no_formulas_and_need_no_font(name, others, recwarn):
    curves = [curve(layer, 0.1) for layer in (name, *map(str, range(others)))]
    assert draw_curves(table(*curves), MetricLimit(0.05))
    assert not recwarn


def test_the_page_says_what_was_measured_and_on_what():
    told = text_of(table(curve("a", 0.4, lost=1133)))
    assert "The dense model: accuracy 0.9800, loss 0.1000, on 500 validation samples of dig" in told
    assert "1,133" in told
    start = dense(1.0, metric="agreement", against="reference", split="all")
    told = text_of(
        table(curve("a", 0.4, metric="agreement", against="reference", split="all"), start=start)
    )
    assert "The dense model: agreement 1.0000 with itself, loss 0.1000, on 500 samples of" in told


def text_of(found):
    """Return the texts of a page, with single spaces."""
    page = sensitivity_page(found, MetricLimit(0.05), "cortado sensitivity").decode()
    return " ".join(re.sub("<[^>]*>", " ", page).split())


@pytest.mark.parametrize(
    "found", [FEW, ALONE, WITHOUT, deep()], ids=["few", "one point", "without figures", "deep"]
)
def test_nothing_reaches_the_edge_of_a_picture(found):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # as matplotlib gives where a layout has no room
        data = draw_curves(found, MetricLimit(0.05))
    assert data == draw_curves(found, MetricLimit(0.05))
    pixels = np.array(Image.open(io.BytesIO(data)).convert("L"))
    assert min(pixels.shape) > 500
    assert len(np.unique(pixels)) > 50
    edges = (pixels[:3], pixels[-3:], pixels[:, :3], pixels[:, -3:])
    assert all(edge.min() == 255 for edge in edges)
