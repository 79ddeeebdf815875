"""Images, a batch at a time."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cortado.data import Feed, feed_batches, labelled_images
from cortado.data.adapters import InputAdapter
from cortado.task.transform import InputTransform


@given(st.integers(1, 20), st.integers(1, 9), st.booleans())
def test_every_image_comes_once_in_order_and_the_first_fill_up(count, size, is_fixed):
    pixels = np.arange(count, dtype=np.float32)[:, None]
    samples = labelled_images(pixels, np.arange(count) + 100)
    shape = (size if is_fixed else None, 1)
    transform = InputTransform(scale=2.0)
    feed = Feed((InputAdapter("x", shape, np.dtype(np.float32), transform),))
    found = list(feed_batches(feed, samples, 7 if is_fixed else size))
    together = np.concatenate([fed.inputs["x"] for fed in found])
    np.testing.assert_array_equal(together[:, 0], 2 * (np.arange(len(together)) % count))
    assert len(together) == (size * len(found) if is_fixed else count)
    assert np.concatenate([fed.indices for fed in found]).tolist() == list(range(count))
    labels = np.concatenate([fed.labels for fed in found])
    assert labels.tolist() == samples.labels.tolist()
    assert [len(fed.labels) for fed in found[:-1]] == [size] * (len(found) - 1)
