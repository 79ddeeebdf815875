"""Small models that the tests of the command line share, and places to write to."""

import os

import numpy as np
import pytest

from cli.program import done

NET = """
name: "tiny"
layer {
  name: "data" type: "Input" top: "data"
  input_param { shape { dim: 1 dim: 1 dim: 28 dim: 28 } }
}
layer {
  name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 4 kernel_size: 5 stride: 4 weight_filler { type: "xavier" } }
}
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer {
  name: "fc1" type: "InnerProduct" bottom: "conv1" top: "fc1"
  inner_product_param { num_output: 16 weight_filler { type: "xavier" } }
}
layer { name: "relu2" type: "ReLU" bottom: "fc1" top: "fc1" }
layer {
  name: "fc2" type: "InnerProduct" bottom: "fc1" top: "fc2"
  inner_product_param { num_output: 10 weight_filler { type: "xavier" } }
}
layer { name: "prob" type: "Softmax" bottom: "fc2" top: "prob" }
"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def net(folder):
    """Give a prototxt that needs no shared data: conv1, fc1, fc2 on grey images of 28×28."""
    path = folder / "net.prototxt"
    path.write_text(NET)
    return path


@pytest.fixture(scope="session")
def dense(folder, net):
    """Give the net with random weights, the pixels scaled to 0…1."""
    path = folder / "dense.onnx"
    done("import", "--init", net, "--input-scale", "0.004", "-o", path)
    return path


@pytest.fixture(scope="session")
def trained(folder, dense):
    """Give the net trained on the digits for a moment."""
    path = folder / "trained.onnx"
    done("retrain", dense, "--data", "digits", "--epochs", "4", "--lr", "0.02", "-q", "-o", path)
    return path


@pytest.fixture(scope="session")
def pruned(folder, trained):
    """Give the trained net without nine tenths of its weights, and without repair."""
    path = folder / "pruned.onnx"
    done("prune", trained, "--sparsity", "0.9", "-q", "-o", path)
    return path


@pytest.fixture(scope="session")
def sparse(folder, pruned):
    """Give the pruned net with sparse initializers."""
    path = folder / "sparse.onnx"
    done("emit", pruned, "--storage", "sparse", "-q", "-o", path)
    return path


@pytest.fixture(scope="session")
def wide(folder, net):
    """Give a model that is larger than the buffer of a pipe."""
    prototxt, path = folder / "wide.prototxt", folder / "wide.onnx"
    prototxt.write_text(net.read_text().replace("num_output: 16", "num_output: 1600"))
    done("import", "--init", prototxt, "-o", path)
    return path


@pytest.fixture
def old(tmp_path):
    """Give a file that the test must leave as it is, alone in its directory."""
    path = tmp_path / "out" / "old.onnx"
    path.parent.mkdir()
    path.write_bytes(b"old")
    yield path
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


@pytest.fixture
def refusing(tmp_path):
    """Give a directory that takes no files."""
    if os.getuid() == 0:  # who may write everywhere but here
        return "/proc"
    directory = tmp_path / "read-only"
    directory.mkdir(mode=0o555)
    return directory


@pytest.fixture
def npz(tmp_path):
    """Give a function that writes a data set of 40 random images and returns its path."""

    def write(size=(28, 28), labels=None, name="data.npz"):
        generator = np.random.default_rng(0)
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        images = generator.integers(0, 256, (40, *size)).astype(np.uint8)
        np.savez(path, x=images, y=np.arange(40) % 10 if labels is None else labels)
        return path

    return write
