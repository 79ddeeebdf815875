"""Cached prefix, batched suffix: the values in front of a layer are computed once for all points.

split_points      where the graph is split: in front of each layer
ort_layout        how onnxruntime lays out channels of convolutions
prefix            batches on their way to the split points
suffix            from a split point to the outputs, for several weights of its layer at once
cache             values at split points, kept in memory for all samples
memory            how much of that is in memory at a time
expected_outputs  what points are compared with, kept or computed again
bodies            weights in bodies of If, Loop and Scan, lifted to be fed
measure           the dense model once, then the points of a wave
"""
