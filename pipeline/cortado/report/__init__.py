"""Pictures and pages, as bytes: the library draws, its caller says where they go.

overview       several models side by side: what is left of each layer, how large each file is
layers         one layer: its distribution, its shared values, where its weights are
heatmap        |w| as a raster that fits into a picture
sensitivity    the sensitivity of each layer: a page
picture        the same as a picture
compression    what a compression did: a page
marked_curves  the curves of a sweep, their chosen points and colours
scales         their axes
chart, bars    lines as SVG and bars, for pages
page           one HTML file that needs nothing else, from a template
style          what all pictures have in common
palette        the colours of pictures and pages
"""

from cortado.report.compression import Origin, compression_page
from cortado.report.heatmap import image_of
from cortado.report.layers import LayerView, draw_layer
from cortado.report.overview import Portrait, draw_overview
from cortado.report.picture import draw_curves
from cortado.report.sensitivity import sensitivity_page

__all__ = [
    "LayerView",
    "Origin",
    "Portrait",
    "compression_page",
    "draw_curves",
    "draw_layer",
    "draw_overview",
    "image_of",
    "sensitivity_page",
]
