"""What a model is fed without being told is said once, by every command that feeds one."""

import numpy as np
import onnx
import pytest
from onnx import helper

from cli.program import cortado, done
from nets import build, normal

RNG = np.random.default_rng(0)
COUNT = 60
PIXELS = RNG.integers(0, 256, (COUNT, 1, 6, 6)).astype(np.uint8)
LABELS = np.arange(COUNT) % 3

COMMANDS = {
    "evaluate": "{0} {0} --reference {0}",
    "validate": "{0} --reference {0}",
    "inspect": "{0} {0}",
    "repair": "{0} --reference {0} -o {out}",
    "emit": "{0} --kernel int8 -o {out}",
    "compress": "{0} --no-train --effort quick --max-drop 1 --treatment prune -o {out}",
    "retrain": "{0} --epochs 1 --batch 30 -o {out}",
    "quantize": "{0} --bits 2 --epochs 1 --batch 30 -o {out}",
    "sensitivity": "{0} --rates 0.5 -o {out}",
    "plan": "{table} --model {0} --max-drop 1 -o {out}",
}

AS_THEY_ARE = "pixels 0…255 go in as they are"
ZEROS = "the input h0 is not given: a recurrent state by its name and shape, it starts at zero"
ONES = "the input cont is not given: Caffe's continuation indicators by its name and shape, it is"


def write_net(folder, *options):
    """Write a net of images, a state and indicators: y = fc(conv(x)) + h0 · w + mean of cont."""
    weights = {
        "conv.weight": normal(RNG, 4, 1, 3, 3) / np.float32(99),
        "fc.weight": normal(RNG, 64, 3) / np.float32(9),
        "state.weight": normal(RNG, 4, 3),
    }
    nodes = [
        helper.make_node("Conv", ["x", "conv.weight"], ["c"], "conv"),
        helper.make_node("Flatten", ["c"], ["f"], "flatten"),
        helper.make_node("MatMul", ["f", "fc.weight"], ["a"], "fc"),
        helper.make_node("MatMul", ["h0", "state.weight"], ["b"], "state"),
        helper.make_node("Add", ["a", "b"], ["d"], "add"),
        helper.make_node("ReduceMean", ["cont"], ["m"], "mean", keepdims=0),
        helper.make_node("Add", ["d", "m"], ["y"], "sum"),
    ]
    inputs = {"x": ["N", 1, 6, 6], "h0": ["N", 4], "cont": [1, "N"]}
    path = folder / "net.onnx"
    onnx.save(build(nodes, weights, inputs, {"y": ["N", 3]}), path)
    done("import", path, "--channel-order", "rgb", *options, "-o", path)
    return path


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    return write_net(tmp_path_factory.mktemp("net"))


@pytest.fixture(scope="module")
def scaled(tmp_path_factory):
    return write_net(tmp_path_factory.mktemp("scaled"), "--input-scale", "0.004")


@pytest.fixture
def said(tmp_path):
    """Give a function that returns what a command says on standard error, line by line."""

    def lines(command, model, *options, **arrays):
        data, table = tmp_path / "data.npz", tmp_path / "table.csv"
        for path in (table, tmp_path / "out"):
            path.unlink(missing_ok=True)
        np.savez(data, **({"x": PIXELS, "target": LABELS} | arrays))
        if command == "plan":
            done("sensitivity", model, "--rates", "0.5", "--data", data, "-q", "-o", table)
        words = COMMANDS[command].format(model, out=tmp_path / "out", table=table).split()
        found = cortado(command, *words, "--data", data, *options)
        assert found.code == 0, found.stderr
        return found.stderr.splitlines()

    return lines


def count(lines, text):
    return sum(text in line for line in lines)


@pytest.mark.parametrize("command", COMMANDS)
def test_states_that_are_not_given_are_said_once(command, net, said):
    lines = said(command, net)
    assert (count(lines, ZEROS), count(lines, ONES)) == (1, 1)
    assert count(said(command, net, "-q"), "is not given") == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_is_said_of_states_that_are_given(command, net, said):
    given = {"h0": np.zeros((COUNT, 4), np.float32), "cont": np.ones((COUNT, 1), np.float32)}
    assert count(said(command, net, **given), "is not given") == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_pixels_that_go_in_as_they_are_are_said_once(command, net, scaled, said):
    assert count(said(command, net), AS_THEY_ARE) == 1
    assert count(said(command, net, "-q"), AS_THEY_ARE) == 0
    assert count(said(command, scaled), AS_THEY_ARE) == 0
    assert count(said(command, net, x=PIXELS.astype(np.float32)), AS_THEY_ARE) == 0


@pytest.mark.parametrize("option", [["--reference"], ["--time"]])
def test_states_beside_random_inputs_are_said_too(option, net):
    words = [*option, net] if option == ["--reference"] else option
    lines = cortado("validate", net, *words).stderr.splitlines()
    assert (count(lines, ZEROS), count(lines, ONES)) == (1, 1)


def test_a_model_that_is_only_loaded_is_fed_nothing(net):
    assert count(cortado("validate", net).stderr.splitlines(), "is not given") == 0
