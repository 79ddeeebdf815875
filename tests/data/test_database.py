"""Caffe's databases give what Caffe's Data layer gives.

`transforms.npz` holds images, encoded files and a mean, and what Caffe 1.0 made of them.
"""

import contextlib
import io
import sys
from pathlib import Path

import numpy as np
import plyvel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cortado.caffe import read_mean
from cortado.caffe.datum import read_datum
from cortado.data import TARGET, Dataset, ImageForm, Signature, database, open_data, subset
from cortado.data.images import decode_image
from cortado.errors import CortadoError, UsageError
from cortado.task.transform import InputTransform, MeanImage
from data.records import datum, encoded, field, mean_file, packed, write_leveldb, write_lmdb
from samples import everything
from support import SHARED, needs_shared

GOLDEN = np.load(Path(__file__).parent / "data" / "transforms.npz")
WRITERS = {"lmdb": write_lmdb, "leveldb": write_leveldb}
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (20, 1, 5, 4), np.uint8)
LABELS = RNG.integers(0, 3, 20)
ANY_FORM = ImageForm()
MUTATED = [
    datum(IMAGES[0], 3),
    datum(IMAGES[0].astype(np.float32), 3),
    encoded(GOLDEN["f0"].tobytes(), 1),
    encoded(GOLDEN["f1"].tobytes(), 1),
]


def records(images=IMAGES, labels=LABELS):
    return [datum(image, int(label)) for image, label in zip(images, labels, strict=True)]


def opened(path, form=ANY_FORM):
    """Return the images of one database: those that are tested on."""
    return open_data(f"train={path},val={path},test={path}", Signature(form)).test


@pytest.mark.parametrize("library", WRITERS)
@pytest.mark.usefixtures("_memory")
def test_a_directory_with_a_training_and_a_test_part(library, tmp_path):
    WRITERS[library](tmp_path / f"mnist_train_{library}", records())
    WRITERS[library](tmp_path / f"mnist_test_{library}", records(IMAGES[:3], [0, 1, 2]))
    dataset = open_data(str(tmp_path))
    pixels, labels = everything(dataset.test)
    assert (labels.dtype, dataset.classes) == (np.int64, 3)
    np.testing.assert_array_equal(pixels, IMAGES[:3])
    np.testing.assert_array_equal(labels, [0, 1, 2])
    assert (len(dataset.train), len(dataset.val)) == (18, 2)


def test_one_database_is_divided(tmp_path):
    dataset = open_data(write_lmdb(tmp_path / "all", records()))
    assert [len(part) for part in (dataset.train, dataset.val, dataset.test)] == [14, 2, 4]


def test_a_validation_part_of_its_own(tmp_path):
    for name, count in (("train", 9), ("val", 5), ("test", 4)):
        write_lmdb(tmp_path / f"{name}_lmdb", records(IMAGES[:count], LABELS[:count]))
    dataset = open_data(f"{tmp_path}/")
    assert [len(part) for part in (dataset.train, dataset.val, dataset.test)] == [9, 5, 4]


@needs_shared
@pytest.mark.usefixtures("_memory")
def test_what_caffe_wrote_is_read_in_the_order_of_keys():
    expected = np.load(SHARED / "caffe" / "lmdb" / "expected.npz")
    pixels, labels = everything(opened(SHARED / "caffe" / "lmdb"))
    np.testing.assert_array_equal(pixels, [expected[f"arr_{i}"] for i in range(6)])
    assert len(set(labels.tolist())) > 1
    mean = read_mean((SHARED / "caffe" / "lmdb" / "mean.binaryproto").read_bytes())
    np.testing.assert_array_equal(mean.array, expected["mean"])


@pytest.mark.parametrize(
    ("name", "transform"),
    [
        ("meanfile", InputTransform(0.5, image=MeanImage.of(GOLDEN["mean"]), crop=5)),
        ("values", InputTransform(0.25, (10.0, 20.0, 30.0), crop=4)),
        ("one", InputTransform(1.0, (10.0,))),
    ],
)
def test_transforms_are_caffes(name, transform, tmp_path):
    images = GOLDEN["imgs"]
    pixels, _ = everything(opened(write_lmdb(tmp_path / "db", records(images, range(4)))))
    np.testing.assert_array_equal(transform(pixels), GOLDEN[f"caffe_{name}"])


