"""``cortado inspect``: a picture of each layer, and the units that are active."""

import io
import json

import pytest
from PIL import Image

from cli.program import cortado, done, refused


def test_a_directory_gets_a_picture_of_each_layer(dense, pruned, tmp_path):
    folder = tmp_path / "plots"
    done("inspect", dense, pruned, "--plot", f"{folder}/", "-q")
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["1-conv1.png", "2-fc1.png", "3-fc2.png"]
    for path in folder.iterdir():
        assert Image.open(io.BytesIO(path.read_bytes())).format == "PNG"


def test_a_directory_that_is_there_gets_them_too(dense, tmp_path):
    done("inspect", dense, "--plot", tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_a_file_gets_all_models_in_one_picture(dense, pruned, tmp_path):
    path = tmp_path / "all.png"
    done("inspect", dense, pruned, "--plot", path)
    assert Image.open(path).size[0] == 1540


def test_active_units_are_counted(dense, pruned):
    options = ["--data", "digits", "--samples", "50"]
    report = json.loads(done("inspect", dense, pruned, *options, "--json", "-"))
    for model in report["models"]:
        assert [layer["name"] for layer in model["activity"]] == ["conv1", "fc1", "fc2"]
        assert [layer["units"] for layer in model["activity"]] == [4, 16, 10]
        for layer in model["activity"]:
            assert layer["active_least"] <= layer["active_mean"] <= layer["active_most"]
    text = done("inspect", dense, *options).decode()
    assert "layer  units  active a sample  least  most  never active" in text
    assert "activity" not in json.loads(done("inspect", dense, "--json", "-"))["models"][0]


def test_tables_are_one_line_apart(sparse):
    text = done("inspect", sparse, "--data", "digits", "--samples", "50").decode()
    starts = [part.split()[0] for part in text.split("\n\n")]
    assert starts == ["layer", "tensor", "layer", "file"]


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ("--samples 9", 2, "--samples needs --data"),
        ("--plot {file}/", 1, "it is a file"),
        ("--plot {file}/x/", 1, "no files in"),
        ("--plot -", 2, "not to standard output"),
    ],
)
def test_what_cannot_be_done_is_refused(options, code, words, dense, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    result = cortado("inspect", dense, *options.format(file=path).split())
    assert refused(result, code, "inspect", words)
    assert path.read_bytes() == b"old"
