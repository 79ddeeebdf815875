"""Nothing is opened, scored or encoded twice: sessions and calls of a compression, counted.

Sweeps and least squares open the parts of a model, many times; they are left out.
"""

import traceback
from collections import Counter
from dataclasses import dataclass, field, replace

import onnxruntime
import pytest

from cortado.compress import EFFORTS, CompressOptions, account_for, compress, passes, stages
from cortado.compress.passes import Compressed
from cortado.model.onnx_io import serial
from cortado.progress import finish
from cortado.retrain import RetrainOptions, retrain
from cortado.scoring import judge
from cortado.scoring.bind import bind
from nets import conv_net
from retrain.sets import dataset

DATA = dataset()
OPTIONS = CompressOptions(max_drop=0.5, effort="quick", batch=40, shift=0, device="cpu")
BY_PARTS = {"repair", "find_terms", "cut_network", "measure_curves"}


@dataclass
class Counted:
    """A compression, the bytes of its sessions but for parts of models, and what it called."""

    opened: list = field(default_factory=list)
    scored: list = field(default_factory=list)
    encoded: list = field(default_factory=list)
    checked: list = field(default_factory=list)
    found: Compressed | None = None

    def count(self, patch, place, function, calls):
        real = getattr(place, function)

        def counting(*arguments):
            calls.append(arguments)  # kept, so that no two have the same id
            return real(*arguments)

        patch.setattr(place, function, counting)

    def count_sessions(self, patch):
        real = onnxruntime.InferenceSession

        def note(data, *arguments, **options):
            if not BY_PARTS & {frame.name for frame in traceback.extract_stack()}:
                self.opened.append(data)
            return real(data, *arguments, **options)

        patch.setattr("onnxruntime.InferenceSession", note)


@pytest.fixture(scope="module")
def dense():
    """Give a network whose accuracy says something."""
    net, options = conv_net(), RetrainOptions(epochs=10, batch=8, device="cpu")
    return finish(retrain(net, bind(net, DATA), options)).model


@pytest.fixture(scope="module")
def run(dense):
    """Give a function that compresses and counts, once for the same options."""
    done = {}

    def counted(data, train):
        if (data, train) not in done:
            done[data, train] = compressed(dense, data, train)
        return done[data, train]

    return counted


def compressed(dense, data, train):
    seen, task = Counted(), bind(dense, DATA if data == "labels" else DATA.unlabelled)
    with pytest.MonkeyPatch.context() as patch:
        quick = replace(EFFORTS["quick"], failures=1, least_steps=4)
        patch.setitem(EFFORTS, "quick", quick)
        seen.count_sessions(patch)
        seen.count(patch, judge.Judge, "_steps", seen.scored)
        seen.count(patch, stages, "encode", seen.encoded)
        seen.count(patch, passes, "check_decoded", seen.checked)
        seen.found = finish(compress(dense, task, replace(OPTIONS, train=train)))
        finish(account_for(seen.found))
    return seen


CASES = pytest.mark.parametrize("data", ["labels", "none"])
TRAINED = pytest.mark.parametrize("train", [True, False], ids=["trained", "fitted"])


@CASES
def test_training_opens_one_session_for_each_model_and_part_of_the_data(data, dense, run):
    """The dense model and the file on the test part, and all models on the validation part."""
    seen = run(data, True)
    expected = [dense, *(stage.model for stage in seen.found.stages)]
    files = [*map(serial.encode, expected), seen.found.emitted.data]
    assert Counter(seen.opened) == Counter(files)


@CASES
def test_without_training_the_training_images_that_guide_take_one_more(data, dense, run):
    seen = run(data, False)
    changed = [stage.model for stage in seen.found.stages if stage.model is not dense]
    least = Counter([*map(serial.encode, [dense] * 3 + changed), seen.found.emitted.data])
    times = Counter(seen.opened)
    assert times[serial.encode(dense)] == least[serial.encode(dense)]
    assert all(0 <= count - least[data] <= 1 for data, count in times.items())


@CASES
@TRAINED
def test_each_model_is_scored_and_encoded_once_and_one_file_is_checked(data, train, run):
    seen = run(data, train)
    scored = Counter((id(referee), id(model)) for referee, model, _ in seen.scored)
    assert set(scored.values()) == {1}
    encoded = Counter(id(model) for model, _ in seen.encoded)
    assert set(encoded.values()) == {1}
    assert encoded.keys() == {id(stage.model) for stage in seen.found.stages}
    assert [model for model, _ in seen.checked] == [seen.found.model]


@CASES
def test_a_plan_that_changes_nothing_is_the_dense_model_and_is_not_scored_again(data, dense, run):
    """Plan 1 is the gentlest: it leaves all layers as they are."""
    seen = run(data, False)
    (first,) = [stage for stage in seen.found.stages if stage.name.startswith("plan 1 of")]
    assert first.model is dense
    assert [model for _, model, _ in seen.scored if model is dense] == [dense, dense]
