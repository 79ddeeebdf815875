"""The report of ``cortado compress``: its stages, its layers, its sizes."""

from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import click

from cortado.inspect.describe import describe
from cortado.progress import show_figure

if TYPE_CHECKING:
    from cortado.compress import Account, Compressed, CompressOptions
    from cortado.inspect.describe import LayerFigures
    from cortado.report import Origin
    from cortado.scoring.evaluate import Evaluation
    from cortado.scoring.task import Task
    from cortado.validate import ProviderFigures
    from cortado_cli.talk import Talk

__all__ = ["Written", "collect", "show"]

_HOLDS = {None: "", True: "yes", False: "no"}


def show(compressed: "Compressed", talk: "Talk") -> None:
    """Print the stages, the layers of the finished model, and dense model beside file."""
    from cortado.compress.account import size_change

    stages = [
        (stage.name, f"{stage.density:.2%}", f"{stage.val.value:.4f}", _HOLDS[stage.holds])
        for stage in compressed.stages
    ]
    metric = compressed.stages[0].val.metric.name
    talk.table(("stage", "weights left", f"validation {metric}", "within limit"), stages)
    talk.say("")
    final = describe(compressed.model)
    layers = [_layer_row(layer) for layer in (*final.layers, final.total)]
    talk.table(("layer", "weights", "left", "zeros", "values", "bits a weight"), layers)
    talk.say("")
    dense, file = _scores(compressed)
    dense_bytes, file_bytes = _sizes(compressed)
    rows = [
        ("dense", f"{dense_bytes:,}", *_score_row(dense)),
        ("file", f"{file_bytes:,}", *_score_row(file)),
    ]
    talk.table(("test part", "bytes", "errors", metric, "loss"), rows)
    talk.say(
        f"The file is {size_change(dense_bytes, file_bytes)} than its dense values. "
        f"The entropy of its weights, one by one, with their values and the biases as they are: "
        f"{final.total.bound_bytes + final.other_bytes:,.0f} bytes. In memory onnxruntime keeps "
        f"all {dense_bytes:,} bytes and computes with every weight, so that the file is not "
        "faster than the dense model."
    )


@dataclass(frozen=True)
class Written:
    """The texts written beside the file; empty where not asked for."""

    page: bytes = b""
    json: dict[str, Any] = field(default_factory=dict)


def collect(
    compressed: "Compressed", task: "Task", options: "CompressOptions", talk: "Talk"
) -> Written:
    """Return the page and the report that the running command was asked for.

    For a page the dense model is swept, where that was not done yet; its curves are in the report
    then, too.
    """
    from cortado.compress import account_for, sweep_beside
    from cortado.report import compression_page

    asked = click.get_current_context().params
    if asked["report"] is None and asked["json_path"] is None:
        return Written()
    curves = compressed.curves
    if curves is None and asked["report"] is not None:
        curves = talk.follow(sweep_beside(compressed, task, options))
    account = talk.follow(account_for(compressed, curves))
    origin = _origin(compressed, options, task)
    written = Written(json=_as_json(compressed, account, origin))
    if asked["report"] is None:
        return written
    return replace(written, page=compression_page(account, compressed.validation, origin))


def _origin(compressed: "Compressed", options: "CompressOptions", task: "Task") -> "Origin":
    """Return how to repeat the running command."""
    from cortado.report import Origin
    from cortado.task.metadata import read_history
    from cortado_cli.history import typed_line

    data = click.get_current_context().params["data"]
    return Origin(
        command=typed_line(),
        version=version("cortado"),
        seed=options.seed,
        data=data.rstrip("/").rpartition("/")[2],
        earlier=read_history(compressed.stages[0].model)[:-1],
        labelled=task.against == "targets",
        metric=task.metric.name,
    )


def _as_json(compressed: "Compressed", account: "Account", origin: "Origin") -> dict[str, Any]:
    """Return the figures as `json` can write them."""
    (found,), reference = compressed.validation.found, compressed.validation.reference
    assert reference is not None  # compress gives the dense model as the reference
    final, metric = describe(compressed.model), origin.metric
    entropy = {layer.name: layer.entropy for layer in final.layers}
    return {
        "stages": [
            {
                "stage": stage.name,
                "density": stage.density,
                "val_accuracy" if metric == "accuracy" else "val_metric": stage.value,
                "holds": stage.holds,
                "bytes": stage.bytes,
            }
            for stage in account.stages
        ],
        "layers": [
            {
                "name": layer.name,
                "weights": layer.weights,
                "nonzero": layer.nonzero,
                "distinct": layer.distinct,
                "entropy_bits": entropy[layer.name],
                "value_bits": layer.value_bits,
                "position_bits": layer.position_bits,
                "dense_bytes": layer.dense_bytes,
                "stored_bytes": layer.stored_bytes,
            }
            for layer in account.layers
        ],
        "other_tensors": {
            "weights": account.others.weights,
            "dense_bytes": account.others.dense_bytes,
            "stored_bytes": account.others.stored_bytes,
        },
        "sparsity": 1 - final.total.density,
        "bytes": {
            "dense": account.dense_bytes,
            "file": account.file_bytes,
            "entropy_bound": account.bound_bytes,
            "in_memory": account.dense_bytes,
            "graph": account.graph_bytes,
        },
        "test": {"dense": _score_report(reference), "file": _score_report(found)},
        "curves": _curve_reports(account),
        "origin": asdict(origin),
    }


def _curve_reports(account: "Account") -> list[dict[str, Any]]:
    """Return the curves of the dense model, and where each layer is on them; none if not swept."""
    curves = account.curves.curves if account.curves is not None else []
    return [
        {
            "layer": curve.layer,
            "treatment": curve.treatment,
            "points": [
                {
                    "level": row.level,
                    "value": row.value,
                    "ci_low": row.ci_low,
                    "ci_high": row.ci_high,
                    "reached": row == account.reached(curve),
                }
                for row in curve.rows
            ],
        }
        for curve in curves
    ]


def _sizes(compressed: "Compressed") -> tuple[int, int]:
    """Return the bytes of all initializers as dense values, and those of the file."""
    emitted = compressed.emitted
    return sum(tensor.dense_bytes for tensor in emitted.tensors), len(emitted.data)


def _layer_row(layer: "LayerFigures") -> tuple[str, ...]:
    return (
        layer.name,
        f"{layer.weights:,}",
        f"{layer.nonzero:,}",
        f"{1 - layer.density:.2%}",
        f"{layer.distinct}",
        f"{layer.entropy:.3f}",
    )


def _scores(compressed: "Compressed") -> "tuple[Evaluation, Evaluation]":
    """Return what the dense model and the file scored on the test images."""
    (found,), reference = compressed.validation.found, compressed.validation.reference
    assert reference is not None  # compress gives the dense model as the reference
    assert reference.evaluation is not None  # and measures both on the test images
    assert found.evaluation is not None
    return reference.evaluation, found.evaluation


def _score_row(score: "Evaluation") -> tuple[str, ...]:
    errors = f"{score.errors:,}" if score.classified else ""
    return errors, show_figure(score.value), show_figure(score.loss)


def _score_report(figures: "ProviderFigures") -> dict[str, Any]:
    score, latency = figures.evaluation, figures.latency
    assert score is not None  # compress measures both
    assert latency is not None
    return {
        "samples": score.samples,
        "correct": score.correct,
        "accuracy": score.accuracy,
        "metric": score.metric,
        "value": score.value,
        "interval": score.interval,
        "loss": score.loss,
        "latency_seconds": latency.median,
        "latency_quartiles": [latency.low, latency.high],
    }
