"""Treatments by name, by registration and by ``package.module:name``."""

import sys

import pytest

from cortado.errors import CortadoError, UsageError
from cortado.treatments import Treatment, all_treatments, make_treatment, register, treatment_named
from treatments.outside import Rounding

MODULE = """
from cortado.treatments import Look, Treatment

class Own(Treatment):
    name, levels, look = "own", (1, 2), Look(axis="steps", column="steps")
    def requirement(self, level): return "" if level > 0 else "above 0"
    def apply(self, layer, weights, level, selection): return weights

class Nameless(Own): name = 7
class Invisible(Own): look = None
class Level(Own): levels = (1, -1)
class Bare(Own): levels = ()
class Dense(Own): name = "dense"
class Abstract(Treatment): pass
class Strange: pass
ready = Own()
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module of treatments to the working directory; return its name."""
    name = "my_treatments_of_this_test"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield name
    sys.modules.pop(name, None)


@pytest.mark.parametrize("name", ["Own", "ready"])
def test_a_class_or_an_object_of_a_module_is_known_by_its_own_name(name, module):
    made = make_treatment(f"{module}:{name}")
    assert treatment_named("own") is made
    assert [each.name for each in all_treatments()] == ["prune", "bits", "own"]


def test_one_that_is_registered_takes_the_place_of_its_name():
    first, second = Rounding(), Rounding()
    register(first)
    register(second)
    assert make_treatment("rounding") is second


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("Absent", CortadoError, "cannot be imported: my_treatments_of_this_test has no Absent"),
        ("Abstract", CortadoError, "raised TypeError: Can't instantiate abstract class Abstract"),
        ("Strange", UsageError, "is no treatment: it does not derive from cortado's Treatment"),
        ("Nameless", UsageError, "its name is no text"),
        ("Invisible", UsageError, "its look is no Look"),
        ("Bare", UsageError, "it has no levels"),
        ("Level", UsageError, "own -1: it must be above 0"),
        ("Dense", UsageError, "a treatment cannot have the name 'dense'"),
    ],
)
def test_what_is_no_treatment_is_refused_in_one_line(name, error, words, module):
    with pytest.raises(error, match=words):
        make_treatment(f"{module}:{name}")
    assert [each.name for each in all_treatments()] == ["prune", "bits"]


def test_an_unknown_name_lists_those_that_there_are():
    words = "no treatment 'prun'; there are: prune, bits, and package.module:name"
    with pytest.raises(UsageError, match=words):
        treatment_named("prun")


def test_every_treatment_of_the_package_derives_from_one_class():
    assert all(isinstance(each, Treatment) for each in all_treatments())
