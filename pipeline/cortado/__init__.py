"""cortado makes trained networks small: ARCHITECTURE.md follows one weight through it."""
