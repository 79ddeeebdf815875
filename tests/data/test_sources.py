"""What ``--data`` may name."""

import gzip
import struct
import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits

from cortado.data import IMAGE, open_data
from cortado.data.digits import load_digits as loaded_digits
from cortado.data.signature import Signature
from cortado.errors import CortadoError
from samples import everything

RNG = np.random.default_rng(0)
TRAIN = RNG.integers(0, 256, (20, 5, 4), np.uint8), RNG.integers(0, 3, 20, np.uint8)
TEST = RNG.integers(0, 256, (6, 5, 4), np.uint8), np.array([0, 1, 2, 0, 1, 2], np.uint8)


def idx(array):
    shape = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, 8, array.ndim]) + shape + array.tobytes()


def write_idx(folder, pack=bytes, suffix="", style="-idx{}-ubyte", test="t10k"):
    for part, (images, labels) in (("train", TRAIN), (test, TEST)):
        for kind, array in (("images", images), ("labels", labels)):
            name = f"{part}-{kind}{style.format(array.ndim)}{suffix}"
            (folder / name).write_bytes(pack(idx(array)))
    return str(folder)


def assert_holds(dataset, train=TRAIN, test=TEST):
    """Check that the test part is as it was, and the other two are the training part."""
    pixels, labels = everything(dataset.test)
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(pixels, test[0][:, None])
    np.testing.assert_array_equal(labels, test[1])
    parts = [everything(part) for part in (dataset.train, dataset.val)]
    found = sorted(
        (int(label), image.tobytes())
        for part in parts
        for image, label in zip(part.pixels, part.labels, strict=True)
    )
    wanted = [image.tobytes() for image in train[0]]
    assert found == sorted(zip(train[1].tolist(), wanted, strict=True))


# IDX directories.


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"pack": gzip.compress, "suffix": ".gz"},
        {"style": ".idx{}-ubyte"},
        {"test": "test"},
    ],
    ids=["plain", "gzipped", "dots", "test"],
)
def test_a_directory_of_idx_files(form, tmp_path):
    dataset = open_data(write_idx(tmp_path, **form))
    assert_holds(dataset)
    assert dataset.classes == 3
    assert dataset.split("val") is dataset.val


def test_a_trailing_slash_does_not_matter(tmp_path):
    assert_holds(open_data(write_idx(tmp_path) + "/"))


def test_a_missing_file_is_named(tmp_path):
    write_idx(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(CortadoError, match=r"has no t10k-labels-…-ubyte\[.gz\] or test-labels"):
        open_data(str(tmp_path))


def test_a_damaged_file_is_named(tmp_path):
    write_idx(tmp_path)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(TRAIN[0])[:-1])
    with pytest.raises(CortadoError, match="train-images-idx3-ubyte is truncated"):
        open_data(str(tmp_path))


def test_images_and_labels_of_different_numbers_are_refused(tmp_path):
    write_idx(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(TRAIN[1][:-1]))
    with pytest.raises(CortadoError, match="20 images have 19 labels"):
        open_data(str(tmp_path))


def test_what_is_no_source_is_refused(tmp_path):
    with pytest.raises(CortadoError, match=r"cannot read .*nothing: No such file"):
        open_data(str(tmp_path / "nothing"))
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(CortadoError, match=r"is not one of: digits, a \.npz"):
        open_data(str(tmp_path / "file"))


# NumPy archives.


def write_npz(folder, **arrays):
    np.savez_compressed(folder / "data.npz", **arrays)
    return str(folder / "data.npz")


def test_an_archive_of_both_parts(tmp_path):
    path = write_npz(tmp_path, x_train=TRAIN[0], y_train=TRAIN[1], x_test=TEST[0], y_test=TEST[1])
    assert_holds(open_data(path))


def test_an_archive_of_one_part_is_divided(tmp_path):
    dataset = open_data(write_npz(tmp_path, x=TRAIN[0], y=TRAIN[1]))
    assert [len(part) for part in (dataset.train, dataset.val, dataset.test)] == [14, 2, 4]


def test_images_with_channels_stay_as_they_are(tmp_path):
    images = RNG.standard_normal((20, 3, 4, 4))
    dataset = open_data(write_npz(tmp_path, x=images, y=TRAIN[1]))
    assert everything(dataset.train).pixels.shape == (14, 3, 4, 4)


