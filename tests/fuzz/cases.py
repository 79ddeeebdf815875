"""What is fuzzed: the kinds of inputs, each with its seeds, its damage, and its judge.

Case n of a target is always the same input. A judge returns when the reader was right by the word
of something that is not cortado, raises `CortadoError` where the reader refused, and anything else
where it was wrong.
"""

from fuzz import caffemodels, datums, external, hdf5s, lmdbs, nets_of_caffe, onnx_files, sick

TARGETS = {
    "prototxt": nets_of_caffe,
    "caffemodel": caffemodels,
    "onnx": onnx_files,
    "external": external,
    "datum": datums,
    "lmdb": lmdbs,
    "hdf5": hdf5s,
    "sick": sick,  # for the test of the watch
}
