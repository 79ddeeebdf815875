"""What a model remembers of its making: the options that decided, and no places."""

import json

import click
import onnx

from cli.program import done
from cortado_cli.main import COMMANDS, cli

TRANSFORM = 'layer { name: "d" type: "Data" top: "d" transform_param { scale: 0.5 } }'


def history(data):
    properties = {p.key: p.value for p in onnx.load_from_string(data).metadata_props}
    return json.loads(properties["cortado.history"])["steps"]


def test_options_are_remembered_as_they_were_given(net):
    data = done(
        *["import", net, "--init", "--input-shape", "data=1,1,28,28", "--input-shape", "1,1,28,28"],
        *["--input-mean", "33.5", "--input-scale", "0.00390625", "--seed", "7"],
    )
    line = "import --init --input-shape data=1,1,28,28 --input-shape 1,1,28,28"
    assert history(data) == [f"{line} --input-scale 0.00390625 --input-mean 33.5 --seed 7"]


def test_numbers_are_remembered_to_the_last_digit(dense):
    data = done("prune", dense, "--sparsity", "0.123456789", "--sparsity", "fc*=0.50", "-q")
    assert history(data)[-1] == "prune --sparsity 0.123456789 --sparsity 'fc*=0.5'"


def test_only_of_paths_the_last_part_is_remembered(net, tmp_path):
    deploy, training = tmp_path / "deploy.prototxt", tmp_path / "train val.prototxt"
    deploy.write_text(net.read_text().replace('"prob"', '"/fc/prob"'))
    training.write_text(TRANSFORM)
    teacher = tmp_path / "teacher.onnx"
    done("import", "--init", deploy, "--transform-from", training, "-o", teacher)
    data = teacher.read_bytes()
    assert history(data) == ["import --init --transform-from 'train val.prototxt'"]
    options = ["--data", "digits", "--head", "/fc/prob", "--epochs", "0", "--distill", teacher]
    assert history(done("retrain", *options, stdin=data))[1:] == [
        "retrain --data digits --head /fc/prob --epochs 0 --distill teacher.onnx"
    ]


def test_every_stage_adds_a_line(dense):
    cut = done("prune", dense, "--sparsity", "fc*=0.5", "--sparsity", "re:^conv=0.25", "-q")
    shared = done("quantize", "--bits", "4", "--bits", "fc1=2", stdin=cut)
    assert history(done("emit", "--storage", "dense", stdin=shared))[1:] == [
        "prune --sparsity 'fc*=0.5' --sparsity 're:^conv=0.25'",
        "quantize --bits 4 --bits fc1=2",
        "emit --storage dense",
    ]


def test_every_parameter_that_is_a_path_says_what_for():
    """Of text there are names of what is in a model, in Python or in onnxruntime."""
    others = {"head", "cut_at", "stages", "modules", "selectors", "device", "output"}
    others |= {"provider", "providers", "provider_options", "metric", "losses", "treatments"}
    texts = {
        option.name
        for command in COMMANDS
        for option in cli.get_command(None, command).params
        if type(option.type) is click.types.StringParamType
    }
    assert texts <= others
