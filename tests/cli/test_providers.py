"""What is said of onnxruntime holds for every session of a command.

Exempt is what must be the same on every machine: that a file loads, and what a coded file holds.
"""

import traceback
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest

from cli.program import cortado, done
from cortado_cli import main

CPU, WARP = "CPUExecutionProvider", "WarpExecutionProvider"
EXEMPT = {"run_constants", "constant_shapes", "check_loads", "emit"}


class Warped:
    """A session that says that it runs on a provider which this machine lacks."""

    def __init__(self, session):
        self.session = session

    def get_providers(self):
        return [WARP]

    def __getattr__(self, name):
        return getattr(self.session, name)


@pytest.fixture
def opened(monkeypatch):
    """What sessions are opened with, but for the exempt: providers, their options and threads."""
    asked, real = [], onnxruntime.InferenceSession

    def note(data, options, providers, **others):
        session = real(data, options, providers=[CPU])
        if EXEMPT & {frame.name for frame in traceback.extract_stack()}:
            return session
        asked.append((providers, options.intra_op_num_threads))
        return session if providers[0][0] == CPU else Warped(session)

    monkeypatch.setattr("onnxruntime.InferenceSession", note)
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: [CPU, WARP])
    return asked


OPTIONS = ["--provider", "warp", "--provider-option", "speed=9", "--threads", "2"]
WARPED = ([(WARP, {"speed": "9"})], 2)


DIGITS = "--data digits"
COMMANDS = [
    f"evaluate {{trained}} {DIGITS} --activity",
    f"evaluate {{pruned}} {DIGITS} --metric agreement --reference {{trained}}",
    f"validate {{trained}} {DIGITS}",
    f"validate {{pruned}} {DIGITS} --reference {{trained}} --time --max-drop 1",
    f"inspect {{trained}} {DIGITS}",
    f"sensitivity {{trained}} {DIGITS} --rates 0.5 -q -o {{out}}",
    f"sensitivity {{trained}} {DIGITS} --treatment prune=0.5,0.9 --adaptive --workers 2"
    " -q -o {out}",
    "sensitivity {trained} --data {images} --rates 0.5 --within 0.1 -q -o {out}",
    f"plan {{table}} --model {{trained}} {DIGITS} --max-drop 0.5 -q -o {{out}}",
    f"repair {{pruned}} --reference {{trained}} {DIGITS} -q -o {{out}}",
    f"emit {{trained}} --kernel int8 {DIGITS} -q -o {{out}}",
    f"retrain {{trained}} {DIGITS} --epochs 1 -q -o {{out}}",
    f"retrain {{pruned}} {DIGITS} --epochs 1 --distill {{trained}} -q -o {{out}}",
    "retrain {pruned} --data {images} --epochs 1 --distill {trained} -q -o {out}",
    f"quantize {{pruned}} --bits 2 {DIGITS} --epochs 1 -q -o {{out}}",
    f"compress {{trained}} --no-train --effort quick --max-drop 0.1 {DIGITS} -q -o {{out}}",
    f"compress {{trained}} --effort quick --max-drop 0.5 {DIGITS} -q -o {{out}} --report {{page}}",
    "compress {trained} --data {images} --effort quick --max-drop 0.5 -q -o {out}",
]
"""Every command that runs a model, with training and without, with labels and without."""


@pytest.fixture
def words(trained, pruned, images, tmp_path, monkeypatch):
    """Give a function that fills a line of `COMMANDS`, and train for a step at a time."""
    from cortado.compress import EFFORTS

    quick = replace(EFFORTS["quick"], failures=1, least_steps=1)
    monkeypatch.setitem(EFFORTS, "quick", quick)
    table = tmp_path / "table.csv"

    def fill(line):
        if "{table}" in line:
            done("sensitivity", trained, *DIGITS.split(), "--rates", "0.5", "-q", "-o", table)
        out, page = tmp_path / "out", tmp_path / "page.html"
        paths = {"trained": trained, "pruned": pruned, "images": images, "table": table}
        return line.format(**paths, out=out, page=page).split()

    return fill


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Give some digits without labels."""
    from cortado.data import open_data
    from cortado.data.samples import IMAGE

    path = tmp_path_factory.mktemp("images") / "images.npy"
    np.save(path, open_data("digits").train.take(np.arange(300)).inputs[IMAGE])
    return path


@pytest.mark.parametrize("line", COMMANDS)
def test_every_session_of_a_command_is_opened_as_its_options_say(line, words, opened):
    typed = words(line)
    opened.clear()
    done(*typed, *OPTIONS)
    assert len(opened) > 0
    assert [asked for asked in opened if asked != WARPED] == []


def test_every_command_that_has_a_provider_is_run_here():
    named = {name for name in main.COMMANDS if has_provider(name)}
    assert {line.partition(" ")[0] for line in COMMANDS} == named


def has_provider(name):
    return "--provider" in cortado(name, "--help").stdout.decode()


@pytest.mark.parametrize("command", ["evaluate", "validate"])
def test_several_providers_are_compared_in_turn(command, trained, opened):
    cortado(command, trained, *DIGITS.split(), "--provider", "warp", "--provider", WARP)
    assert len(opened) >= 2
    assert all(providers == [(WARP, {})] for providers, _ in opened)


def test_a_reference_runs_on_the_first_of_several_providers(trained, pruned, opened):
    """The model itself runs on each of them."""
    several = ["--provider", "cpu", "--provider", "warp", "--threads", "2"]
    done("validate", pruned, "--reference", trained, *several)
    assert sorted(asked[0][0][0] for asked in opened) == [CPU, CPU, WARP]
    assert {threads for _, threads in opened} == {2}
