"""What the command line is asked of each kind of net, and a plain loop that says what it must find.

A plain loop opens a file in onnxruntime, feeds every sample of a part by itself, and measures by
numpy; it shares no line with cortado.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx

from cli.program import done
from kinds import detector, encoder, looped, recogniser, running, speech, unet

PARTS = ("train", "val", "test")


@dataclass
class Job:
    """One net with its data.

    Attributes
    ----------
    model : Path
        The imported model.
    data : str
        What ``--data`` says.
    parts : dict of str to list of dict
        The samples of each part, one by one, with their batch axis.
    measure : callable
        Lists of outputs, of what the dense model gives, and of samples → the metric.
    options : tuple of str
        The metric, if it is not the default one.
    losses : tuple of str
        Options of ``retrain``; empty where there are no labels.
    drop : float
        How much worse the metric may become in ``compress``.
    higher_is_better : bool
        The direction of the metric.
    layers : int
        How many layers can be pruned.
    lacking : str
        The operator that cannot be trained, if there is one.
    """

    model: Path
    data: str
    parts: dict
    measure: Callable
    options: tuple = ()
    losses: tuple = ()
    drop: float = 0.05
    higher_is_better: bool = True
    layers: int = 1
    lacking: str = ""
    dense: dict = field(default_factory=dict)

    def outputs(self, model, part):
        """Return what a file gives for each sample of a part."""
        runner = running.session(model)
        names = {value.name for value in runner.get_inputs()}
        return [
            runner.run(None, {name: x for name, x in sample.items() if name in names})
            for sample in self.parts[part]
        ]

    def value(self, model, part="test"):
        """Return the metric of a file on a part."""
        if part not in self.dense:
            self.dense[part] = self.outputs(self.model, part)
        return self.measure(self.outputs(model, part), self.dense[part], self.parts[part])


def relative_error(found, dense, _samples):
    """Return √(Σ‖a − b‖² / Σ‖b‖²), a mean over outputs."""
    errors = []
    for a, b in zip(zip(*found, strict=True), zip(*dense, strict=True), strict=True):
        difference = sum(
            np.square(x.astype(np.float64) - y).sum() for x, y in zip(a, b, strict=True)
        )
        errors.append(np.sqrt(difference / sum(np.square(y.astype(np.float64)).sum() for y in b)))
    return float(np.mean(errors))


def corner_likeness(outputs, targets):
    """Return 1 minus the mean error of the corners, a metric that a user may have."""
    return 1 - np.abs(outputs["boxes"] - targets["boxes"]).mean(axis=1)


def encoder_job(folder, exporter):
    net = encoder.train(encoder.make_net(), encoder.make_samples(512, 7), epochs=8)
    model = imported(encoder.export, net, folder, exporter)
    parts = {
        p: encoder.make_samples(n, s)
        for s, (p, n) in enumerate(zip(PARTS, (160, 60, 60), strict=True))
    }

    def accuracy(found, _dense, samples):
        logits = np.concatenate([outputs[0] for outputs in found])
        return encoder.accuracy(logits, np.concatenate([each["target"] for each in samples]))

    return Job(
        model,
        archive(folder, parts),
        {part: one_by_one(each) for part, each in parts.items()},
        accuracy,
        losses=("--loss", "cross-entropy"),
        layers=13,
    )


def unet_job(folder, exporter):
    net = unet.train(unet.make_net(), unet.make_samples(192, 7), epochs=8)
    model = imported(unet.export, net, folder, exporter)
    parts = {
        p: unet.make_samples(n, s) for s, (p, n) in enumerate(zip(PARTS, (80, 30, 30), strict=True))
    }

    def overlap(found, _dense, samples):
        mask = np.concatenate([outputs[0] for outputs in found])
        return unet.mean_iou(mask, np.concatenate([each["target"] for each in samples]))

    return Job(
        model,
        archive(folder, parts),
        {part: one_by_one(each) for part, each in parts.items()},
        overlap,
        options=("--metric", "iou"),
        losses=("--loss", "cross-entropy"),
        layers=13,
    )


def detector_job(folder, exporter):
    net = detector.train(detector.make_net(), detector.make_samples(384, 7), epochs=8)
    model = imported(detector.export, net, folder, exporter)
    parts = {
        p: detector.make_samples(n, s)
        for s, (p, n) in enumerate(zip(PARTS, (120, 40, 40), strict=True))
    }
    flat = {part: {"image": each["image"], **each["target"]} for part, each in parts.items()}

    def likeness(found, _dense, samples):
        boxes = np.concatenate([outputs[0] for outputs in found])
        return 1 - float(np.abs(boxes - np.concatenate([s["boxes"] for s in samples])).mean())

    return Job(
        model,
        archive(folder, flat),
        {part: one_by_one(each) for part, each in flat.items()},
        likeness,
        options=("--metric", "kinds.jobs:corner_likeness"),
        losses=("--loss", "boxes=l1*5", "--loss", "classes=cross-entropy"),
        drop=0.03,
        layers=6,
    )


def recogniser_job(folder, exporter):
    net = recogniser.train(recogniser.make_net(), recogniser.make_samples(256, 7), epochs=12)
    model = imported(recogniser.export, net, folder, exporter)
    widths = (48, 64)
    parts = {}
    for seed, (part, count) in enumerate(zip(PARTS, (80, 30, 30), strict=True)):
        drawn = [recogniser.make_samples(count // 2, 10 * seed + w, w) for w in widths]
        parts[part] = [sample for each in drawn for sample in one_by_one(each)]

    def errors(found, _dense, samples):
        texts = [recogniser.decode(outputs[0])[0] for outputs in found]
        return recogniser.character_error_rate(texts, [each["target"][0] for each in samples])

    return Job(
        model,
        files(folder, parts),
        parts,
        errors,
        options=("--metric", "cer"),
        losses=("--loss", "ctc"),
        drop=0.1,
        higher_is_better=False,
        layers=7,
    )


def speech_job(folder, _exporter):
    proto, width = speech.make_gated_lstm(), 8
    model = imported(lambda *_: onnx.save(proto, folder / "exported.onnx"), None, folder, "")
    parts = {}
    for seed, (part, count) in enumerate(zip(PARTS, (64, 24, 24), strict=True)):
        drawn = [
            speech.with_states(proto, speech.make_samples(count // 2, rate, seed, width))
            for rate in speech.CHUNKS
        ]
        parts[part] = [
            {
                "input": each["input"][i : i + 1],
                "state": each["state"][:, i : i + 1],
                "sr": each["sr"],
            }
            for each in drawn
            for i in range(len(each["input"]))
        ]
    data = files(folder, parts)
    return Job(model, data, parts, relative_error, drop=0.3, higher_is_better=False, layers=8)


def chunks_of(samples):
    """Return chunks of audio one by one; the batch axis of their states is the second."""
    audio, state, rate = (samples[name] for name in ("input", "state", "sr"))
    return [
        {"input": audio[i : i + 1], "state": state[:, i : i + 1], "sr": rate}
        for i in range(len(audio))
    ]


def loop_job(folder, _exporter):
    return _looped(folder, looped.make_loop(), None, "Loop")


def scan_job(folder, _exporter):
    return _looped(folder, looped.make_scan(), 5, "Scan")


def _looped(folder, proto, steps, lacking):
    model = imported(lambda *_: onnx.save(proto, folder / "exported.onnx"), None, folder, "")
    parts = {
        part: looped.make_samples(count, seed, steps)
        for seed, (part, count) in enumerate(zip(PARTS, (80, 30, 30), strict=True))
    }
    rows = {part: one_by_one(each) for part, each in parts.items()}
    data = archive(folder, parts)
    return Job(
        model,
        data,
        rows,
        relative_error,
        options=("--metric", "relative-error"),
        drop=0.3,
        higher_is_better=False,
        layers=3,
        lacking=lacking,
    )


def imported(export, net, folder, exporter):
    """Export a net, import it, and return the path."""
    export(net, folder / "exported.onnx", exporter)
    path = folder / "dense.onnx"
    done("import", folder / "exported.onnx", "-q", "-o", path)
    return path


def archive(folder, parts):
    """Write parts into one file of arrays named after the inputs of the model."""
    path = folder / "data.npz"
    arrays = {f"{part}/{name}": x for part, each in parts.items() for name, x in each.items()}
    np.savez(path, **arrays)
    return str(path)


def files(folder, parts):
    """Write parts into directories, one file a sample without the axis of samples."""
    for part, samples in parts.items():
        (folder / part).mkdir()
        for index, sample in enumerate(samples):
            arrays = {name: x if name in ("sr", "state") else x[0] for name, x in sample.items()}
            arrays = {n: x[:, 0] if n == "state" else x for n, x in arrays.items()}
            np.savez(folder / part / f"{index:03d}.npz", **arrays)
    return ",".join(f"{part}={folder / part}" for part in parts)


def one_by_one(samples):
    """Return the samples of some arrays, each with a batch axis."""
    count = len(next(iter(samples.values())))
    return [{name: x[i : i + 1] for name, x in samples.items()} for i in range(count)]
