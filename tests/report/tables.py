"""Tables of sweeps that never ran, to be drawn."""

from cortado.sensitivity import Row, Table

BASE = {
    "metric": "accuracy",
    "better": "higher",
    "dense": 0.98,
    "drop_variance": 1e-5,
    "loss": 0.1,
    "divergence": 0.01,
    "samples": 500,
    "seconds": 0.0,
    "seed": 0,
    "lost": 5,
    "gained": 1,
    "dense_loss": 0.09,
    "weights": 100,
    "zeros": 50,
    "method": "",
    "against": "targets",
    "data": "digits",
    "split": "val",
    "total": 500,
    "output": "y",
    "model": "sha256:1",
    "note": "",
}


def row(layer, treatment, level, value, reach=0.02, **others):
    """Return a point; `reach` is how far its interval goes to both sides, None for none."""
    known = value is not None and reach is not None
    low, high = (max(0, value - reach), min(1, value + reach)) if known else (None, None)
    method = {"method": "magnitude"} if treatment == "prune" else {}
    drop = None if value is None else 0.98 - value
    ends = (drop - reach, drop + reach) if known else (None, None)
    figures = {"value": value, "ci_low": low, "ci_high": high, "drop": drop}
    bounds = dict(zip(("drop_low", "drop_high"), ends, strict=True))
    values = {**BASE, **figures, **bounds, **method, **others}
    return Row(layer=layer, treatment=treatment, level=level, **values)


def dense(value=0.98, **others):
    return row("*", "dense", 0.0, value, **others)


def curve(layer, fall, rates=(0.3, 0.5, 0.8, 0.9, 0.95), treatment="prune", **others):
    """Return the points of a layer whose accuracy falls by `fall` in all, evenly."""
    step = fall / len(rates)
    return [row(layer, treatment, r, 0.98 - step * (i + 1), **others) for i, r in enumerate(rates)]


def table(*curves, start=None):
    return Table((start or dense(), *(point for points in curves for point in points)), False)


def deep(layers=54):
    """Return a table of many layers, the last the most sensitive, pruned and with shared values."""
    names = [f"layer4.2.conv{number}" for number in range(layers)]
    falls = [0.9 * (number + 1) / layers for number in range(layers)]
    pruned = [curve(name, fall) for name, fall in zip(names, falls, strict=True)]
    shared = [
        curve(name, fall / 3, rates=(8, 6, 4, 3, 2), treatment="bits")
        for name, fall in zip(names, falls, strict=True)
    ]
    note = "nothing would change: it has so few values already"
    without = [row("head", name, 0.5, None, note=note) for name in ("prune", "skipped")]
    return table(*pruned, *shared, without)


def long_names():
    """Return a table whose layers are named as exported modules can be."""
    names = [f"/model/stage{n}/a_very_long_name_of_a_module/Conv_{n}" for n in range(8)]
    rates = (0.3, 0.5, 0.65, 0.75, 0.82, 0.88, 0.92, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998, 0.999)
    curves = [curve(name, 0.1 * place, rates) for place, name in enumerate(names)]
    note = "its weight is computed in the graph from another"
    return table(
        *curves, [row("/model/head/another_long_name/Gemm", "skipped", 0, None, note=note)]
    )