@pytest.mark.parametrize(("name", "channels"), [("encoded", None), ("encoded", 3), ("gray", 1)])
def test_encoded_images_are_decoded_as_caffe_does(name, channels, tmp_path):
    files = [encoded(GOLDEN[f"f{i}"].tobytes(), i) for i in range(3)]
    path = write_lmdb(tmp_path / "db", files)
    pixels, labels = everything(opened(path, ImageForm(channels)))
    np.testing.assert_array_equal(pixels[0], GOLDEN[f"caffe_{name}"][0])  # a PNG
    np.testing.assert_allclose(pixels, GOLDEN[f"caffe_{name}"], atol=2)  # libjpegs differ
    np.testing.assert_array_equal(labels, [0, 1, 2])


def test_a_model_that_takes_rgb_gets_rgb(tmp_path):
    path = write_lmdb(tmp_path / "db", [encoded(GOLDEN["f0"].tobytes(), 0)])
    pixels, _ = everything(opened(path, ImageForm(3, None, "rgb")))
    np.testing.assert_array_equal(pixels, GOLDEN["caffe_encoded"][:1, ::-1])


def test_encoded_images_are_resized_and_cropped_for_a_model_that_wants_it(tmp_path):
    sizes = [(12, 20), (31, 14)]
    images = [Image.fromarray(RNG.integers(0, 256, (*size, 3), np.uint8)) for size in sizes]
    path = write_lmdb(tmp_path / "db", [encoded(png_of(image), 0) for image in images])
    pixels, _ = everything(opened(path, ImageForm(3, (8, 8), "rgb", resize=10, crop=8)))
    expected = [
        images[0].resize((16, 10), Image.Resampling.BILINEAR).crop((4, 1, 12, 9)),  # 16 of 16.67
        images[1].resize((10, 22), Image.Resampling.BILINEAR).crop((1, 7, 9, 15)),  # 22 of 22.14
    ]
    np.testing.assert_array_equal(
        pixels, [np.asarray(each).transpose(2, 0, 1) for each in expected]
    )


def png_of(image):
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("write", [datum, packed])
@pytest.mark.usefixtures("_memory")
def test_float_data(write, tmp_path):
    image = RNG.standard_normal((2, 3, 4)).astype(np.float32)
    pixels, labels = everything(opened(write_lmdb(tmp_path / "db", [write(image, 7)])))
    np.testing.assert_array_equal(pixels, image[None])
    np.testing.assert_array_equal(labels, [7])


@pytest.fixture(params=["kept", "read when taken"])
def _memory(request, monkeypatch):
    """Hold images in memory, and do not."""
    if request.param != "kept":
        monkeypatch.setattr(database, "_SMALL", 0)


def test_records_are_read_when_they_are_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "_SMALL", 0)
    images = records()
    images[5] = images[5][:-10]
    samples = opened(write_lmdb(tmp_path / "db", images))
    assert len(samples.take(np.array([4, 6])).targets[TARGET]) == 2
    with pytest.raises(CortadoError, match=r"db: record 5 \(00000005\) is damaged: "):
        samples.take(np.array([5]))


def test_a_subset(tmp_path):
    samples = subset(opened(write_lmdb(tmp_path / "db", records())), 5)
    assert (len(samples), len(samples.labels)) == (5, 5)
    np.testing.assert_array_equal(everything(samples).labels, samples.labels)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (datum(IMAGES[0], 0)[:20], "is damaged: it is no Datum: a field of 20 bytes has"),
        (field(1, 1) + field(2, 5) + field(3, 4), r"damaged: it has 0 values for .*\[1, 5, 4\]"),
        (encoded(b"\x89PNG but not really", 0), "damaged: it is no image that Pillow knows"),
        (datum(np.full((1, 5, 4), np.nan, np.float32), 0), "pixels that are no numbers"),
        (datum(RNG.integers(0, 9, (1, 4, 5), np.uint8), 0), "is 1×4×5, others are 1×5×4"),
    ],
)
@pytest.mark.usefixtures("_memory")
def test_a_damaged_record_is_one_line(wrong, message, tmp_path):
    path = write_lmdb(tmp_path / "db", [*records(), wrong])
    with pytest.raises(CortadoError, match=message) as caught:
        everything(opened(path))
    assert "record 20 (00000020)" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_of_a_repeated_field_the_last_counts():
    """Protobuf's rule for fields that are not repeated, which `data` is too."""
    small, large = IMAGES[0, :, :2], IMAGES[0]
    found = read_datum(datum(small, 1) + datum(large, 2))
    assert (found.label, found.pixels.tolist()) == (2, large.tolist())
    assert read_datum(encoded(b"x", 0) + encoded(b"y", 0)).encoded == b"y"


