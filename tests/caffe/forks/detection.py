"""SSD's rules in plain Python, one box at a time, as its CPU code has them."""

from itertools import product
from math import exp

import numpy as np


def decoded(code, prior, variance, offset, encoded=False):
    """Return the corners of a box."""
    v = [1, 1, 1, 1] if encoded else variance
    x1, y1, x2, y2 = prior
    if code == "CORNER":
        return [p + v[i] * offset[i] for i, p in enumerate(prior)]
    w, h = x2 - x1, y2 - y1
    if code == "CORNER_SIZE":
        return [p + v[i] * offset[i] * (w, h, w, h)[i] for i, p in enumerate(prior)]
    x = (x1 + x2) / 2 + v[0] * offset[0] * w
    y = (y1 + y2) / 2 + v[1] * offset[1] * h
    w, h = exp(v[2] * offset[2]) * w, exp(v[3] * offset[3]) * h
    return [x - w / 2, y - h / 2, x + w / 2, y + h / 2]


def overlap(a, b):
    """Return the intersection over the union."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / (area(a) + area(b) - both)


def area(box):
    width, height = box[2] - box[0], box[3] - box[1]
    return width * height if width >= 0 and height >= 0 else 0.0


def suppressed(boxes, scores, confidence, threshold, top_k):
    """Return the priors that are left of one class, best first."""
    order = [i for i in np.argsort(-scores, kind="stable") if scores[i] > confidence]
    kept = []
    for i in order[: top_k if top_k > -1 else None]:
        if all(overlap(boxes[i], boxes[j]) <= threshold for j in kept):
            kept.append(i)
    return kept


def detections(loc, conf, priors, settings):
    """Return the rows (K, 7) for the settings of a DetectionOutput."""
    classes, count = settings["num_classes"], priors.shape[2] // 4
    shared = settings.get("share_location", True)
    offsets = loc.reshape(len(loc), count, 1 if shared else classes, 4).astype(float)
    scores = conf.reshape(len(loc), count, classes)
    boxes, variances = priors.reshape(2, count, 4).astype(float)
    rows = []
    for image in range(len(loc)):
        found = []
        for label in range(classes):
            if label == settings.get("background_label_id", 0):
                continue
            own = [
                decoded(
                    settings["code_type"],
                    boxes[p],
                    variances[p],
                    offsets[image, p, 0 if shared else label],
                    settings.get("variance_encoded_in_target", False),
                )
                for p in range(count)
            ]
            kept = suppressed(
                own,
                scores[image, :, label],
                settings["confidence_threshold"],
                settings["nms_threshold"],
                settings["top_k"],
            )
            found += [(image, label, scores[image, p, label], *own[p]) for p in kept]
        if -1 < settings["keep_top_k"] < len(found):
            best = sorted(found, key=lambda row: -row[2])[: settings["keep_top_k"]]
            found = sorted(best, key=lambda row: row[1])
        rows += found
    if not rows:
        rows = [(image, *[-1] * 6) for image in range(len(loc))]
    return np.asarray(rows, np.float32)


def prior_boxes(size, image, settings):
    """Return the boxes (H·W·P, 4) of a PriorBox, for (height, width) of the layer and image."""
    ratios = [1.0]
    for ratio in settings.get("aspect_ratio", ()):
        if all(abs(ratio - known) >= 1e-6 for known in ratios):
            ratios += [ratio, 1 / ratio] if settings.get("flip", True) else [ratio]
    step = settings.get("step") or (image[0] / size[0], image[1] / size[1])
    boxes = []
    for h, w in product(range(size[0]), range(size[1])):
        y, x = ((i + settings.get("offset", 0.5)) * s for i, s in zip((h, w), step, strict=True))
        for i, small in enumerate(settings["min_size"]):
            shapes = [(int(small), int(small))]
            if settings.get("max_size"):
                side = (int(small) * int(settings["max_size"][i])) ** 0.5
                shapes.append((side, side))
            shapes += [(int(small) * r**0.5, int(small) / r**0.5) for r in ratios[1:]]
            for width, height in shapes:
                box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
                boxes.append([side / image[1 - j % 2] for j, side in enumerate(box)])
    boxes = np.asarray(boxes)
    return boxes.clip(0, 1) if settings.get("clip") else boxes
