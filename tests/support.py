"""Where the shared test data lies, and how a test says that it needs it."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"

needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason=f"the shared test data is absent: {SHARED}"
)
