"""Options that could have no effect are refused, not ignored."""

import pytest

from cli.program import cortado, refused


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("import {dense} --input-shape 1,1,28,28", "--input-shape needs a PROTOTXT"),
        ("import {dense} --phase TEST", "--phase needs a PROTOTXT"),
        ("import {dense} --level 1", "--level needs a PROTOTXT"),
        ("import {dense} --seed 1", "--seed needs --init"),
        ("import {dense} --stage deploy", "--stage needs a PROTOTXT"),
        ("prune {dense} --method std --quality 1 --scope layer", "--scope needs --sparsity"),
        ("prune {dense} --sparsity 0.5 --quality 1", "--quality needs --method std"),
        ("retrain {dense} --data digits --method std", "--method needs --schedule gradual"),
        ("retrain {dense} --data digits --scope global", "--scope needs --schedule gradual"),
        ("retrain {dense} --data digits --sparsity 0.5", "--sparsity needs --schedule gradual"),
        ("retrain {dense} --data digits --momentum 0.8", "--momentum needs --optimizer sgd"),
        ("emit {dense} --data digits", "--data needs --kernel int8"),
        ("emit {dense} --samples 9", "--samples needs --kernel int8"),
        ("emit {dense} --kernel int4 --data digits", "--data needs --kernel int8"),
        ("emit {dense} --kernel int8 --samples 9", "--samples needs --data"),
        ("quantize {dense} --grid uniform --init linear", "--init needs --grid free"),
        ("quantize {dense} --samples 9", "--samples needs --data"),
        ("quantize {dense} --head prob", "--head needs --data"),
        ("quantize {dense} --epochs 1", "--epochs needs --data"),
        ("quantize {dense} --lr 0.1", "--lr needs --data"),
        ("quantize {dense} --shift 1", "--shift needs --data"),
        ("quantize {dense} --batchnorm keep", "--batchnorm needs --data"),
        ("quantize {dense} --device cpu", "--device needs --data"),
        ("quantize {dense} --provider cpu", "--provider needs --data"),
        ("emit {dense} --threads 2", "--threads needs --kernel int8"),
        ("emit {dense} --kernel int8 --provider-option a=b", "--provider-option needs --data"),
    ],
)
def test_an_option_without_the_one_that_it_belongs_to_is_wrong_usage(command, words, dense, old):
    name, *options = command.format(dense=dense).split()
    assert refused(cortado(name, *options, "-o", old), 2, name, words)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--samples 9", "--samples needs --data"),
        ("--head prob", "--head needs --data"),
        ("--batch 2", "--batch needs --time"),
        ("--atol 0.1", "--atol needs --reference"),
        ("--rtol 0.1", "--rtol needs --reference"),
        ("--max-drop 0.1", "--max-drop needs --reference"),
        ("--reference {dense} --max-drop 0.1", "--max-drop needs --data"),
    ],
)
def test_validate_refuses_them_too(options, words, dense):
    result = cortado("validate", dense, *options.format(dense=dense).split())
    assert refused(result, 2, "validate", words)


def test_an_option_of_a_provider_is_refused_where_there_are_several(dense):
    options = ["--provider", "cpu", "--provider", "CPU", "--provider-option", "device_id=1"]
    result = cortado("validate", dense, *options)
    assert refused(result, 2, "validate", "--provider-option needs a single --provider")


def test_an_option_of_a_provider_needs_a_value(dense):
    result = cortado("validate", dense, "--provider-option", "device_id")
    assert refused(result, 2, "validate", "'device_id' is not KEY=VALUE")
