"""cortado makes trained networks small: see ARCHITECTURE.md for the way of a weight."""

__version__ = "0.1.0"
