"""Every command that takes ``--data`` takes every form of data, with labels and without."""

import json

import pytest

from cli.every_form import COUNT, LABELLED, UNLABELLED, write_form
from cli.program import cortado, done, refused

COMMANDS = {
    "evaluate": "evaluate {pruned}",
    "sensitivity": "sensitivity {trained} --rates 0.5 --layers fc2",
    "repair": "repair {pruned} --reference {trained}",
    "retrain": "retrain {pruned} --epochs 1 --batch 20 --samples 40",
    "quantize": "quantize {pruned} --bits 3 --epochs 1 --batch 20 --samples 40",
    "emit": "emit {trained} --kernel int8",
    "validate": "validate {pruned} --reference {trained}",
    "inspect": "inspect {trained}",
    "compress": "compress {trained} --no-train --effort quick --max-drop 1 --samples 40 "
    "--treatment prune",
}
"""Name → a command that reads a small net, ``--data`` left out."""

WITH_REFERENCE = {"evaluate": "--reference {trained}", "retrain": "--distill {trained}"}
"""What the commands need that compare with labels, where there are none."""


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    """Give a function that writes a form of data once and returns what ``--data`` says."""
    written = {}

    def write(form):
        if form not in written:
            written[form] = write_form(form, tmp_path_factory.mktemp("form"))
        return written[form]

    return write


@pytest.fixture
def words(trained, pruned):
    """Give a function that returns the words of a command on some data."""

    def typed(command, data, *further):
        text = " ".join((command, *further)).format(trained=trained, pruned=pruned)
        return [*text.split(), "--data", data]

    return typed


@pytest.mark.parametrize("form", LABELLED)
@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_every_form_with_labels(name, form, spec, words):
    assert done(*words(COMMANDS[name], spec(form)), "-q")


@pytest.mark.parametrize("form", UNLABELLED)
@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_every_form_without_labels(name, form, spec, words):
    further = WITH_REFERENCE.get(name, "")
    assert done(*words(COMMANDS[name], spec(form), further), "-q")


@pytest.mark.parametrize("form", UNLABELLED)
@pytest.mark.parametrize("name", WITH_REFERENCE)
def test_without_labels_a_command_names_what_takes_their_place(name, form, spec, words, old):
    where = [] if name == "evaluate" else ["-o", old]
    result = cortado(*words(COMMANDS[name], spec(form)), *where)
    assert refused(result, 2, name, WITH_REFERENCE[name].split()[0])


@pytest.mark.parametrize("form", [form for form in LABELLED if form != "digits"])
def test_the_same_samples_score_the_same_in_every_form(form, spec, words):
    """Forms with a test part of their own have the same one; of the others, all are taken."""
    parted = {"a directory of IDX files", "x_train … y_test of an npz", "a directory a class"}
    parted |= {"an npz named after inputs, in parts", "LMDB", "LevelDB"}
    known = "x_train … y_test of an npz" if form in parted else "x and y of an npz"
    split = "test" if form in parted else "all"
    found, wanted = (
        json.loads(done(*words(COMMANDS["evaluate"], spec(each)), "--split", split, "--json", "-"))
        for each in (form, known)
    )
    assert wanted["samples"] == (15 if form in parted else COUNT)
    for figure in ("samples", "accuracy"):
        assert found[figure] == wanted[figure]
    assert found["loss"] == pytest.approx(wanted["loss"], rel=1e-5)
