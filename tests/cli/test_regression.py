"""A net that tells no classes is measured by how far its outputs are from the targets."""

import pytest

from cli.conftest import NET
from cli.program import cortado as run
from cli.program import done, refused
from cortado.sensitivity import read_table

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


def test_it_is_measured_by_its_squared_error(regression):
    """And not by labels that are right: it tells no classes."""
    told = done("evaluate", regression, "--data", "digits").decode()
    assert " samples: MSE " in told


@pytest.mark.parametrize(
    ("command", "metric"),
    [("evaluate", "accuracy"), ("compress", "accuracy"), ("sensitivity", "agreement")],
)
def test_a_metric_that_counts_right_answers_is_refused(command, metric, regression, tmp_path):
    out = () if command == "evaluate" else ("-o", tmp_path / "out")
    result = run(command, regression, "--data", "digits", "--metric", metric, *out)
    assert refused(result, 1, command, f"the metric {metric} counts", "'far' (EuclideanLoss)")
    assert not (tmp_path / "out").exists()


def test_a_limit_has_to_be_said_in_the_units_of_the_metric(regression, tmp_path):
    result = run("compress", regression, "--data", "digits", "-o", tmp_path / "out")
    assert refused(result, 2, "compress", "mse has no usual limit", "--max-drop")
    assert not (tmp_path / "out").exists()


def test_a_sweep_says_how_far_the_outputs_move(regression, tmp_path):
    out = tmp_path / "table.csv"
    options = ("--without-labels", "--rates", "0.5", "-q", "-o", out)
    done("sensitivity", regression, "--data", "digits", *options)
    dense, *points = read_table(out.read_bytes(), "the table").rows
    assert (dense.metric, dense.better, dense.value) == ("relative-error", "lower", 0)
    assert min(point.drop for point in points) > 0


def test_points_are_marked_by_a_limit_in_the_units_of_the_metric(regression, tmp_path):
    options = ("--without-labels", "--rates", "0.5", "--layers", "one")
    pages = [tmp_path / "without.html", tmp_path / "with.html"]
    told = run("sensitivity", regression, "--data", "digits", *options, "--report", pages[0])
    assert "within" not in told.stderr
    limit = ("--max-drop", "3", "--report", pages[1])
    told = run("sensitivity", regression, "--data", "digits", *options, *limit)
    assert "within 3" in told.stderr
    assert [b"A ring marks" in page.read_bytes() for page in pages] == [False, True]


def test_outputs_can_be_compared_all_the_same(regression):
    options = ("--reference", regression, "--data", "digits", "--atol", "0")
    done("validate", regression, *options)
