"""Pictures of models, as bytes: the library draws, its caller says where they go.

overview   several models side by side: what is left of each layer, how large each file is
"""

from cortado.report.overview import Portrait, draw_overview

__all__ = ["Portrait", "draw_overview"]