@pytest.mark.parametrize("number", [1, 5, 7])
def test_numbers_of_another_kind_are_refused(number):
    with pytest.raises(CortadoError, match=f"^it is no Datum: field {number} is of wire type 2$"):
        read_datum(datum(IMAGES[0], 1) + field(number, b"\x00"))


@pytest.mark.usefixtures("_memory")
def test_a_negative_label_is_refused(tmp_path):
    with pytest.raises(CortadoError, match=r"record 1 .* has a label that is negative"):
        assert opened(write_lmdb(tmp_path / "db", records(IMAGES[:2], [0, -1]))).labels.size


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        ("train={0}/a_train", UsageError, "must name train=PATH and test=PATH"),
        ("train={0}/a_train,train={0}/a_train", UsageError, "each once"),
        ("train={0}/a_train,test={0}/none", CortadoError, "cannot read .*none"),
        ("train={0}/a_train,test={0}/empty", CortadoError, "empty is not one of: .*LMDB"),
        ("{0}", CortadoError, "both .*/a_train and .*/b_train could be the train part"),
        ("{0}/only", CortadoError, "nothing beside it to train on"),
        ("{0}/torn", CortadoError, "torn is no LMDB, or is damaged"),
        ("{0}/tornlevel", CortadoError, "tornlevel is no LevelDB, or is damaged"),
    ],
)
def test_what_is_no_pair_of_databases_is_refused(spec, error, message, tmp_path):
    for name in ("a_train", "b_train", "only/test"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_lmdb(tmp_path / name, records())
    for name, file in (("torn", "data.mdb"), ("tornlevel", "CURRENT"), ("empty", "x")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_bytes(b"torn")
    with pytest.raises(error, match=message):
        open_data(spec.format(tmp_path))


def test_without_the_library_the_extra_is_named(tmp_path, monkeypatch):
    path = write_leveldb(tmp_path / "v", records())
    monkeypatch.setitem(sys.modules, "plyvel", None)
    with pytest.raises(CortadoError, match="install cortado with its extra caffe"):
        open_data(path)


def test_mean_files():
    mean = RNG.standard_normal((3, 4, 5)).astype(np.float32)
    np.testing.assert_array_equal(read_mean(mean_file(mean)).array, mean)
    for data in (b"", b"\xff" * 9, mean_file(mean)[:-5], mean_file(np.full((1, 2, 2), np.inf))):
        with pytest.raises(CortadoError, match="it is no mean image"):
            read_mean(data)
    with pytest.raises(CortadoError, match=r"\(binaryproto\), or is damaged: a field of .* has"):
        read_mean(mean_file(mean)[:-5])


def test_parts_are_samples(tmp_path):
    path = write_lmdb(tmp_path / "db", records())
    assert isinstance(open_data(f"train={path},val={path},test={path}"), Dataset)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_mutated_record_is_read_or_refused(data):
    whole = bytearray(data.draw(st.sampled_from(MUTATED)))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    record = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    with contextlib.suppress(CortadoError):
        found = read_datum(record)
        if found.encoded:
            decode_image(found.encoded, ANY_FORM, upright=False)


def test_checksums_of_a_leveldb_are_verified(tmp_path):
    path = write_leveldb(tmp_path / "db", records(RNG.integers(0, 256, (20, 1, 50, 50), np.uint8)))
    with plyvel.DB(path) as database:
        database.compact_range()
    (table,) = Path(path).glob("*.ldb")
    whole = bytearray(table.read_bytes())
    whole[len(whole) // 2] ^= 1
    table.write_bytes(whole)
    with pytest.raises(CortadoError, match=r"is damaged: .*checksum mismatch"):
        everything(opened(path))


def test_a_truncated_database_is_refused(tmp_path):
    path = Path(write_lmdb(tmp_path / "db", records()))
    whole = (path / "data.mdb").read_bytes()
    for size in (len(whole) - 1, len(whole) // 2, 8192):
        (path / "data.mdb").write_bytes(whole[:size])
        with pytest.raises(CortadoError, match=r"db is (truncated|no LMDB)"):
            open_data(str(path))
