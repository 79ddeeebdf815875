"""The nets of this folder learn, export by both exporters, and run in onnxruntime."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from kinds import detector, encoder, looped, recogniser, running, speech, text_lines, unet
from support import SHARED, needs_shared

SILERO = SHARED / "real" / "onnx" / "silero_vad.onnx"
PADDLE = SHARED / "real" / "onnx" / "ch_PP-OCRv4_rec_infer.onnx"
TOLERANCE = 1e-4
EXPORTED = pytest.mark.parametrize("exporter", running.EXPORTERS)


def torch_outputs(kind, net, samples):
    outputs = running.run_torch(net, *(samples[name] for name in kind.INPUTS))
    return dict(zip(kind.OUTPUTS, outputs, strict=True))


def assert_file_agrees(kind, net, path, exporter, *batches):
    """Export a net, and compare the one file with the net on batches of several sizes."""
    kind.export(net, path, exporter)
    onnx.checker.check_model(str(path), full_check=True)
    for samples in batches:
        expected = torch_outputs(kind, net, samples)
        outputs = running.run_onnx(path, samples)
        assert list(outputs) == list(kind.OUTPUTS)
        for name, output in outputs.items():
            assert running.largest_difference(output, expected[name]) < TOLERANCE


@pytest.fixture(scope="module")
def trained_encoder():
    return encoder.train(encoder.make_net(), encoder.make_samples(768, 0))


def test_encoder_learns(trained_encoder):
    samples = encoder.make_samples(128, 1)
    target = samples["target"]
    untrained = torch_outputs(encoder, encoder.make_net(), samples)["logits"]
    trained = torch_outputs(encoder, trained_encoder, samples)["logits"]
    assert encoder.accuracy(untrained, target) < 0.45
    assert encoder.accuracy(trained, target) > 0.9


@EXPORTED
def test_encoder_exports(trained_encoder, tmp_path, exporter):
    batches = [encoder.make_samples(n, 2, seq) for n, seq in ((1, 7), (2, encoder.LONGEST))]
    assert_file_agrees(encoder, trained_encoder, tmp_path / "net.onnx", exporter, *batches)


@pytest.fixture(scope="module", params=[(1, "transposed"), (3, "resize")], ids=lambda p: p[1])
def trained_unet(request):
    channels, upsample = request.param
    net = unet.make_net(channels=channels, upsample=upsample)
    return unet.train(net, unet.make_samples(256, 0, channels))


def test_unet_learns(trained_unet):
    samples = unet.make_samples(32, 1, trained_unet.channels)
    mask = torch_outputs(unet, trained_unet, samples)["mask"]
    chance = np.zeros_like(mask)
    chance[:, 0] = 1
    assert unet.mean_iou(chance, samples["target"]) < 0.35
    assert unet.mean_iou(mask, samples["target"]) > 0.75


@EXPORTED
def test_unet_exports(trained_unet, tmp_path, exporter):
    batches = [unet.make_samples(n, 2, trained_unet.channels) for n in (1, 5)]
    assert_file_agrees(unet, trained_unet, tmp_path / "net.onnx", exporter, *batches)


@pytest.fixture(scope="module")
def trained_detector():
    return detector.train(detector.make_net(), detector.make_samples(1024, 0))


def test_detector_learns(trained_detector):
    samples = detector.make_samples(256, 1)
    target = samples["target"]
    outputs = torch_outputs(detector, trained_detector, samples)
    guess = np.broadcast_to(np.median(target["boxes"], 0), target["boxes"].shape)
    error = detector.mean_error(outputs["boxes"], target["boxes"])
    assert error < detector.mean_error(guess, target["boxes"]) / 2
    assert detector.accuracy(outputs["classes"], target["classes"]) > 2 / len(detector.SHAPES)


@EXPORTED
def test_detector_exports(trained_detector, tmp_path, exporter):
    batches = [detector.make_samples(n, 2) for n in (1, 5)]
    assert_file_agrees(detector, trained_detector, tmp_path / "net.onnx", exporter, *batches)


@pytest.fixture(scope="module", params=[True, False], ids=["recurrent", "convolutional"])
def trained_recogniser(request):
    net = recogniser.make_net(recurrent=request.param)
    return recogniser.train(net, recogniser.make_samples(384, 0))


def test_recogniser_learns(trained_recogniser):
    samples = recogniser.make_samples(64, 1)
    probabilities = torch_outputs(recogniser, trained_recogniser, samples)["probabilities"]
    texts = recogniser.decode(probabilities)
    assert recogniser.character_error_rate(texts, samples["target"]) < 0.2


@EXPORTED
def test_recogniser_exports(trained_recogniser, tmp_path, exporter):
    path = tmp_path / "net.onnx"
    batches = [recogniser.make_samples(n, 2, width) for n, width in ((1, 96), (5, 40))]
    assert_file_agrees(recogniser, trained_recogniser, path, exporter, *batches)
    [entry] = [entry for entry in onnx.load(path).metadata_props if entry.key == "character"]
    assert entry.value.split("\n") == list(recogniser.ALPHABET)


@pytest.mark.parametrize(
    ("left", "right", "distance"),
    [("", "", 0), ("abc", "abc", 0), ("kitten", "sitting", 3), ("", "ab", 2), ("ab", "b", 1)],
)
def test_edit_distance(left, right, distance):
    assert recogniser.edit_distance(left, right) == distance


def test_greedy_ctc_counts_repeats_once_and_drops_blanks():
    classes = np.array([[1, 1, 0, 1, 2, 2, 0], [0, 0, 0, 0, 0, 0, 3]])
    assert recogniser.decode(np.eye(11)[classes]) == ["001", "2"]


@pytest.mark.parametrize("rate", speech.CHUNKS)
def test_audio_is_repeatable_and_overlaps(rate):
    size = speech.CHUNKS[rate]
    audio = speech.make_audio(20, rate, 0)
    assert audio.shape == (20, size)
    assert audio.dtype == np.float32
    assert np.array_equal(audio, speech.make_audio(20, rate, 0))
    overlapping = speech.make_audio(20, rate, 0, overlap=32)
    assert np.array_equal(overlapping[:, 32:], audio)
    assert np.array_equal(overlapping[1, :32], audio[0, -32:])


@pytest.mark.parametrize("rate", speech.CHUNKS)
def test_gated_lstm_runs_at_both_rates(rate):
    model = speech.make_gated_lstm()
    onnx.checker.check_model(model, full_check=True)
    samples = speech.make_samples(48, rate, 0, width=8)
    outputs = running.run_onnx(model, samples)
    assert outputs["output"].shape == (48, 1)
    assert outputs["stateN"].shape == samples["state"].shape
    assert outputs["output"].std() > 0.02
    followed = running.run_onnx(model, speech.with_states(model, samples))
    assert running.largest_difference(followed["output"], outputs["output"]) > 0.01


@needs_shared
@pytest.mark.parametrize(("rate", "overlap"), [(16000, 64), (8000, 32)])
def test_silero_hears_speech_alone(rate, overlap):
    samples = speech.make_samples(48, rate, 0, overlap=overlap)
    chance = running.run_onnx(SILERO, speech.with_states(SILERO, samples))["output"]
    by_sound = chance.reshape(-1, len(speech.SOUNDS), speech.CLIP).mean((0, 2))
    assert by_sound[2] > 0.5 > 0.1 > by_sound[:2].max()


@needs_shared
@pytest.mark.parametrize("rate", speech.CHUNKS)
def test_silero_runs_on_bare_chunks(rate):
    output = running.run_onnx(SILERO, speech.make_samples(48, rate, 0))["output"]
    assert output.shape == (48, 1)
    assert output.max() > 2 * output.min()


@pytest.mark.parametrize(
    ("model", "steps"), [(looped.make_loop(), None), (looped.make_scan(), 5)], ids=["loop", "scan"]
)
def test_weights_in_bodies_count(model, steps):
    onnx.checker.check_model(model, full_check=True)
    samples = looped.make_samples(4, 0, steps)
    before = running.run_onnx(model, samples)["y"]
    [body] = [a.g for node in model.graph.node for a in node.attribute if a.name == "body"]
    constants = [a.t for node in body.node for a in node.attribute if a.name == "value"]
    weights = [t for t in [*body.initializer, *constants] if len(t.dims) == 2]
    assert weights
    for weight in weights:
        kept = numpy_helper.to_array(weight)
        weight.CopyFrom(numpy_helper.from_array(kept * 0, weight.name))
        after = running.run_onnx(model, samples)["y"]
        assert running.largest_difference(before, after) > 0.01
        weight.CopyFrom(numpy_helper.from_array(kept, weight.name))


def test_loop_repeats_its_body():
    samples = looped.make_samples(4, 0)
    outputs = [running.run_onnx(looped.make_loop(trips), samples)["y"] for trips in (1, 2)]
    assert running.largest_difference(*outputs) > 0.01


def test_text_lines_come_with_labels(tmp_path):
    texts = text_lines.write_folder(tmp_path, n=6, seed=3)
    assert list(text_lines.read_labels(tmp_path).values()) == texts
    assert len(list(tmp_path.glob("*.png"))) == 6


@needs_shared
def test_real_recogniser_reads_text_lines(tmp_path):
    text_lines.write_folder(tmp_path, n=40)
    assert text_lines.reference_cer(PADDLE, tmp_path) < 0.03
