"""Tables of sweeps that never ran, to be drawn."""

from cortado.sensitivity import Row, Table

BASE = {
    "loss": 0.1,
    "kl": 0.01,
    "samples": 500,
    "seconds": 0.0,
    "seed": 0,
    "lost": 5,
    "gained": 1,
    "dense_loss": 0.09,
    "weights": 100,
    "zeros": 50,
    "method": "",
    "against": "labels",
    "data": "digits",
    "split": "val",
    "images": 500,
    "model": "sha256:1",
    "note": "",
}


def row(layer, kind, rate, accuracy, reach=0.02, **others):
    """Return a point; `reach` is how far its interval goes to both sides, None for none."""
    known = accuracy is not None and reach is not None
    low, high = (max(0, accuracy - reach), min(1, accuracy + reach)) if known else (None, None)
    method = {"method": "magnitude"} if kind == "prune" else {}
    values = {"accuracy": accuracy, "ci_low": low, "ci_high": high, **BASE, **method, **others}
    return Row(layer=layer, kind=kind, rate=rate, **values)


def dense(accuracy=0.98, **others):
    return row("*", "dense", 0.0, accuracy, **others)


def curve(layer, fall, rates=(0.3, 0.5, 0.8, 0.9, 0.95), kind="prune", **others):
    """Return the points of a layer whose accuracy falls by `fall` in all, evenly."""
    step = fall / len(rates)
    return [row(layer, kind, r, 0.98 - step * (i + 1), **others) for i, r in enumerate(rates)]


def table(*curves, start=None):
    return Table((start or dense(), *(point for points in curves for point in points)), False)


def deep(layers=54):
    """Return a table of many layers, the last the most sensitive, pruned and with shared values."""
    names = [f"layer4.2.conv{number}" for number in range(layers)]
    falls = [0.9 * (number + 1) / layers for number in range(layers)]
    pruned = [curve(name, fall) for name, fall in zip(names, falls, strict=True)]
    shared = [
        curve(name, fall / 3, rates=(8, 6, 4, 3, 2), kind="bits")
        for name, fall in zip(names, falls, strict=True)
    ]
    note = "nothing would change: it shares values already"
    without = [row("head", kind, 0.5, None, note=note) for kind in ("prune", "skipped")]
    return table(*pruned, *shared, without)
