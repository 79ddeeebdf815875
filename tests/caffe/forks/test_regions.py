"""ROIPooling against its rules, to the bit, on regions of every kind."""

from math import ceil, floor

import numpy as np
import pytest

from caffe.running import NO_WEIGHTS, run
from cortado.caffe import Fillers, import_caffe
from cortado.errors import CortadoError

F = np.float32


def net(images, regions, pooled, scale):
    shapes = " ".join(
        f"shape {{ {' '.join(f'dim: {size}' for size in shape)} }}" for shape in (images, regions)
    )
    return (
        f'layer {{ name: "d" type: "Input" top: "x" top: "rois" input_param {{ {shapes} }} }}'
        'layer { name: "l" type: "ROIPooling" bottom: "x" bottom: "rois" top: "l" '
        f"roi_pooling_param {{ pooled_h: {pooled[0]} pooled_w: {pooled[1]} "
        f"spatial_scale: {scale} }} }}"
    )


def rounded(number):
    """Round as C does: halves away from zero."""
    return int(np.floor(abs(number) + F(0.5)) * np.sign(number))


def pooled_regions(x, rois, pooled, scale):
    result = np.zeros((len(rois), x.shape[1], *pooled), F)
    for r, (image, *corners) in enumerate(rois):
        x1, y1, x2, y2 = (rounded(F(side) * F(scale)) for side in corners)
        bins = [
            F(max(end - start + 1, 1)) / F(count)
            for start, end, count in ((y1, y2, pooled[0]), (x1, x2, pooled[1]))
        ]
        for place in np.ndindex(*pooled):
            window = tuple(
                slice(
                    *(
                        min(max(edge + start, 0), size)
                        for edge in (floor(F(i) * bin), ceil(F(i + 1) * bin))
                    )
                )
                for i, bin, start, size in zip(place, bins, (y1, x1), x.shape[2:], strict=True)
            )
            part = x[int(image)][:, *window]
            if part.size:
                result[r][:, *place] = part.max(axis=(1, 2))
    return result


@pytest.mark.parametrize(("pooled", "scale"), [((3, 3), 1), ((7, 6), 0.0625), ((2, 5), 0.5)])
def test_roi_pooling(pooled, scale):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 3, 12, 17)).astype(F)
    # quarters, so that many corners are halves once they are scaled
    corners = rng.integers(-30, 90, (200, 4)) / 4 / (scale if scale < 0.1 else 1)
    corners[:150] = np.sort(corners[:150].reshape(-1, 2, 2), axis=1).reshape(-1, 4)  # the right way
    rois = np.column_stack([rng.integers(0, 2, 200), corners]).astype(F)
    model = import_caffe(net(x.shape, rois.shape, pooled, scale), NO_WEIGHTS).model
    result = run(model, x=x, rois=rois)["l"]
    np.testing.assert_array_equal(result, pooled_regions(x, rois, pooled, scale))


@pytest.mark.parametrize(
    ("regions", "pooled", "reason"),
    [
        ((9, 4), (2, 2), r"its bottoms have the shapes \[2, 3, 8, 8\] and \[9, 4\], not"),
        ((9, 5), (0, 2), "pooled_h must be an integer of at least 1"),
    ],
)
def test_refusals(regions, pooled, reason):
    with pytest.raises(CortadoError, match=reason):
        import_caffe(net((2, 3, 8, 8), regions, pooled, 1), Fillers(0))
