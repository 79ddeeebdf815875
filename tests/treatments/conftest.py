"""Treatments of a test stay in it."""

import pytest

from cortado.treatments import registry


@pytest.fixture(autouse=True)
def treatments(monkeypatch):
    """Keep what a test registers from the others."""
    monkeypatch.setattr(registry, "_TREATMENTS", dict(registry._TREATMENTS))
    return registry