GOOD = {"x": TRAIN[0], "y": TRAIN[1]}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "holds nothing; it needs"),
        ({**GOOD, "y": TRAIN[1] + 0j}, "the targets 'y' are complex128"),
        ({**GOOD, "y": TRAIN[1] / np.nan}, "sample 0 is NaN"),
        ({**GOOD, "y": TRAIN[1].astype(int) - 1}, "a label is negative"),
        ({**GOOD, "y": TRAIN[1][:19]}, "20 images have 19 labels"),
        ({"x": TRAIN[0][:0], "y": TRAIN[1][:0]}, "no images"),
        ({"x": TRAIN[0][:2], "y": TRAIN[1][:2]}, "too few samples to hold a part of them out: 2"),
        ({**GOOD, "x": TRAIN[1]}, r"the images are uint8 of shape \[20\]"),
        ({**GOOD, "x": TRAIN[0] + 0j}, "the images are complex128"),
        ({**GOOD, "x": TRAIN[0].astype(str)}, "the images are <U3"),
        ({**GOOD, "x": TRAIN[0].astype(object)}, "is not an .npz file, or is damaged"),
    ],
)
def test_an_archive_that_does_not_fit_is_refused(arrays, message, tmp_path):
    with pytest.raises(CortadoError, match=message):
        open_data(write_npz(tmp_path, **arrays))


@pytest.mark.parametrize("data", [b"", b"hello", b"PK\x03\x04" + bytes(40)])
def test_what_is_no_archive_is_refused(data, tmp_path):
    (tmp_path / "data.npz").write_bytes(data)
    with pytest.raises(CortadoError, match=r"is not an .npz file, or is damaged"):
        open_data(str(tmp_path / "data.npz"))


def test_an_archive_with_any_one_byte_damaged_gives_no_other_error(tmp_path):
    path = tmp_path / "data.npz"
    write_npz(tmp_path, **GOOD)
    good = path.read_bytes()
    refused = 0
    for position in range(0, len(good), 3):
        path.write_bytes(good[:position] + bytes([good[position] ^ 0xFF]) + good[position + 1 :])
        try:
            open_data(str(path))
        except CortadoError:
            refused += 1
    assert refused > len(good) / 6  # half of those tried; the rest are dates and the like


# Callables.

MODULE = """
import numpy as np
calls = []

class Items:
    def __init__(self, count, label=lambda i: i % 3, shape=(5, 4)):
        self.count, self.label, self.shape = count, label, shape
    def __len__(self):
        return self.count
    def __getitem__(self, i):
        return np.full(self.shape, i, "uint8"), self.label(i)

def pair(): return Items(20), Items(6)
def colour(): return Items(20, shape=(3, 5, 4)), Items(6, shape=(3, 5, 4))
def single(): return Items(20)
def empty(): return Items(20), Items(0)
def negative(): return Items(20, lambda i: i - 1), Items(6)
def numbers(): return 1, 2
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module of data sets to the working directory; return its name."""
    name = "my_data_of_this_test"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield name
    sys.modules.pop(name, None)


def test_a_callable_in_the_working_directory(module):
    dataset = open_data(f"{module}:pair")
    assert [len(part) for part in (dataset.train, dataset.val, dataset.test)] == [18, 2, 6]
    pixels, labels = everything(dataset.test)
    np.testing.assert_array_equal(pixels[:, 0, 0, 0], np.arange(6))
    np.testing.assert_array_equal(labels, np.arange(6) % 3)
    assert "" not in sys.path


def test_grey_images_of_a_callable_get_their_channel(module):
    assert everything(open_data(f"{module}:pair").val).pixels.shape == (2, 1, 5, 4)
    assert everything(open_data(f"{module}:colour").val).pixels.shape == (2, 3, 5, 4)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("empty", "without length or items"),
        ("numbers", "without length or items"),
        ("missing", "cannot be imported"),
    ],
)
def test_a_callable_that_gives_no_data_is_refused(function, message, module):
    with pytest.raises(CortadoError, match=message):
        open_data(f"{module}:{function}")


def test_negative_labels_of_a_callable_are_refused(module):
    with pytest.raises(CortadoError, match="a label that is negative"):
        _ = open_data(f"{module}:negative").classes


def test_a_module_that_is_not_there_is_refused():
    with pytest.raises(CortadoError, match="cannot be imported: No module named 'no_such_module'"):
        open_data("no_such_module:data")


# The embedded digits.


