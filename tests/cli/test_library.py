"""The command line offers what the library has: the same choices, the same defaults."""

import typing
from dataclasses import fields

import click
import pytest

from cortado.caffe import CaffeOptions
from cortado.compress.options import CompressOptions, EffortName
from cortado.data.splits import SplitName
from cortado.integer_kernels import Kernel
from cortado.prune import Method, PruneOptions, Scope
from cortado.quantize import Grid, Init, QuantizeOptions
from cortado.repair import RepairOptions
from cortado.retrain.options import BatchNorm, Gradual, Optimizer, Rate, RetrainOptions
from cortado.task.presets import PRESETS
from cortado_cli.main import COMMANDS, cli

CHOICES = {
    "import --phase": typing.get_type_hints(CaffeOptions)["phase"],
    "import --preprocess": typing.Literal[tuple(PRESETS)],
    "import --channel-order": typing.Literal["bgr", "rgb"],
    "import --detections": typing.get_type_hints(CaffeOptions)["detections"],
    "export-caffe --phase": typing.get_type_hints(CaffeOptions)["phase"],
    "export-caffe --detections": typing.get_type_hints(CaffeOptions)["detections"],
    "prune --method": Method,
    "prune --scope": Scope,
    "sensitivity --split": SplitName,
    "sensitivity --method": Method,
    "plan --split": SplitName,
    "retrain --method": Method,
    "retrain --scope": Scope,
    "retrain --optimizer": Optimizer,
    "retrain --rate": Rate,
    "retrain --batchnorm": BatchNorm,
    "quantize --optimizer": Optimizer,
    "quantize --rate": Rate,
    "quantize --batchnorm": BatchNorm,
    "quantize --init": Init,
    "quantize --grid": Grid,
    "evaluate --split": SplitName,
    "emit --kernel": typing.Literal["float32", Kernel],
    "compress --effort": EffortName,
}
OF_THE_COMMAND_LINE = {"retrain --schedule"}
DEFAULTS = [
    ("import", CaffeOptions(), set()),
    ("prune", PruneOptions(), set()),
    ("retrain", RetrainOptions(), set()),
    ("repair", RepairOptions(), set()),
    ("retrain", Gradual(()).prune, {"seed"}),
    ("quantize", QuantizeOptions(), set()),
    ("quantize", RetrainOptions(), {"epochs"}),  # without epochs nothing is trained
    ("compress", CompressOptions(), set()),
]


def parameters(command):
    return {option.name: option for option in cli.get_command(None, command).params}


def test_every_choice_is_that_of_the_library():
    found = {
        f"{command} {max(option.opts, key=len)}": set(option.type.choices)
        for command in COMMANDS
        for option in parameters(command).values()
        if isinstance(option.type, click.Choice)
    }
    assert found.keys() == CHOICES.keys() | OF_THE_COMMAND_LINE
    for name, literal in CHOICES.items():
        assert found[name] == set(typing.get_args(literal)), name


@pytest.mark.parametrize(("command", "options", "others"), DEFAULTS)
def test_every_default_is_that_of_the_library(command, options, others):
    stated = {
        name: option.to_info_dict()["default"] for name, option in parameters(command).items()
    }
    names = {field.name for field in fields(options) if stated.get(field.name) is not None} - others
    assert {name: stated[name] for name in names} == {
        name: getattr(options, name) for name in names
    }
    assert names
