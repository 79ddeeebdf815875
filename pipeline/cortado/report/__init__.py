"""Pictures and pages, as bytes: the library draws, its caller says where they go.

overview     several models side by side: what is left of each layer, how large each file is
sensitivity  what each layer alone can lose: a picture, a page
chart        lines as SVG, for pages
page         one HTML file that needs nothing else, from a template
"""

from cortado.report.overview import Portrait, draw_overview
from cortado.report.sensitivity import draw_curves, sensitivity_page

__all__ = ["Portrait", "draw_curves", "draw_overview", "sensitivity_page"]
