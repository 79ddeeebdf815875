"""Metrics, by name.

metric     what a metric is
form       what a name stands for: the numbers and the targets that it takes
classes    accuracy, top-k, agreement, cross-entropy, divergence
class_rows scores and labels as rows
distances  relative error, cosine, mean squared error, PSNR
masks      intersection over union
text       character error rate
own        functions of the user's own
registry   names → metrics
"""

from cortado.scoring.metrics.metric import Against, Metric, Outputs, Scored
from cortado.scoring.metrics.registry import (
    fallback_of,
    make_metric,
    metric_names,
    metric_title,
    register_metric,
)

__all__ = [
    "Against",
    "Metric",
    "Outputs",
    "Scored",
    "fallback_of",
    "make_metric",
    "metric_names",
    "metric_title",
    "register_metric",
]
