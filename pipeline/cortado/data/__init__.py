"""Data sources: samples for calibration, training and evaluation.

samples       named arrays, perhaps with targets, that are taken by index, a batch at a time
splits        training, validation and test part of a data set
sources       what a ``--data`` option may name
forms         what each form of data answers, and the registry of them
archives      arrays in a file, as samples
arrays        files of numpy's arrays
sample_files  directories of arrays, one sample a file
callables     data sets of the user's own
idx           the file format of MNIST
digits        the embedded default: real handwritten digits that scikit-learn carries
database      the images of an LMDB or LevelDB of Caffe
records       the records of these
lmdb          the file format of LMDB
image_files   image files, as samples
folders       directories of image files, one a class
flat          directories of image files, with labels in a text file or none
images        image files → pixels
parts         directories with a training and a test part
idx_directory directories of these
adapters      samples → one input of a graph
feed          samples → all inputs of a model
signature     what a model wants of a source
batches       samples, a batch at a time, as a model takes them
"""

from cortado.data.arrays import read_arrays
from cortado.data.batches import Fed, Inputs, feed_batches
from cortado.data.feed import Feed
from cortado.data.images import ImageForm
from cortado.data.samples import (
    IMAGE,
    TARGET,
    ArraySamples,
    Batch,
    Samples,
    labelled_images,
    subset,
)
from cortado.data.signature import Signature
from cortado.data.sources import open_data
from cortado.data.splits import Dataset

__all__ = [
    "IMAGE",
    "TARGET",
    "ArraySamples",
    "Batch",
    "Dataset",
    "Fed",
    "Feed",
    "ImageForm",
    "Inputs",
    "Samples",
    "Signature",
    "feed_batches",
    "labelled_images",
    "open_data",
    "read_arrays",
    "subset",
]
