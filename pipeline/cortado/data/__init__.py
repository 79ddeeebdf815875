"""Data sources: labelled images for retraining and evaluation.

samples     labelled images that are taken by index, a batch at a time
splits      training, validation and test part of a data set
arrays      files of numpy's arrays
idx         the file format of MNIST
digits      the embedded default: real handwritten digits that scikit-learn carries
database    the images of an LMDB or LevelDB of Caffe
folders     image files, a directory a class
images      image files → pixels
parts       directories with a training and a test part
sources     what a ``--data`` option may name
unlabelled  images where labels are not asked for
feed        pixels → the input that a model wants
batches     images, a batch at a time, as a model takes them
"""

from cortado.data.arrays import read_arrays
from cortado.data.batches import Fed, Inputs, feed_batches
from cortado.data.feed import Feed
from cortado.data.images import ImageForm
from cortado.data.samples import ArraySamples, Batch, Samples, subset
from cortado.data.sources import open_data
from cortado.data.splits import Dataset
from cortado.data.unlabelled import open_images, read_unlabelled

__all__ = [
    "ArraySamples",
    "Batch",
    "Dataset",
    "Fed",
    "Feed",
    "ImageForm",
    "Inputs",
    "Samples",
    "feed_batches",
    "open_data",
    "open_images",
    "read_arrays",
    "read_unlabelled",
    "subset",
]
