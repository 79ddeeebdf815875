"""One picture of several models: layers on the left, weights in the middle, sizes on the right.

It answers three questions: where was the network cut, what do the remaining weights look
like, and what did it bring.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cortado.errors import CortadoError
from cortado.inspect.describe import Description
from cortado.model.layers.prunable import Layer
from cortado.model.typing import FloatArray
from cortado.report.style import INK, colour_of, finish, to_png

__all__ = ["Portrait", "draw_overview"]

_HEIGHT, _CHART = 4.0, 3.2  # inches of the picture without what has no room, and of its charts
_CHARACTERS = 140  # of names beside one another
_LEAST = 0.005  # of the longest bar: the shortest is still seen
_BAR, _BETWEEN = 0.13, 0.1  # inches of a bar, and between layers


@dataclass(frozen=True)
class Portrait:
    """The part of the picture for one model.

    Attributes
    ----------
    title : str
        Its name in the legend.
    description : Description
        Its figures.
    file_bytes : int
        The size of its file.
    layers : tuple of Layer
        Its prunable layers.
    """

    title: str
    description: Description
    file_bytes: int
    layers: tuple[Layer, ...]


def draw_overview(portraits: Sequence[Portrait]) -> bytes:
    """Return a PNG picture of the models, which share their layers' names.

    Parameters
    ----------
    portraits : sequence of Portrait
        At least one; the first is what the others are compared with.
    """
    if not portraits[0].layers:
        raise CortadoError(f"{portraits[0].title} has no float32 layers that a picture could show")
    names = [layer.name for layer in portraits[0].description.layers]
    below = max((_BETWEEN + _BAR * len(portraits)) * len(names) - _CHART, 0)
    figure = Figure(figsize=(11, _HEIGHT + below), dpi=140, layout="constrained")
    heights = (_HEIGHT, below) if below else (_HEIGHT,)
    grid = figure.add_gridspec(len(heights), 3, width_ratios=(1.2, 1.2, 0.9), height_ratios=heights)
    left = figure.add_subplot(grid[:, 0])
    _draw_densities(left, portraits, names)
    _draw_distribution(figure.add_subplot(grid[0, 1]), portraits)
    _draw_sizes(figure.add_subplot(grid[0, 2]), portraits)
    handles = left.patches[:: len(names)]  # a bar of each
    labels = [portrait.title for portrait in portraits]
    figure.legend(
        *(handles, labels),
        loc="outside upper left",
        ncols=max(1, _CHARACTERS // (max(map(len, labels)) + 8)),
        frameon=False,
        labelcolor=INK,
    )
    return to_png(figure)


def _draw_densities(axes: Axes, portraits: Sequence[Portrait], names: Sequence[str]) -> None:
    """Draw the non-zero weights of each layer, a bar a model."""
    height = 0.8 / len(portraits)
    for index, portrait in enumerate(portraits):
        figures = {layer.name: layer for layer in portrait.description.layers}
        counts = [figures[name].nonzero if name in figures else 0 for name in names]
        places = np.arange(len(names)) + (index - (len(portraits) - 1) / 2) * height
        bars = axes.barh(
            places, np.maximum(counts, 1), height, color=colour_of(index), label=portrait.title
        )
        labels = [f"{figures[n].density:.1%}" if n in figures else "" for n in names]
        axes.bar_label(bars, labels, padding=3, fontsize=8, color=INK)
    axes.set_yticks(np.arange(len(names)), names)
    axes.set_ylim(len(names) - 0.45, -0.55)
    axes.set_xscale("log")
    axes.set_xlim(1, 8 * max(layer.array.size for p in portraits for layer in p.layers))
    finish(axes, "weights that are left, by layer")


def _draw_distribution(axes: Axes, portraits: Sequence[Portrait]) -> None:
    """Draw how the non-zero weights of the largest layer are distributed."""
    largest = max(portraits[0].layers, key=lambda layer: layer.array.size)
    samples = [_nonzero(portrait, largest.name) for portrait in portraits]
    limit = max(float(np.abs(weights).max(initial=0)) for weights in samples) or 1.0
    edges = np.linspace(-limit, limit, 121)
    for index, weights in enumerate(samples):
        axes.stairs(
            np.histogram(weights, edges)[0], edges, fill=True, color=colour_of(index), alpha=0.75
        )
    axes.set_yscale("log")
    axes.set_xlabel("value of a weight", fontsize=9, color=INK)
    finish(axes, f"non-zero weights of {largest.name}")


def _draw_sizes(axes: Axes, portraits: Sequence[Portrait]) -> None:
    """Draw the bytes of each file beside the entropy bound of what is in it."""
    bounds = [p.description.total.bound_bytes + p.description.other_bytes for p in portraits]
    places = np.arange(len(portraits))
    colours = [colour_of(index) for index in range(len(portraits))]
    files = [portrait.file_bytes for portrait in portraits]
    longest = max(*files, *bounds)
    least = _LEAST * longest
    upper = axes.barh(places - 0.2, np.maximum(files, least), 0.38, color=colours)
    lower = axes.barh(places + 0.2, np.maximum(bounds, least), 0.38, color=colours)
    for bar in lower:
        bar.set(alpha=0.45, hatch="//")
    for bars, sizes in ((upper, files), (lower, bounds)):
        axes.bar_label(bars, list(map(_kilobytes, sizes)), fontsize=8, padding=3, color=INK)
    ends = np.stack([places - 0.2, places + 0.2], axis=1).ravel()
    axes.set_yticks(ends, ["file", "bound"] * len(portraits))
    axes.set_ylim(len(portraits) - 0.45, -0.55)
    axes.set_xticks([])
    axes.set_xlim(0, 1.3 * longest)
    finish(axes, "bytes of the file, entropy bound")
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _nonzero(portrait: Portrait, name: str) -> FloatArray:
    for layer in portrait.layers:
        if layer.name == name:
            nonzero: FloatArray = layer.array[layer.array != 0]
            return nonzero
    return np.zeros(0, np.float32)


def _kilobytes(size: float) -> str:
    return f"{size / 1000:,.1f} kB" if size < 1e6 else f"{size / 1e6:,.2f} MB"
