"""Data sets, tasks and plans as the commands use them."""

from dataclasses import replace
from typing import TYPE_CHECKING

import click
import numpy as np
import onnx_ir as ir

from cortado import files
from cortado.data import Dataset, Feed, Samples, Signature, open_data, subset
from cortado.data.splits import SplitName
from cortado.errors import CortadoError
from cortado.runtime import Runtime
from cortado.scoring.bind import TaskOptions, bind
from cortado.scoring.task import Task
from cortado_cli.options import given_options
from cortado_cli.talk import Talk
from cortado_cli.task import TaskChoice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortado.data.adapters import InputAdapter
    from cortado.plan import Plan

__all__ = [
    "bind_task",
    "choose_split",
    "name_of",
    "open_dataset",
    "open_training_data",
    "read_plan",
    "tell_feed",
    "tell_inputs",
    "tell_states",
]


def open_dataset(model: ir.Model, choice: TaskChoice) -> Dataset:
    """Open ``--data`` for a model, which says how image files are decoded and what names mean."""
    assert choice.data is not None  # the command saw to it
    return open_data(choice.data, Signature.of(model, raw=choice.raw), choice.labels)


def bind_task(
    model: ir.Model, choice: TaskChoice, runtime: Runtime, data: Dataset | None = None
) -> Task:
    """Open ``--data``, and bind the task to a model."""
    data = open_dataset(model, choice) if data is None else data
    alphabet = () if choice.alphabet is None else _read_alphabet(choice.alphabet)
    options = TaskOptions(choice.metric, choice.head, alphabet, choice.raw)
    return bind(model, data, options, runtime)


def choose_split(data: Dataset, split: SplitName, choice: TaskChoice) -> tuple[SplitName, Samples]:
    """Return the part of a data set that is measured, and its name; ``--samples`` limits it.

    Undivided samples without labels have no parts, unless ``--split`` names one: all are taken.
    """
    given = {option.name for option in given_options(click.get_current_context())}
    if "split" not in given and not data.labelled and data.whole is not None:
        split = "all"
    return split, subset(data.split(split), choice.samples)


def name_of(choice: TaskChoice) -> str:
    """Return what tables call a data set: the last part of its path."""
    return (choice.data or "").rstrip("/").rpartition("/")[2]


def open_training_data(model: ir.Model, choice: TaskChoice) -> Dataset:
    """Open ``--data`` for a model; ``--samples`` limits the training part."""
    dataset = open_dataset(model, choice)
    return replace(dataset, train=subset(dataset.train, choice.samples))


def tell_inputs(task: Task, talk: Talk) -> None:
    """Report the defaults of a task: inputs, see `tell_feed`, and how outputs are compared."""
    if task.unfit:
        talk.say_once(
            f"the metric {task.metric.name} does not take {task.unfit}: it compares with the dense "
            "model"
        )
    for name in task.left_out:
        talk.say_once(f"the output {name} has no axis of samples, and is not scored")
    tell_feed(task.feed, task.data.train, talk)


def tell_feed(feed: Feed, samples: Samples, talk: Talk) -> None:
    """Report inputs that the data lack, and whether pixels go in as they are."""
    given = samples.take(np.zeros(1, np.int64)).inputs
    tell_states(feed.invented(given), talk)
    pixels = feed.pixels
    if pixels is None or pixels.dtype.kind == "u" or not feed.transform.is_unknown:
        return
    if given[feed.sources(given)[pixels.name]].dtype == np.uint8:
        talk.say_once(
            "the model stores no input transform: pixels 0…255 go in as they are "
            "(cortado import --preprocess, --input-scale, --input-range … store one)"
        )


def tell_states(states: "Sequence[InputAdapter]", talk: Talk) -> None:
    """Report the values of inputs that the data lack, and why."""
    for state in states:
        meaning = (
            "Caffe's continuation indicators by its name and shape, it is ones"
            if state.continues
            else "a recurrent state by its name and shape, it starts at zero"
        )
        talk.say_once(f"the input {state.name} is not given: {meaning}")


def read_plan(path: str) -> "Plan":
    """Read ``--plan``."""
    from cortado.plan import parse_plan

    return parse_plan(files.read(path), path)


def _read_alphabet(path: str) -> tuple[str, ...]:
    characters = tuple(files.read_text(path).split("\n"))
    while characters and not characters[-1]:
        characters = characters[:-1]
    if not characters:
        raise CortadoError(f"--alphabet {path} holds no characters")
    return characters
