"""What ``cortado compress`` tells when it is done: its stages, its layers, its sizes."""

from typing import TYPE_CHECKING, Any

from cortado.describe import describe

if TYPE_CHECKING:
    from cortado.compress import Compressed
    from cortado.describe import LayerFigures
    from cortado.evaluate import Evaluation
    from cortado_cli.talk import Talk

__all__ = ["report", "show"]

_HOLDS = {None: "", True: "yes", False: "no"}


def show(compressed: "Compressed", talk: "Talk") -> None:
    """Print the stages, the layers of the finished model, and dense model beside file."""
    stages = [
        (stage.name, f"{stage.density:.2%}", f"{stage.val.accuracy:.4f}", _HOLDS[stage.holds])
        for stage in compressed.stages
    ]
    talk.table(("stage", "weights left", "validation accuracy", "holds"), stages)
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
    talk.table(("test images", "bytes", "errors", "accuracy", "loss"), rows)
    talk.say(
        f"The file is {dense_bytes / file_bytes:.1f} times smaller than its dense values. "
        f"The entropy of its weights, one by one, with their values and the biases as they are: "
        f"{final.total.bound_bytes + final.other_bytes:,.0f} bytes. In memory onnxruntime keeps "
        f"all {dense_bytes:,} bytes and computes with every weight, so that the file is not "
        "faster than the dense model."
    )


def report(compressed: "Compressed") -> dict[str, Any]:
    """Return the same figures as `json` can write them."""
    dense, file = _scores(compressed)
    final = describe(compressed.model)
    dense_bytes, file_bytes = _sizes(compressed)
    return {
        "stages": [
            {
                "stage": stage.name,
                "density": stage.density,
                "val_accuracy": stage.val.accuracy,
                "holds": stage.holds,
            }
            for stage in compressed.stages
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
            "dense": _score_report(dense),
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


def _scores(compressed: "Compressed") -> "tuple[Evaluation, Evaluation]":
    """Return what the dense model and the file scored on the test images."""
    (found,), reference = compressed.validation.found, compressed.validation.reference
    assert reference is not None  # compress gives the dense model as the reference
    assert reference.evaluation is not None  # and measures both on the test images
    assert found.evaluation is not None
    return reference.evaluation, found.evaluation


def _score_row(score: "Evaluation") -> tuple[str, ...]:
    return f"{score.errors:,}", f"{score.accuracy:.4f}", f"{score.loss:.4f}"


def _score_report(score: "Evaluation") -> dict[str, Any]:
    return {
        "samples": score.samples,
        "correct": score.correct,
        "accuracy": score.accuracy,
        "loss": score.loss,
    }
