"""The recipes of models/ run to their end, shortened, from another directory."""

import os
import shlex
import sys

import pytest

from cli.program import shell
from documented import ROOT

# A recipe, how it is shortened, and the first column of its table.
RECIPES = [
    (
        "lenet300100/thresholds.sh",
        {"EPOCHS": "1", "PERCENTS": "90"},
        ["dense", "90-global", "90-layer"],
    ),
    ("mlp/recipe.sh", {"EPOCHS": "1", "ROUNDS": "1"}, ["dense", "round-1"]),
    (
        "lenet5/rounds.sh",
        {"EPOCHS": "1", "ROUNDS": "1", "RETRAIN": "1"},
        ["dense", "round-1"],
    ),
    (
        "fashion-cnn/recipe.sh",
        {"EPOCHS": "1", "RETRAIN": "1"},
        ["dense", "pruned", "retrained", "shared", "small"],
    ),
]


@pytest.mark.parametrize(("recipe", "shortened", "models"), RECIPES, ids=[r for r, *_ in RECIPES])
def test_a_recipe_prints_its_table(recipe, shortened, models, tmp_path):
    program = tmp_path / "bin" / "cortado"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m cortado_cli "$@"\n')
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    command = f"sh {shlex.quote(str(ROOT / 'models' / recipe))} digits 'the results'"
    result = shell(command, tmp_path, PATH=path, **shortened)
    assert result.code == 0, result.stderr
    *_, last = result.stdout.decode().partition("model  ")
    _, *rows, images = last.splitlines()
    assert [row.split(".onnx")[0] for row in rows] == [f"the results/{name}" for name in models]
    assert images == "359 samples of the test split"
