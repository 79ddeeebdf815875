"""The table of what is built in: each line loads, is called by its name, and stands in the help."""

import re

import pytest

from cli.program import done
from cortado.built_in import CODECS, DATA, LOSSES, METRICS, TREATMENTS, load, load_torch, names_of
from cortado.data.forms import all_forms
from cortado.retrain.losses import torch_names
from cortado.scoring.losses import loss_names
from cortado.scoring.metrics import metric_names
from cortado.storage import all_codecs
from cortado.treatments import all_treatments

ALL = (*METRICS, *LOSSES, *TREATMENTS, *CODECS, *DATA)


@pytest.mark.parametrize("entry", ALL, ids=lambda entry: f"{entry.name} {entry.place}")
def test_every_line_stands_for_what_is_called_so(entry):
    found = load(entry)
    assert getattr(found, "name", entry.name) == entry.name


@pytest.mark.parametrize(
    ("entries", "registered"),
    [
        ([entry.written or entry.name for entry in METRICS], metric_names),
        ([entry.name for entry in LOSSES], loss_names),
        ([entry.name for entry in LOSSES], torch_names),
        ([entry.name for entry in TREATMENTS], lambda: [each.name for each in all_treatments()]),
        ([entry.name for entry in CODECS], lambda: [codec.name for codec in all_codecs()]),
        ([entry.name for entry in DATA], lambda: [form.name for form in all_forms()]),
    ],
)
def test_a_registry_has_the_table_in_its_order(entries, registered):
    """Others that tests have registered are left out."""
    assert [name for name in registered() if name in entries] == entries


def test_every_loss_is_a_function_in_pytorch_too():
    assert all(callable(load_torch(entry)) for entry in LOSSES)


@pytest.mark.parametrize(
    ("command", "option", "entries"),
    [
        ("evaluate", "--metric", METRICS),
        ("evaluate", "--data", DATA),
        ("retrain", "--loss", LOSSES),
        ("sensitivity", "--treatment", TREATMENTS),
        ("compress", "--treatment", TREATMENTS),
        ("emit", "--storage", CODECS),
    ],
)
def test_help_lists_all_of_them(command, option, entries):
    text = done(command, "--help").decode()
    start = re.search(rf"^  {option}\b|, {option}\b", text, re.MULTILINE).start()
    end = text.index("\n  -", start + 1)
    words = "".join(text[start:end].split())
    for name in names_of(entries):
        assert "".join(name.split()) in words
