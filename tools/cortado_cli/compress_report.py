"""What ``cortado compress`` tells when it is done: its stages, its layers, its sizes."""

from typing import TYPE_CHECKING, Any

from cortado.describe import describe

if TYPE_CHECKING:
    from cortado.compress import Compressed
    from cortado.describe import LayerFigures
    from cortado.validate import ProviderFigures
    from cortado_cli.talk import Talk

__all__ = ["report", "show"]


def show(compressed: "Compressed", talk: "Talk") -> None:
    """Print the stages, the layers of the finished model, and dense model beside file."""
    stages = [
        (rung.stage, f"{rung.density:.2%}", f"{rung.val.accuracy:.4f}", "yes" if rung.holds else "")
        for rung in compressed.stages
    ]
    talk.table(("stage", "weights left", "validation accuracy", "holds"), stages)
    talk.say("")
    final = describe(compressed.stages[-1].model)
    layers = [_layer_row(layer) for layer in (*final.layers, final.total)]
    talk.table(("layer", "weights", "left", "zeros", "values", "bits a weight"), layers)
    talk.say("")
    file = compressed.validation.found[0]
    assert compressed.validation.reference is not None
    dense_bytes, file_bytes = _sizes(compressed)
    rows = [
        ("dense", f"{dense_bytes:,}", *_score_row(compressed.validation.reference)),
        ("file", f"{file_bytes:,}", *_score_row(file)),
    ]
    talk.table(("test images", "bytes", "errors", "accuracy", "loss"), rows)
    talk.say(
        f"The file is {dense_bytes / file_bytes:.1f} times smaller than its dense values. "
        f"An entropy code could reach {final.total.bound_bytes + final.other_bytes:,.0f} bytes. In "
        f"memory onnxruntime keeps all {dense_bytes:,} bytes and computes with every weight, so "
        "that the file is not faster than the dense model."
    )


def report(compressed: "Compressed") -> dict[str, Any]:
    """Return the same figures as `json` can write them."""
    file = compressed.validation.found[0]
    assert compressed.validation.reference is not None
    final = describe(compressed.stages[-1].model)
    dense_bytes, file_bytes = _sizes(compressed)
    return {
        "stages": [
            {
                "stage": rung.stage,
                "density": rung.density,
                "val_accuracy": rung.val.accuracy,
                "holds": rung.holds,
            }
            for rung in compressed.stages
        ],
        "layers": [
            {
                "name": layer.name,
                "weights": layer.weights,
                "nonzero": layer.nonzero,
                "distinct": layer.distinct,
                "entropy_bits": layer.entropy,
            }
            for layer in final.layers
        ],
        "sparsity": 1 - final.total.density,
        "bytes": {
            "dense": dense_bytes,
            "file": file_bytes,
            "entropy_bound": final.total.bound_bytes + final.other_bytes,
            "in_memory": dense_bytes,
        },
        "test": {
            "dense": _score_report(compressed.validation.reference),
            "file": _score_report(file),
        },
    }


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


def _score_row(figures: "ProviderFigures") -> tuple[str, ...]:
    score = figures.accuracy
    assert score is not None
    return f"{score.samples - score.correct:,}", f"{score.accuracy:.4f}", f"{score.loss:.4f}"


def _score_report(figures: "ProviderFigures") -> dict[str, Any]:
    score = figures.accuracy
    assert score is not None
    return {
        "samples": score.samples,
        "correct": score.correct,
        "accuracy": score.accuracy,
        "loss": score.loss,
    }
