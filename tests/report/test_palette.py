"""Colours stand out from the paper, and from one another for readers who see two colours only."""

import itertools

import numpy as np
import pytest

from cortado.report.palette import DARK, LIGHT, MARKS

PALETTES = pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])

SIGHTS = {
    "all": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
"""Linear light as such readers see it: Machado, Oliveira and Fernandes 2009, severity 1."""


def linear(colour):
    """Return the linear light of #rrggbb."""
    values = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """Return the contrast ratio of WCAG 2.2."""
    low, high = sorted(float(linear(each) @ [0.2126, 0.7152, 0.0722]) for each in (one, other))
    return (high + 0.05) / (low + 0.05)


def oklab(light):
    """Return linear light in a space where equal distances look equal (Ottosson 2020)."""
    cones = [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
    axes = [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
    return np.array(axes) @ np.cbrt(np.array(cones) @ light)


def test_black_on_white_has_the_contrast_of_the_standard():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@PALETTES
def test_texts_and_lines_stand_out(palette):
    for text, paper in itertools.product(
        (palette.ink, palette.pale), (palette.paper, palette.card)
    ):
        assert contrast(text, paper) >= 4.5
    for line in palette.lines:
        assert contrast(line, palette.paper) >= 3


@PALETTES
@pytest.mark.parametrize("sight", SIGHTS)
def test_lines_are_told_apart(palette, sight):
    """A distance of 0.1 is five times what is just noticed side by side."""
    seen = [oklab(np.clip(np.array(SIGHTS[sight]) @ linear(line), 0, 1)) for line in palette.lines]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) >= 0.1


def test_each_line_has_a_mark_of_its_own():
    assert len(LIGHT.lines) == len(DARK.lines) == len(MARKS)
    assert len({mark.path for mark in MARKS}) == len({mark.name for mark in MARKS}) == len(MARKS)
