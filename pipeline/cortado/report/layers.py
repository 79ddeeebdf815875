"""A picture of one layer, in one model or in several: before and after.

Above, how its non-zero weights are distributed, and the values that they share, if they do; below,
where the weights are, one heat map a model, all on one scale.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from cortado.model.layers.codebook import find_codebook
from cortado.model.layers.prunable import Layer
from cortado.model.shape_text import show_shape
from cortado.model.typing import FloatArray
from cortado.report.heatmap import Heatmap, make_heatmap
from cortado.report.style import HEAT, INK, colour_of, cut, finish, to_png

__all__ = ["LayerView", "draw_layer"]

_BINS = 121
_LONGEST = 80  # characters of what is said of a model, where two stand beside one another
_TITLES = 120  # characters of the titles of all heat maps
_BRIGHTEST = 99.5  # percent of the cells are not brighter than the end of the scale


@dataclass(frozen=True)
class LayerView:
    """A layer in one of the models.

    Attributes
    ----------
    title : str
        The name of the model.
    layer : Layer
        With its weights there.
    image : tuple of int or None
        The shape of the images that enter it, if it is the first.
    note : str
        What else is said of it beside its name.
    """

    title: str
    layer: Layer
    image: tuple[int, ...] | None
    note: str = ""


def draw_layer(views: Sequence[LayerView]) -> bytes:
    """Return a PNG picture of one layer in one or more models.

    Parameters
    ----------
    views : sequence of LayerView
        At least one; the same layer in each model, the first the oldest.
    """
    first = views[0].layer
    figure = Figure(figsize=(11, 7.4), dpi=160, layout="constrained")
    shape = show_shape(first.array.shape)
    figure.suptitle(f"{first.name}  ({first.op_type}, {shape})", x=0.01, ha="left", color=INK)
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=(1, 1.45))[:, 0]
    shared = [view for view in views if find_codebook(view.layer.array) is not None]
    charts = above.subplots(1, 2 if shared else 1, squeeze=False)[0]
    _draw_distribution(charts[0], views)
    handles = charts[0].patches
    labels = [str(handle.get_label()) for handle in handles]
    above.legend(
        *(handles, labels),
        loc="outside upper left",
        ncols=2 if max(map(len, labels)) <= _LONGEST else 1,
        fontsize=9,
        frameon=False,
        labelcolor=INK,
    )
    if shared:
        _draw_values(charts[1], shared[-1], views.index(shared[-1]))
    _draw_heatmaps(below.subplots(1, len(views), squeeze=False)[0], views)
    return to_png(figure)


def _draw_distribution(axes: Axes, views: Sequence[LayerView]) -> None:
    """Draw how the non-zero weights are distributed, an outline a model."""
    samples = [view.layer.array[view.layer.array != 0] for view in views]
    limit = max(float(np.abs(weights).max(initial=0)) for weights in samples) or 1.0
    edges = np.linspace(-limit, limit, _BINS + 1)
    for index, (view, weights) in enumerate(zip(views, samples, strict=True)):
        left = f"{weights.size:,} of {view.layer.array.size:,}"
        counts = np.histogram(weights, edges)[0]
        label = f"{view.title}: {left}" + (f"; {view.note}" if view.note else "")
        axes.stairs(counts, edges, fill=True, color=colour_of(index), alpha=0.75, label=label)
    axes.set_yscale("log")
    axes.set_xlim(-1.04 * limit, 1.04 * limit)
    axes.locator_params(axis="x", nbins=7)
    axes.set_xlabel("value of a weight", fontsize=9, color=INK)
    axes.set_ylabel("weights", fontsize=9, color=INK)
    finish(axes, "weights that are not zero")


def _draw_values(axes: Axes, view: LayerView, index: int) -> None:
    """Draw the values that weights share, and how many share each."""
    weights = view.layer.array
    values, counts = np.unique(weights[weights != 0], return_counts=True)
    axes.vlines(values, 0.5, counts, color=colour_of(index), linewidth=2)
    axes.plot(values, counts, "o", color=colour_of(index), markersize=5)
    axes.set_yscale("log")
    axes.set_ylim(0.5, 2 * float(counts.max()))
    axes.margins(x=0.04)
    axes.set_xlabel("shared value", fontsize=9, color=INK)
    axes.set_ylabel("weights", fontsize=9, color=INK)
    finish(axes, f"{len(values)} shared values in {cut(view.title, _TITLES // 3)}")


def _draw_heatmaps(rows: FloatArray, views: Sequence[LayerView]) -> None:
    """Draw |w| of each model, on the scale of all."""
    maps = [make_heatmap(view.layer, view.image) for view in views]
    cells = np.concatenate([heat.cells[~np.isnan(heat.cells)] for heat in maps])
    brightest = float(np.percentile(cells[cells > 0], _BRIGHTEST)) if cells.any() else 1.0
    norm = Normalize(0, brightest)
    for axes, view, heat in zip(rows, views, maps, strict=True):
        image = _draw_heatmap(axes, heat, norm)
        room = _TITLES // len(views) - len(heat.caption)
        finish(axes, f"{cut(view.title, room)}: {heat.caption}")
        axes.spines[:].set_visible(False)
        axes.set_anchor("NW")
    bar = axes.figure.colorbar(
        image, ax=list(rows), shrink=0.8, extend="max", pad=0.02, panchor=False
    )
    bar.ax.tick_params(colors=INK, labelsize=9)


def _draw_heatmap(axes: Axes, heat: Heatmap, norm: Normalize) -> AxesImage:
    rows, columns = heat.size
    image = axes.imshow(
        heat.cells,
        cmap=HEAT,
        norm=norm,
        interpolation="nearest",
        extent=(0, columns, rows, 0),
        aspect="equal" if heat.square else "auto",
    )
    if heat.down:
        axes.set_ylabel(heat.down, fontsize=9, color=INK)
        axes.set_xlabel(heat.across, fontsize=9, color=INK)
    else:
        axes.set_xticks([])
        axes.set_yticks([])
    return image
