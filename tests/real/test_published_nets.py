"""The commands on published nets, which nobody made for cortado."""

import numpy as np
import onnx
import pytest

from cli.program import cortado, done
from cortado.data import open_data
from cortado.data.signature import Signature
from cortado.model.onnx_io import serial
from cortado.scoring.bind import bind
from real.nets import (
    IMPORTS,
    NETS,
    classify_lines,
    classify_photos,
    evaluation,
    import_net,
    link_photos,
    needs_real,
    report,
    run,
    session,
    text_lines,
    text_maps,
    write_audio,
    write_turned,
)

pytestmark = needs_real

EFFICIENTNET, RECOGNISER, DETECTOR, TURNED, VOICE = (
    "efficientnet-lite0",
    "ch_PP-OCRv4_rec_infer",
    "ch_PP-OCRv4_det_infer",
    "ch_ppocr_mobile_v2.0_cls_infer",
    "silero_vad",
)


@pytest.fixture(scope="module")
def nets(tmp_path_factory):
    """Return a function from the name of a net to the path where it was imported."""
    folder, known = tmp_path_factory.mktemp("nets"), {}

    def find(name):
        if name not in known:
            known[name] = import_net(name, folder)
        return known[name]

    return find


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Return a dict from the name of a net to a few samples of what it takes."""
    folder = tmp_path_factory.mktemp("data")
    text_lines.write_folder(folder / "lines", 60)
    photos = link_photos(folder / "photos", 20)
    return {
        EFFICIENTNET: photos,
        "efficientnet-lite0-dynamo": photos,
        RECOGNISER: folder / "lines",
        DETECTOR: link_photos(folder / "unlabelled", 50, labelled=False),
        TURNED: write_turned(folder / "turned", 40),
        VOICE: write_audio(folder / "audio16", 16000, 32),
    }


@pytest.fixture(scope="module")
def cut(nets, tmp_path_factory):
    """Return a function from the name of a net to its paths: pruned, shared, and emitted."""
    folder, known = tmp_path_factory.mktemp("cut"), {}

    def make(name):
        if name not in known:
            pruned, shared, coded = (folder / f"{name}-{each}.onnx" for each in "abc")
            done("prune", nets(name), "--sparsity", "0.3", "-q", "-o", pruned)
            done("quantize", pruned, "--bits", "5", "-q", "-o", shared)
            done("emit", shared, "-q", "-o", coded)
            known[name] = pruned, shared, coded
        return known[name]

    return make


@pytest.mark.parametrize("name", [EFFICIENTNET, "efficientnet-lite0-dynamo"])
def test_a_classifier_sees_in_each_photograph_what_a_plain_loop_sees(name, nets, data):
    expected = classify_photos(NETS / f"{name}.onnx", data[name])
    labels = np.arange(0, 1000, 20)
    found = evaluation(nets(name), data[name])
    assert found["correct"] == (expected == labels).sum() > 40
    model = serial.decode(nets(name).read_bytes(), name)
    samples = open_data(str(data[name]), Signature.of(model))
    task = bind(model, samples)
    seen = np.full(len(labels), -1)
    for answer in task.answers(task.open(model), samples.whole):
        seen[answer.indices] = answer.outputs[task.names[0]].argmax(axis=1)
    np.testing.assert_array_equal(seen, expected)


def test_a_recogniser_of_open_width_reads_what_a_plain_loop_reads(nets, data):
    """The alphabet is in the file; texts beside images ask for the character error rate."""
    expected = text_lines.reference_cer(NETS / f"{RECOGNISER}.onnx", data[RECOGNISER])
    for options in [], ["--metric", "cer"]:
        found = evaluation(nets(RECOGNISER), data[RECOGNISER], *options)
        assert (found["metric"], found["value"]) == ("cer", expected)
        assert found["value"] < 0.03


def test_a_detector_is_measured_on_photographs_without_labels(nets, cut, data):
    pruned, *_ = cut(DETECTOR)
    wanted, maps = (text_maps(path, data[DETECTOR]) for path in (nets(DETECTOR), pruned))
    options = ["--reference", nets(DETECTOR)]
    found = evaluation(pruned, data[DETECTOR], *options)
    assert found["metric"] == "relative-error"
    assert found["value"] == pytest.approx(
        np.linalg.norm(maps - wanted) / np.linalg.norm(wanted), rel=1e-4
    )
    found = evaluation(pruned, data[DETECTOR], *options, "--metric", "iou@0.3")
    both, either = ((maps > 0.3) & (wanted > 0.3)).sum(), ((maps > 0.3) | (wanted > 0.3)).sum()
    assert found["value"] == pytest.approx(both / either, abs=1e-3)


def test_a_classifier_of_shapes_that_are_minus_one_agrees_with_a_plain_loop(nets, data):
    expected = classify_lines(NETS / f"{TURNED}.onnx", data[TURNED])
    found = evaluation(nets(TURNED), data[TURNED])
    assert found["correct"] == (expected == np.arange(40) % 2).sum() > 36


def test_weights_inside_branches_are_listed(nets):
    (found,) = report("inspect", nets(VOICE))["models"]
    names = [layer["name"] for layer in found["layers"]]
    assert len(names) == len(set(names)) == 16
    assert {layer["op_type"] for layer in found["layers"]} == {"Conv", "LSTM"}
    assert sum(layer["weights"] for layer in found["layers"]) == 542_464


@pytest.mark.parametrize("name", IMPORTS)
def test_an_emitted_file_gives_what_the_cut_net_gives(name, nets, cut, data):
    _, shared, coded = cut(name)
    assert coded.stat().st_size < 0.5 * nets(name).stat().st_size
    limits = ["--atol", "0", "--samples", "10"]
    done("validate", coded, "--reference", shared, "--data", data[name], *limits)
    (found,) = report("inspect", coded)["models"]
    assert found["total"]["density"] < 0.71
    assert all(layer["distinct"] <= 32 for layer in found["layers"])


@pytest.mark.parametrize("rate", [8000, 16000])
def test_a_net_with_branches_is_emitted_whole(rate, nets, cut, tmp_path):
    """Each rate has a branch of its own; the emitted file decodes the weights of both."""
    _, shared, coded = cut(VOICE)
    folder = write_audio(tmp_path / "audio", rate, 8)
    runners = [session(path) for path in (nets(VOICE), shared, coded)]
    for file in sorted(folder.glob("*.npz")):
        inputs = dict(np.load(file))
        inputs |= {"input": inputs["input"][None], "state": inputs["state"][:, None]}
        dense, *found = (run(runner, inputs) for runner in runners)
        for kept, decoded, original in zip(*found, dense, strict=True):
            np.testing.assert_array_equal(kept, decoded)
            assert not np.array_equal(kept, original)
    done("validate", coded, "--reference", shared, "--data", folder, "--atol", "0")


def test_a_state_that_is_not_given_starts_at_zero(nets, tmp_path):
    windows = np.stack(
        [
            np.load(path)["input"]
            for path in sorted(write_audio(tmp_path / "audio", 16000, 12).glob("*.npz"))
        ]
    )
    np.savez(tmp_path / "windows.npz", input=windows, sr=np.int64(16000))
    words = ["evaluate", nets(VOICE), "--reference", nets(VOICE)]
    found = cortado(*words, "--data", tmp_path / "windows.npz")
    assert found.code == 0
    assert found.stderr.startswith("the input state is not given: a recurrent state")


def test_random_audio_is_too_short_and_the_error_says_what_to_give(cut):
    _, shared, coded = cut(VOICE)
    found = cortado("validate", coded, "--reference", shared)
    assert found.code == 1
    assert "the inputs are random: give it samples with --data" in found.stderr


def test_layers_in_branches_are_named_where_nothing_can_be_repaired(nets, cut, data, tmp_path):
    pruned, *_ = cut(VOICE)
    words = ["repair", pruned, "--reference", nets(VOICE), "--data", data[VOICE]]
    found = cortado(*words, "-o", tmp_path / "out.onnx")
    assert found.code == 1
    assert "it is inside a node such as If or Loop" in found.stderr


@pytest.mark.parametrize(
    ("name", "metric"), [(RECOGNISER, "cer"), (DETECTOR, "iou@0.3"), (TURNED, "accuracy")]
)
def test_repair_brings_a_pruned_net_nearer(name, metric, nets, cut, data, tmp_path):
    pruned, *_ = cut(name)
    path = tmp_path / "repaired.onnx"
    words = ["--reference", nets(name), "--data", data[name], "--metric", metric]
    found = report("repair", pruned, *words, "--samples", "30", "-q", "-o", path)
    assert found["kept"]
    assert found["error_after"] < 0.5 * found["error_before"]
    before, after = (onnx.load(each).graph for each in (pruned, path))
    zeros = {tensor.name: onnx.numpy_helper.to_array(tensor) == 0 for tensor in before.initializer}
    for tensor in after.initializer:
        array = onnx.numpy_helper.to_array(tensor)
        if array.ndim > 1:
            assert not array[zeros[tensor.name]].any()
