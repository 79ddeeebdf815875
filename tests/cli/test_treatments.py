"""A treatment of the user's own, as docs/sensitivity.md has it, through the commands."""

import csv
import json
import re

import numpy as np
import onnx
import pytest

from cli.program import cortado as run
from cli.program import refused, shell, weights
from cortado.treatments import registry
from documented import ROOT

OWN = "--treatment grids:Rounding"
SWEEP = f"--data digits --treatment prune=0.5,0.8 {OWN}=3,4 -q"


@pytest.fixture(scope="module")
def place(tmp_path_factory, trained):
    """Give a directory with the module of the documentation, and a sweep, a plan and its model."""
    directory = tmp_path_factory.mktemp("own")
    text = (ROOT / "docs/sensitivity.md").read_text()
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (directory / "grids.py").write_text(program)
    (directory / "dense.onnx").write_bytes(trained.read_bytes())
    script = f"""
    set -e
    cortado sensitivity dense.onnx {SWEEP} -o sweep.csv --plot sweep.png --report sweep.html
    cortado plan sweep.csv --model dense.onnx {OWN} --target-bytes 2500 -o plan.json
    cortado prune dense.onnx --plan plan.json {OWN} -q -o pruned.onnx
    cortado quantize pruned.onnx --plan plan.json {OWN} -q -o small.onnx
    """
    result = shell(script, directory)
    assert result.code == 0, result.stderr
    (directory / "told").write_text(result.stderr)
    return directory


def planned(place):
    layers = json.loads((place / "plan.json").read_text())["layers"]
    return {layer["name"]: layer["treatments"] for layer in layers}


def is_on_grid(array, level):
    steps = array / (np.abs(array).max() / (2 ** (level - 1) - 1))
    return np.allclose(steps, np.round(steps), atol=1e-4)


def test_it_is_swept_beside_others(place):
    rows = list(csv.DictReader((place / "sweep.csv").open()))
    points = {(row["layer"], row["treatment"], row["level"]) for row in rows[1:]}
    levels = [("prune", "0.5"), ("prune", "0.8"), ("rounding", "3"), ("rounding", "4")]
    assert points == {(layer, *each) for layer in ("conv1", "fc1", "fc2") for each in levels}
    assert all(row["value"] for row in rows)


def test_the_page_the_picture_and_the_tables_show_it(place):
    page = (place / "sweep.html").read_text()
    assert "ccuracy by bits of the grid" in page
    assert "<summary>fc1, bits of the grid</summary>" in page
    assert '<th scope="col">grid</th>' in page
    assert (place / "sweep.png").stat().st_size > 20_000
    told = (place / "told").read_text()
    assert re.search(r"layer +sparsity +bits +grid +loss +bytes", told)


def test_a_plan_names_it_and_prune_and_quantize_carry_it_out(place):
    treatments = planned(place)
    assert any("rounding" in levels for levels in treatments.values())
    dense, pruned, small = (
        weights((place / f"{name}.onnx").read_bytes()) for name in ("dense", "pruned", "small")
    )
    for name, levels in treatments.items():
        zeros = np.mean(pruned[name] == 0)
        assert zeros == pytest.approx(levels.get("prune", 0), abs=0.01)
        assert not small[name][pruned[name] == 0].any()
        if "rounding" in levels:
            assert is_on_grid(small[name], levels["rounding"])
            assert not is_on_grid(dense[name], levels["rounding"])
        else:
            np.testing.assert_array_equal(small[name], pruned[name])


def test_compress_tries_it(place):
    options = f"--treatment prune {OWN} --no-train --effort quick --max-drop 0.1 -q"
    script = f"""cortado compress dense.onnx --data digits {options} \
      -o file.onnx --report page.html --json report.json"""
    result = shell(script, place)
    assert result.code == 0, result.stderr
    report = json.loads((place / "report.json").read_text())
    assert {curve["treatment"] for curve in report["curves"]} == {"prune", "rounding"}
    assert "bits of the grid" in (place / "page.html").read_text()
    assert onnx.load(place / "file.onnx").graph.node
    assert (place / "file.onnx").stat().st_size < (place / "dense.onnx").stat().st_size / 3


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (
            "plan sweep.csv --max-drop 1 --model",
            "treatment is 'rounding', and must be one of",
        ),
        ("prune --plan plan.json", "treatments has 'rounding', which is not one of prune, bits"),
        ("quantize --plan plan.json", "treatments has 'rounding', which is not one of prune, bits"),
    ],
)
def test_files_that_name_it_import_nothing_by_themselves(command, words, place, monkeypatch):
    monkeypatch.chdir(place)
    name, *options = command.split()
    result = run(name, *options, "dense.onnx")
    assert refused(result, 1, name, words, "--treatment package.module:name")


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("sensitivity --data digits --treatment grids:Nothing", 1, "grids has no Nothing"),
        (
            "sensitivity --data digits --treatment absent:X",
            1,
            "cannot be imported: No module",
        ),
        ("sensitivity --data digits --treatment grids:Rounding=99", 2, "rounding 99: it must be"),
        (
            "sensitivity --data digits --treatment grids:np",
            2,
            "is no treatment: it does not",
        ),
        ("prune --sparsity 0.5 --treatment grids:Rounding", 2, "--treatment needs --plan"),
        ("quantize --treatment grids:Rounding", 2, "--treatment needs --plan"),
        ("compress --data digits --treatment prune", 2, "--treatment needs --no-train"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(command, code, words, place, monkeypatch):
    monkeypatch.chdir(place)
    monkeypatch.setattr(registry, "_TREATMENTS", dict(registry._TREATMENTS))
    name, *options = command.split()
    output = ("-o", "new.onnx") if name == "compress" else ()
    assert refused(run(name, "dense.onnx", *options, *output), code, name, words)
