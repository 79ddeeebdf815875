"""Pages with charts in headless Chromium: wide, narrow, light and dark."""

import html.parser
import json

import pytest

from cortado.compress import CompressOptions, account_for, compress, sweep_beside
from cortado.progress import finish
from cortado.report import Origin, compression_page, sensitivity_page
from cortado.scoring.bind import bind
from cortado.scoring.limit import MetricLimit
from nets import conv_net
from report.tables import deep, long_names
from retrain.sets import dataset
from web.node import need_package, node
from web.test_page import CHROMIUM

WIDTHS = (360, 390, 768, 1280)
LOOKS = [(scheme, width) for scheme in ("light", "dark") for width in WIDTHS]
PAGES = ("compression", "sensitivity", "names")

every_look = pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look[0]}-{look[1]}")
every_page = pytest.mark.parametrize("name", PAGES)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Give the pages of a compression, and of sweeps of many layers and of long names."""
    model = conv_net()
    task = bind(model, dataset())
    options = CompressOptions(max_drop=0.3, effort="quick", batch=16, shift=0, device="cpu")
    compressed = finish(compress(model, task, options))
    curves = finish(sweep_beside(compressed, task, options))
    account = finish(account_for(compressed, curves))
    origin = Origin("cortado compress " + "a-long-name" * 20, "1.0", 0, "images", ("import",))
    made = {
        "compression": compression_page(account, compressed.validation, origin),
        "sensitivity": sensitivity_page(
            deep(), MetricLimit(0.05), "cortado sensitivity " + "long" * 40
        ),
        "names": sensitivity_page(long_names(), MetricLimit(0.05), "cortado sensitivity"),
    }
    folder = tmp_path_factory.mktemp("report")
    for name, page in made.items():
        (folder / f"{name}.html").write_bytes(page)
    return {name: folder / f"{name}.html" for name in made}


@pytest.fixture(scope="module")
def looks(pages):
    if CHROMIUM is None:
        pytest.skip("chromium is absent")
    need_package("playwright-core")
    return {
        (name, look["scheme"], look["width"]): look
        for name, path in pages.items()
        for look in json.loads(node("look_at_page.mjs", CHROMIUM, path))
    }


@every_page
@every_look
def test_it_needs_nothing_else_and_has_no_errors(name, look, looks, pages):
    assert looks[name, *look]["requests"] == [pages[name].as_uri()]
    assert looks[name, *look]["errors"] == []


@every_page
@every_look
def test_it_is_no_wider_than_the_window(name, look, looks):
    assert looks[name, *look]["scrolled"] == look[1]


@every_page
@every_look
def test_texts_of_charts_can_be_read(name, look, looks):
    found = looks[name, *look]
    assert found["least"] >= 11
    assert found["smallest"] >= 14
    assert found["touching"] == []
    assert found["outside"] == []
    assert found["ticks"] >= 8 * len(found["plots"]) >= 8
    assert min(found["plots"]) >= 0.7 * min(look[1], 960)


@every_page
@every_look
def test_everything_stands_out_from_the_paper(name, look, looks):
    """Texts by 4.5 to 1, and lines and bars by 3 to 1: the limits of WCAG 2.2, level AA."""
    found = looks[name, *look]
    least = {"texts": 4.5, "labels": 4.5, "lines": 3}
    for kind, ratio in (least | ({"bars": 3} if name == "compression" else {})).items():
        assert found[kind]
        assert min(contrast(found["paper"], each) for each in found[kind]) >= ratio, kind


def test_the_dark_scheme_is_dark(looks):
    dark, light = (looks["compression", scheme, 390]["paper"] for scheme in ("dark", "light"))
    assert dark < 0.05 < 0.9 < light


def test_it_shows_all_that_it_promises(looks):
    assert looks["compression", "light", 1280]["headings"] == [
        "Four sizes",
        "On test samples",
        "Stages",
        "Layers",
        "Accuracy by fraction of zeros",
        "Accuracy by bits of the shared values",
        "Without figures",
        "To repeat it",
    ]


class Outline(html.parser.HTMLParser):
    """Checks that elements are closed in order, and notes ids, what refers to them, and headers."""

    VOID = ("meta", "br", "hr", "img", "input", "link")

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.references, self.tags = [], [], [], []

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        assert len(found) == len(attributes), f"an attribute of {tag} comes twice"
        self.tags.append((tag, found))
        self.ids += [found["id"]] if "id" in found else []
        self.references += found.get("aria-labelledby", "").split()
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@every_page
def test_the_markup_is_sound(name, pages):
    outline = Outline()
    outline.feed(pages[name].read_text())
    assert outline.open == []
    assert len(set(outline.ids)) == len(outline.ids)
    assert set(outline.references) <= set(outline.ids)
    headers = [found for tag, found in outline.tags if tag == "th"]
    assert {found.get("scope") for found in headers} == {"col", "row"}
    assert ("html", {"lang": "en"}) in outline.tags
    assert any(found.get("name") == "viewport" for tag, found in outline.tags if tag == "meta")
    assert not {"src", "href", "srcset"} & {key for _, found in outline.tags for key in found}
    pictures = [found for tag, found in outline.tags if tag == "svg" and "role" in found]
    assert pictures
    assert all("aria-labelledby" in found for found in pictures)


def contrast(one, other):
    low, high = sorted([one, other])
    return (high + 0.05) / (low + 0.05)
