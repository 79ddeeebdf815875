"""Flat folders of images: their labels, their parts, and sizes that differ."""

import numpy as np
import pytest
from PIL import Image

from cortado.data import image_files, open_data
from cortado.data.flat import open_flat
from cortado.data.images import ImageForm
from cortado.data.samples import IMAGE, TARGET
from cortado.data.signature import Signature
from cortado.errors import CortadoError, UsageError

RNG = np.random.default_rng(0)
FORM = ImageForm(3, (6, 5), "rgb")
LINES = ImageForm(1, (8, None))


def fill(folder, names, size=(6, 5)):
    """Write images into a folder, and return their pixels by name."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for name in names:
        written[name] = RNG.integers(0, 256, (*size, 3), np.uint8)
        Image.fromarray(written[name]).save(folder / name)
    return written


def texts(folder, text, name="labels.txt"):
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_images_are_in_the_order_of_their_names_and_without_targets(tmp_path):
    written = fill(tmp_path, ["b.png", "a.PNG", "c.bmp"])
    (tmp_path / "notes.md").write_text("no image")
    (tmp_path / ".hidden.png").write_text("no image")
    samples = open_flat(f"{tmp_path}/", FORM)
    batch = samples.take(np.array([2, 0]))
    expected = np.stack([written["c.bmp"], written["a.PNG"]]).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(batch.inputs[IMAGE], expected)
    assert (batch.targets, samples.labels, samples.alike, len(samples)) == (None, None, None, 3)


def test_integer_labels_are_classes(tmp_path):
    fill(tmp_path, ["a.png", "b.png", "c.png"])
    texts(tmp_path, "\ufeffc.png\t7\r\na.png\t0\r\n\r\nb.png\t12\r\n")
    samples = open_flat(str(tmp_path), FORM)
    np.testing.assert_array_equal(samples.labels, [0, 12, 7])
    np.testing.assert_array_equal(samples.take(np.array([2])).targets[TARGET], [7])
    assert samples.labels.dtype == np.int64


@pytest.mark.parametrize("labels", [("12", "three", "5"), ("007", "1", "2"), ("", "ä b", "1.5")])
def test_other_labels_are_texts(labels, tmp_path):
    fill(tmp_path, ["a.png", "b.png", "c.png"])
    texts(tmp_path, "".join(f"{name}.png\t{x}\n" for name, x in zip("abc", labels, strict=True)))
    samples = open_flat(str(tmp_path), FORM)
    assert samples.labels is None
    assert samples.take(np.arange(3)).targets[TARGET].tolist() == list(labels)


def test_a_file_of_labels_serves_several_folders(tmp_path):
    fill(tmp_path / "train", [f"{i}.png" for i in range(10)])
    fill(tmp_path / "test", ["0.png", "x.png"])
    lines = [f"train/{i}.png\t{i}" for i in range(10)] + ["test/0.png\t5", "x.png\t6"]
    labels = texts(tmp_path, "\n".join(lines), "all.tsv")
    dataset = open_data(str(tmp_path), Signature(FORM), labels)
    np.testing.assert_array_equal(dataset.test.labels, [5, 6])
    found = np.concatenate([dataset.train.labels, dataset.val.labels])
    np.testing.assert_array_equal(np.sort(found), np.arange(10))


def test_flat_parts_have_labels_of_their_own(tmp_path):
    for part in ("train", "val", "test"):
        fill(tmp_path / part, ["a.png", "b.png"])
        texts(tmp_path / part, "a.png\t1\nb.png\t0\n")
    dataset = open_data(str(tmp_path), Signature(FORM))
    for part in (dataset.train, dataset.val, dataset.test):
        np.testing.assert_array_equal(part.labels, [1, 0])


def test_directories_are_classes_unless_all_are_named_like_parts(tmp_path):
    for name in ("car", "train", "test"):
        fill(tmp_path / name, [f"{i}.png" for i in range(5)])
    dataset = open_data(str(tmp_path), Signature(FORM))
    found = [part.labels for part in (dataset.train, dataset.val, dataset.test)]
    np.testing.assert_array_equal(np.sort(np.concatenate(found)), [0] * 5 + [1] * 5 + [2] * 5)


def test_a_folder_that_is_one_part_is_divided(tmp_path):
    fill(tmp_path, [f"{i}.png" for i in range(20)])
    dataset = open_data(str(tmp_path), Signature(FORM))
    assert [len(part) for part in (dataset.train, dataset.val, dataset.test)] == [14, 2, 4]
    assert dataset.test.labels is None


def test_images_of_the_same_size_behind_the_resize_are_alike(tmp_path, monkeypatch):
    for name, size in {"a": (8, 20), "b": (16, 40), "c": (8, 21), "d": (4, 10)}.items():
        fill(tmp_path, [f"{name}.png"], size)
    samples = open_flat(str(tmp_path), LINES)
    with monkeypatch.context() as context:
        context.setattr(image_files, "decode_image", None)  # no pixels are decoded for it
        np.testing.assert_array_equal(samples.alike, [0, 0, 1, 0])
    assert samples.take(np.array([0, 1, 3])).inputs[IMAGE].shape == (3, 1, 8, 20)
    assert samples.take(np.array([2])).inputs[IMAGE].shape == (1, 1, 8, 21)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.png\t1\n", r"labels.txt has no label of .*/b\.png"),
        ("a.png\t1\nb.png\t2\nc.png\t3\n", r"labels.txt names c\.png, which is no image in"),
        ("a.png 1\nb.png\t2\n", r"labels.txt: line 1 is not 'file<TAB>label'"),
        ("a.png\t1\n\nb.png\t2\na.png\t1\n", r"labels.txt: line 4 gives a\.png a second label"),
        ("a.png\t1\nb.png\t-2\n", r"labels.txt: the label of b\.png is negative"),
        ("\n", "labels.txt holds no labels"),
    ],
)
def test_labels_that_do_not_fit_are_one_line(text, message, tmp_path):
    fill(tmp_path, ["a.png", "b.png"])
    texts(tmp_path, text)
    with pytest.raises(CortadoError, match=message):
        open_flat(str(tmp_path), FORM)


def test_labels_for_what_is_no_folder_of_images_are_refused(tmp_path):
    fill(tmp_path / "cat", ["a.png"])
    labels = texts(tmp_path, "a.png\t1\n", "l.tsv")
    with pytest.raises(UsageError, match=r"--labels .*l\.tsv is for folders .*not one"):
        open_data(str(tmp_path), Signature(FORM), labels)


@pytest.mark.parametrize("spec", ["digits", "x.npz", "package.module:callable"])
def test_labels_beside_a_source_that_has_its_own_are_refused(spec):
    with pytest.raises(
        UsageError, match=rf"--labels l\.tsv is for folders of images, and {spec} is not one"
    ):
        open_data(spec, Signature(FORM), "l.tsv")


def test_a_named_folder_takes_the_labels_that_are_given(tmp_path):
    fill(tmp_path / "photos", [f"{i}.png" for i in range(20)])
    labels = texts(tmp_path, "".join(f"{i}.png\t{i}\n" for i in range(20)), "l.tsv")
    dataset = open_data(f"{tmp_path}/photos/", Signature(FORM), labels)
    found = [part.labels for part in (dataset.train, dataset.val, dataset.test)]
    np.testing.assert_array_equal(np.sort(np.concatenate(found)), np.arange(20))


def test_a_damaged_head_is_named(tmp_path):
    fill(tmp_path, ["a.png"])
    (tmp_path / "b.png").write_bytes(b"nothing")
    with pytest.raises(CortadoError, match=r"b\.png: it is no image that Pillow knows"):
        open_flat(str(tmp_path), LINES).alike  # noqa: B018 - reading it is what fails


@pytest.mark.parametrize("form", [ImageForm(), ImageForm(4, (6, 5)), ImageForm(None, (6, 5))])
def test_a_model_that_takes_no_images_is_refused(form, tmp_path):
    fill(tmp_path, ["a.png"])
    with pytest.raises(UsageError, match="does not take images of 1 or 3 channels"):
        open_flat(str(tmp_path), form)
