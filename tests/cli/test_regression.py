"""A net that tells no classes: what counts images that are right refuses it in one line."""

import pytest

from cli.conftest import NET
from cli.program import cortado as run
from cli.program import done, refused

LOSS = """
layer { name: "data" type: "Input" top: "label" input_param { shape { dim: 1 } } }
layer { name: "far" type: "EuclideanLoss" bottom: "one" bottom: "label" top: "far" }
"""


@pytest.fixture(scope="module")
def regression(tmp_path_factory):
    """Give the small net with one score an image, to be as large as the label."""
    head = NET.replace("num_output: 10", "num_output: 1").replace('"fc2"', '"one"')
    body, _, _ = head.rpartition('layer { name: "prob"')
    folder = tmp_path_factory.mktemp("regression")
    (folder / "net.prototxt").write_text(body + LOSS.replace('name: "data"', 'name: "label"'))
    done("import", "--init", folder / "net.prototxt", "-q", "-o", folder / "net.onnx")
    return folder / "net.onnx"


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("validate", ["--reference", "{model}", "--max-drop", "0.1"]),
        ("compress", ["-o", "{out}"]),
        ("compress", ["--no-train", "-o", "{out}"]),
        ("sensitivity", ["-o", "{out}"]),
        ("sensitivity", ["--without-labels", "-o", "{out}"]),
    ],
)
def test_it_is_refused_with_the_layer_that_says_so(command, options, regression, tmp_path):
    out = tmp_path / "out"
    options = [each.format(model=regression, out=out) for each in options]
    result = run(command, regression, "--data", "digits", *options)
    assert refused(result, 1, command, "counts images that are classified right", "'far'")
    assert not out.exists()


def test_outputs_can_be_compared_all_the_same(regression):
    options = ("--reference", regression, "--data", "digits", "--atol", "0")
    done("validate", regression, *options)
