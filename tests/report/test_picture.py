"""The curves as a picture: of any number of layers, nothing cut off."""

import io
import warnings

import numpy as np
import pytest
from PIL import Image

from cortado.errors import CortadoError
from cortado.report import draw_curves, sensitivity_page
from report.tables import curve, deep, row, table

FEW = table(curve("a", 0.4), curve("b", 0.1), curve("b", 0.05, rates=(5, 4, 3), kind="bits"))
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
    page = sensitivity_page(nothing, 0.05, "cortado sensitivity 'a b.onnx'").decode()
    assert '<td class="text">it has no float32 weights</td>' in page
    assert "&lt;a&gt;" in page
    assert "<svg" not in page
    assert "All points" not in page
    with pytest.raises(CortadoError, match="no points that a picture could show"):
        draw_curves(nothing, 0.05)


@pytest.mark.parametrize("name", ["$", "$\\bad{$", "a$b$c", "\\$", "层", "\0"])
@pytest.mark.parametrize("others", [0, 12])
def test_names_are_no_formulas_and_need_no_font(name, others, recwarn):
    curves = [curve(layer, 0.1) for layer in (name, *map(str, range(others)))]
    assert draw_curves(table(*curves), 0.05)
    assert not recwarn


@pytest.mark.parametrize(
    "found", [FEW, ALONE, WITHOUT, deep()], ids=["few", "one point", "without figures", "deep"]
)
def test_nothing_reaches_the_edge_of_a_picture(found):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # as matplotlib gives where a layout has no room
        data = draw_curves(found, 0.05)
    assert data == draw_curves(found, 0.05)
    pixels = np.array(Image.open(io.BytesIO(data)).convert("L"))
    assert min(pixels.shape) > 500
    assert len(np.unique(pixels)) > 50
    edges = (pixels[:3], pixels[-3:], pixels[:, :3], pixels[:, -3:])
    assert all(edge.min() == 255 for edge in edges)
