"""What is said of onnxruntime holds for every session of a command.

Exempt is what must be the same on every machine: that a file loads, and what a coded file holds.
"""

import traceback

import onnxruntime
import pytest

from cli.program import cortado, done

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


@pytest.mark.parametrize(
    "command",
    [
        "evaluate {trained} --activity",
        "validate {trained}",
        "inspect {trained}",
        "sensitivity {trained} --rates 0.5 -q -o {out}",
        "repair {pruned} --reference {trained} -q -o {out}",
        "emit {trained} --kernel int8 -q -o {out}",
        "retrain {trained} --epochs 1 -q -o {out}",
        "compress {trained} --no-train --effort quick --max-drop 0.1 -q -o {out}",
    ],
)
def test_every_session_of_a_command_is_opened_as_its_options_say(
    command, trained, pruned, tmp_path, opened
):
    name, *arguments = command.format(trained=trained, pruned=pruned, out=tmp_path / "o").split()
    done(name, *arguments, "--data", "digits", *OPTIONS)
    assert len(opened) > 0
    assert [asked for asked in opened if asked != WARPED] == []


def test_plans_are_measured_as_the_options_say(trained, tmp_path, opened):
    table, out = tmp_path / "table.csv", tmp_path / "plan.json"
    done("sensitivity", trained, "--data", "digits", "--rates", "0.5", "-q", "-o", table)
    opened.clear()
    options = ["--model", trained, "--data", "digits", "--max-drop", "0.5", "-q", "-o", out]
    done("plan", table, *options, *OPTIONS)
    assert len(opened) > 0
    assert [asked for asked in opened if asked != WARPED] == []


def test_several_providers_are_compared_in_turn(trained, opened):
    cortado("evaluate", trained, "--data", "digits", "--provider", "warp", "--provider", WARP)
    assert len(opened) >= 2
    assert all(providers == [(WARP, {})] for providers, _ in opened)