def test_digits_are_those_of_scikit_learn_enlarged_to_mnists_size():
    dataset = open_data("digits")
    parts = [everything(part) for part in (dataset.train, dataset.val, dataset.test)]
    assert [len(part.labels) for part in parts] == [1294, 144, 359]
    pixels = np.concatenate([part.pixels for part in parts])
    labels = np.concatenate([part.labels for part in parts])
    original = load_digits()
    assert pixels.shape == (1797, 1, 28, 28)
    assert (pixels.min(), pixels.max() > 240, pixels.max() <= 255) == (0, True, True)
    np.testing.assert_array_equal(np.bincount(labels), np.bincount(original.target))
    small = np.asarray(original.images * 255 / 16)
    means = sorted(zip(original.target, small.mean(axis=(1, 2)), strict=True))
    found = sorted(zip(labels, pixels.mean(axis=(1, 2, 3)), strict=True))
    np.testing.assert_allclose(found, means, atol=6)  # linear interpolation keeps the mean, nearly


def test_digits_are_interpolated_between_the_centres_of_pixels():
    """Row i of 28 lies at (i + 1/2) · 8/28 − 1/2 of the 8 rows."""
    enlarged, small = loaded_digits().inputs[IMAGE][:, 0], load_digits().images * 255 / 16
    at = (np.arange(28) + 0.5) * 8 / 28 - 0.5
    for row, column in ((5, 6), (11, 12), (14, 20), (25, 2)):
        y, x = int(at[row]), int(at[column])
        a, b = at[row] - y, at[column] - x
        corners = small[:, y : y + 2, x : x + 2]
        expected = np.array([1 - a, a]) @ corners @ np.array([1 - b, b])
        np.testing.assert_allclose(enlarged[:, row, column], expected, atol=1e-3)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_images_with_pixels_that_are_no_numbers_are_refused(bad, tmp_path):
    images = np.ones((20, 5, 4))
    images[13, 2, 2] = bad
    np.savez(tmp_path / "bad.npz", x=images, y=np.zeros(20, int))
    with pytest.raises(CortadoError, match=r"bad\.npz: image 13 has pixels that are no numbers"):
        open_data(str(tmp_path / "bad.npz"))


@pytest.mark.parametrize("shape", [(0, 5), (20, 0), (0, 1, 4, 4)])
def test_arrays_without_images_are_refused(shape, tmp_path):
    np.save(tmp_path / "none.npy", np.zeros(shape))
    with pytest.raises(CortadoError, match=r"none\.npy: no images: the array is of shape \["):
        open_data(str(tmp_path / "none.npy"))


def test_parts_of_different_sizes_are_refused(tmp_path):
    parts = {"x_train": TRAIN[0], "y_train": TRAIN[1], "x_test": TEST[0][:, :3], "y_test": TEST[1]}
    np.savez(tmp_path / "parts.npz", **parts)
    with pytest.raises(CortadoError, match=r"shape \[1, 5, 4\], test images \[1, 3, 4\]"):
        open_data(str(tmp_path / "parts.npz"))


# Arrays of other names than the model's.


@pytest.mark.parametrize(
    "names", [("images", "labels"), ("x", "y"), ("data", "target"), ("features", "y")]
)
def test_the_only_input_and_the_target_may_have_other_names(tmp_path, names):
    path, (images, labels) = str(tmp_path / "a.npz"), TRAIN
    np.savez(path, **dict(zip(names, (images[:, None], labels), strict=True)))
    whole = open_data(path, Signature(inputs=("pixels",), outputs=("p",))).whole
    batch = whole.take(np.arange(len(images)))
    np.testing.assert_array_equal(next(iter(batch.inputs.values())), images[:, None])
    np.testing.assert_array_equal(batch.targets["target"], labels)


def test_parts_may_have_other_names_too(tmp_path):
    path = str(tmp_path / "a.npz")
    arrays = {f"{part}/images": TRAIN[0][:, None] for part in ("train", "test")}
    arrays |= {f"{part}/label": TRAIN[1] for part in ("train", "test")}
    np.savez(path, **arrays)
    test = open_data(path, Signature(inputs=("pixels",), outputs=("p",))).test
    np.testing.assert_array_equal(test.labels, TRAIN[1])


def test_x_and_y_are_an_input_and_an_output_where_the_model_has_several(tmp_path):
    path = str(tmp_path / "a.npz")
    np.savez(path, x=TRAIN[0], y=TRAIN[1])
    whole = open_data(path, Signature(inputs=("x",), outputs=("y", "state"))).whole
    assert whole.take(np.arange(2)).targets.keys() == {"y"}


def test_two_arrays_that_may_be_the_input_are_refused(tmp_path):
    path = str(tmp_path / "a.npz")
    np.savez(path, left=TRAIN[0], right=TRAIN[0])
    with pytest.raises(CortadoError, match="holds left, right; it needs"):
        open_data(path, Signature(inputs=("pixels",), outputs=("p",)))
