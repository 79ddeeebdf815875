"""Published nets, on all of their samples: figures beside plain loops, time, and memory.

The classifier sees 1,000 photographs, the recogniser reads 200 lines, the detector looks at 100
photographs without labels, and the voice detector hears made-up audio in both of its rates.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.bench.program import measured
from tests.bench.row import Row

sys.path.append(str(Path(__file__).resolve().parents[1]))  # the helpers of tests are imported so


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield from _classifier(folder)
        yield from _recogniser(folder)
        yield from _detector(folder)
        yield from _orientation(folder)
        yield from _voice(folder)


def _classifier(folder: Path) -> Iterator[Row]:
    from real.nets import NETS, classify_photos, link_photos

    net, photos = "efficientnet-lite0", link_photos(folder / "photos", 1)
    dense = _import(net, folder)
    expected = int((classify_photos(NETS / f"{net}.onnx", photos) == np.arange(1000)).sum())
    found, cost = _evaluate(dense, photos)
    correct = found["correct"]
    must = f"= {expected} of a plain loop, ≥ 870"
    yield Row(
        f"{_short(net)}: correct of 1,000{cost}", str(correct), must, correct == expected >= 870
    )
    yield from _shrunk(net, dense, photos, "accuracy", 0.80)


def _recogniser(folder: Path) -> Iterator[Row]:
    from kinds import text_lines
    from real.nets import NETS

    net, lines = "ch_PP-OCRv4_rec_infer", folder / "lines"
    text_lines.write_folder(lines, 200)
    dense = _import(net, folder)
    expected = text_lines.reference_cer(NETS / f"{net}.onnx", lines)
    found, cost = _evaluate(dense, lines)
    rate = found["value"]
    must = f"= {expected:.6f} of a plain loop"
    yield Row(f"{_short(net)}: cer of 200{cost}", f"{rate:.6f}", must, rate == expected)
    yield from _shrunk(net, dense, lines, "cer", 0.02)


def _detector(folder: Path) -> Iterator[Row]:
    from real.nets import link_photos

    net, photos = "ch_PP-OCRv4_det_infer", link_photos(folder / "hundred", 10, labelled=False)
    dense = _import(net, folder)
    found, cost = _evaluate(dense, photos, "--reference", dense)
    error = found["value"]
    yield Row(f"{_short(net)}: error of itself{cost}", f"{error:g}", "= 0", error == 0)
    yield from _shrunk(net, dense, photos, "iou@0.3", 0.8)


def _orientation(folder: Path) -> Iterator[Row]:
    from real.nets import NETS, classify_lines, write_turned

    net, lines = "ch_ppocr_mobile_v2.0_cls_infer", write_turned(folder / "turned", 200)
    dense = _import(net, folder)
    wanted = np.arange(200) % 2
    expected = int((classify_lines(NETS / f"{net}.onnx", lines) == wanted).sum())
    found, cost = _evaluate(dense, lines)
    correct, must = found["correct"], f"= {expected} of a plain loop"
    yield Row(f"{_short(net)}: correct of 200{cost}", str(correct), must, correct == expected)
    yield from _shrunk(net, dense, lines, "accuracy", 0.90)


def _voice(folder: Path) -> Iterator[Row]:
    from real.nets import LENGTHS, write_audio

    net = "silero_vad"
    dense = _import(net, folder)
    cut, shared, coded = (folder / f"{net}-{stage}.onnx" for stage in "abc")
    measured("prune", dense, "--sparsity", "0.5", "-o", cut)
    measured("quantize", cut, "--bits", "5", "-o", shared)
    _, seconds, peak = measured("emit", shared, "-o", coded)
    for rate in LENGTHS:
        audio = write_audio(folder / f"audio{rate}", rate, 64)
        found, _, _ = measured("validate", coded, "--reference", shared, "--data", audio)
        largest = max(each["absolute"] for each in found["model"][0]["differences"].values())
        what = f"{_short(net)}: emitted and cut differ at {rate:,} Hz"
        yield Row(what, f"{largest:g}", "= 0", largest == 0)
    sizes = f"{coded.stat().st_size:,} of {dense.stat().st_size:,}"
    small = coded.stat().st_size <= 400_000
    yield Row(f"{_short(net)}: bytes{_cost(seconds, peak)}", sizes, "≤ 400,000", small)


def _shrunk(net: str, dense: Path, data: Path, metric: str, limit: float) -> Iterator[Row]:
    """Yield the metric of a net without 30 % of its weights, pruned and then repaired."""
    cut, fitted = (dense.with_name(f"{net}-{stage}.onnx") for stage in ("cut", "fitted"))
    measured("prune", dense, "--sparsity", "0.3", "-o", cut)
    words = ["--reference", dense, "--data", data]
    _, seconds, peak = measured("repair", cut, *words, "--samples", "200", "-o", fitted)
    if not metric.startswith("iou"):
        words = words[2:]
    values = [
        measured("evaluate", each, *words, "--metric", metric, "--split", "all")[0]["value"]
        for each in (cut, fitted)
    ]
    falls = metric == "cer"
    met = values[1] <= limit if falls else values[1] >= limit
    what = f"{_short(net)}: {metric} at 30 % zeros, repaired{_cost(seconds, peak)}"
    found = f"{values[0]:.4f} → {values[1]:.4f}"
    yield Row(what, found, f"{'≤' if falls else '≥'} {limit:g}", met)


def _import(net: str, folder: Path) -> Path:
    from real.nets import IMPORTS, NETS

    path = folder / f"{net}.onnx"
    measured("import", NETS / f"{net}.onnx", *IMPORTS[net].split(), "-o", path)
    return path


def _evaluate(model: Path, data: Path, *options: object) -> tuple[dict, str]:
    found, seconds, peak = measured("evaluate", model, "--data", data, "--split", "all", *options)
    return found, _cost(seconds, peak)


def _short(net: str) -> str:
    return net.removeprefix("ch_").removeprefix("ppocr_mobile_v2.0_").removesuffix("_infer")


def _cost(seconds: float, peak: int) -> str:
    return f" ({seconds:.1f} s, {peak / 1e6:,.0f} MB)"
