"""The page of `cortado compress --report` in headless Chromium: wide, narrow, light and dark."""

import json

import pytest

from cortado.compress import CompressOptions, account_for, compress, sweep_beside
from cortado.report import Origin, compression_page
from cortado.steps import finish
from nets import conv_net
from retrain.sets import dataset
from web.node import need_package, node
from web.test_page import CHROMIUM

LOOKS = [("light", 390), ("light", 1280), ("dark", 390), ("dark", 1280)]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Give the page of a small network that was compressed."""
    data = dataset()
    options = CompressOptions(max_drop=0.3, effort="quick", batch=16, shift=0, device="cpu")
    compressed = finish(compress(conv_net(), data, options))
    curves = finish(sweep_beside(compressed, data, options, None))
    account = finish(account_for(compressed, options, curves))
    origin = Origin("cortado compress " + "a-long-name" * 20, "1.0", 0, "images", ("import",))
    path = tmp_path_factory.mktemp("report") / "page.html"
    path.write_bytes(compression_page(account, compressed.validation, origin))
    return path


@pytest.fixture(scope="module")
def looks(page):
    if CHROMIUM is None:
        pytest.skip("chromium is absent")
    need_package("playwright-core")
    found = json.loads(node("look_at_page.mjs", CHROMIUM, page))
    return {(look["scheme"], look["width"]): look for look in found}


@pytest.mark.parametrize("look", LOOKS)
def test_it_needs_nothing_else_and_has_no_errors(look, looks, page):
    assert looks[look]["requests"] == [page.as_uri()]
    assert looks[look]["errors"] == []


@pytest.mark.parametrize("look", LOOKS)
def test_it_is_no_wider_than_the_window(look, looks):
    assert looks[look]["scrolled"] == look[1]


@pytest.mark.parametrize("look", LOOKS)
def test_everything_stands_out_from_the_paper(look, looks):
    """Texts by 4.5 to 1, and lines and bars by 3 to 1: the limits of WCAG 2.2, level AA."""
    found = looks[look]
    for kind, least in {"texts": 4.5, "labels": 4.5, "lines": 3, "bars": 3}.items():
        assert found[kind]
        assert min(contrast(found["paper"], each) for each in found[kind]) >= least, kind


def test_the_dark_scheme_is_dark(looks):
    assert looks["dark", 390]["paper"] < 0.05 < 0.9 < looks["light", 390]["paper"]


def test_it_shows_all_that_it_promises(looks):
    assert looks["light", 1280]["headings"] == [
        "Four sizes",
        "On test images",
        "Stages",
        "Layers",
        "Accuracy by fraction of zeros",
        "Accuracy by bits of the shared values",
        "To repeat it",
    ]


def contrast(one, other):
    low, high = sorted([one, other])
    return (high + 0.05) / (low + 0.05)
