"""Caffe's training files on the command line: data, transforms, solver, losses."""

import json

import numpy as np
import onnx
import pytest

from cli.program import cortado, done, refused
from cortado.model.onnx_io import serial
from cortado.task.metadata import read_transform
from cortado.task.transform import InputTransform
from data.records import datum, mean_file, write_lmdb

RNG = np.random.default_rng(0)
MEAN = RNG.uniform(100, 150, (3, 8, 8)).astype(np.float32)
IMAGES = RNG.integers(0, 256, (40, 3, 8, 8), np.uint8)
LABELS = np.arange(40) % 4
TRAIN_VAL = """
name: "tiny"
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN }
  transform_param { mirror: true crop_size: 6 mean_file: "elsewhere/mean.binaryproto" scale: 0.02 }
  data_param { source: "train_lmdb" batch_size: 8 } }
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TEST }
  transform_param { crop_size: 6 mean_file: "elsewhere/mean.binaryproto" scale: 0.02 }
  data_param { source: "test_lmdb" batch_size: 5 } }
layer { name: "aux" type: "InnerProduct" bottom: "data" top: "aux" param { lr_mult: 0 }
  inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
layer { name: "loss1" type: "SoftmaxWithLoss" bottom: "aux" bottom: "label" top: "loss1"
  loss_weight: 0.3 }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
layer { name: "top2" type: "Accuracy" bottom: "ip" bottom: "label" top: "top2"
  accuracy_param { top_k: 2 } include { phase: TEST } }
layer { name: "loss2" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss2" }
"""
SOLVER = """
net: "models/tiny/train_val.prototxt"
base_lr: 0.01 lr_policy: "step" gamma: 0.5 stepsize: 3 momentum: 0.9 weight_decay: 0.001
max_iter: 10 display: 5 random_seed: 3
"""
ADAGRAD = SOLVER.replace("momentum: 0.9", 'type: "AdaGrad"')


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Give a folder with a net, its solver, its mean, its databases and the imported model."""
    folder = tmp_path_factory.mktemp("caffe")
    (folder / "train_val.prototxt").write_text(TRAIN_VAL)
    (folder / "solver.prototxt").write_text(SOLVER)
    (folder / "mean.binaryproto").write_bytes(mean_file(MEAN))
    data = folder / "data"
    data.mkdir()
    records = [datum(image, int(label)) for image, label in zip(IMAGES, LABELS, strict=True)]
    write_lmdb(data / "tiny_train_lmdb", records)
    write_lmdb(data / "tiny_test_lmdb", records[:20])
    model = folder / "model.onnx"
    net = folder / "train_val.prototxt"
    report = folder / "import.json"
    done("import", "--init", net, "--input-shape", "1,3,6,6", "-o", model, "--json", report)
    return folder


def weights(data):
    model = onnx.load_from_string(data)
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def test_a_net_is_measured_on_what_it_was_trained_for(files):
    found = done("evaluate", files / "model.onnx", "--data", files / "data", "--json", "-")
    report = json.loads(found)
    stored = weights((files / "model.onnx").read_bytes())
    inputs = ((IMAGES[:20].astype(np.float32) - MEAN)[:, :, 1:7, 1:7] * 0.02).reshape(20, -1)
    losses, hits = {}, 0
    for name in ("aux", "ip"):
        scores = inputs @ stored[f"{name}.weight"].T + stored[f"{name}.bias"]
        own = scores[np.arange(20), LABELS[:20]]
        losses[name] = float((np.log(np.exp(scores).sum(axis=1)) - own).mean())
        hits = ((scores >= own[:, None]).sum(axis=1) <= 2).mean()
    values = {each["name"]: each["value"] for each in report["criteria"]}
    assert values["loss1"] == pytest.approx(losses["aux"], rel=1e-5)
    assert values["loss2"] == report["loss"] == pytest.approx(losses["ip"], rel=1e-5)
    assert values["top2"] == pytest.approx(hits)
    text = done("evaluate", files / "model.onnx", "--data", files / "data").decode()
    assert f"loss1 (SoftmaxWithLoss, weight 0.3): {losses['aux']:.4f}" in text


def test_a_criterion_is_printed_though_its_value_is_that_of_another(files, tmp_path):
    """Of a model that is always right, every accuracy is 1."""
    stored = weights((files / "model.onnx").read_bytes())
    inputs = ((IMAGES.astype(np.float32) - MEAN)[:, :, 1:7, 1:7] * 0.02).reshape(40, -1)
    chosen = (inputs @ stored["ip.weight"].T + stored["ip.bias"]).argmax(axis=1)
    np.savez(tmp_path / "data.npz", x=IMAGES, y=chosen)
    text = done("evaluate", files / "model.onnx", "--data", tmp_path / "data.npz").decode()
    assert "accuracy 1.0000" in text
    assert "top2 (top 2): 1.0000\n" in text


def test_several_models_have_a_column_for_each_criterion(files):
    model = files / "model.onnx"
    found = done("evaluate", model, model, "--data", files / "data").decode().splitlines()
    (_, *others) = done("evaluate", model, "--data", files / "data").decode().splitlines()
    assert [line.rpartition(": ")[0] for line in others] == [
        "loss1 (SoftmaxWithLoss, weight 0.3)",
        "top2 (top 2)",
    ]
    for line in others:
        title, _, value = line.rpartition(": ")
        assert title in found[0]
        assert value in found[1].split()
        assert value in found[2].split()


def test_a_loss_that_labels_do_not_give_is_told_and_not_measured(files, tmp_path):
    net = TRAIN_VAL.replace(
        'name: "loss2" type: "SoftmaxWithLoss"', 'name: "loss2" type: "EuclideanLoss"'
    )
    path, model = files / "regression.prototxt", tmp_path / "model.onnx"
    path.write_text(net)
    done("import", "--init", path, "--input-shape", "1,3,6,6", "-o", model)
    found = cortado("evaluate", model, "--reference", model, "--data", files / "data")
    assert found.code == 0
    assert "loss2 (EuclideanLoss) is not measured: it needs a target for each of 4" in found.stderr
    assert found.stdout.decode().startswith("20 samples: relative-error 0.0000, loss -, ")


def test_a_coded_file_remembers_all_of_it(files, tmp_path):
    done("quantize", files / "model.onnx", "--bits", "2", "-q", "-o", tmp_path / "shared.onnx")
    done("emit", tmp_path / "shared.onnx", "-q", "-o", tmp_path / "coded.onnx")
    reports = [
        json.loads(done("evaluate", path, "--data", files / "data", "--json", "-"))
        for path in (tmp_path / "shared.onnx", tmp_path / "coded.onnx")
    ]
    for report in reports:
        del report["seconds"], report["model"]
    assert reports[0] == reports[1]
    assert len(reports[0]["criteria"]) == 3


def test_the_import_reports_what_it_remembers(files):
    report = json.loads((files / "import.json").read_text())
    found = [(each["name"], each["kind"], each["weight"]) for each in report["criteria"]]
    assert found == [
        ("loss1", "SoftmaxWithLoss", 0.3),
        ("top2", "Accuracy", 0.0),
        ("loss2", "SoftmaxWithLoss", 1.0),
    ]


def test_a_solver_trains(files, tmp_path):
    command = ["retrain", files / "model.onnx", "--data", files / "data"]
    command += ["--solver", files / "solver.prototxt"]
    found = cortado(*command, "--json", tmp_path / "report.json")
    assert found.code == 0
    assert "of the solver, these have no effect: display" in found.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    assert len(report["epochs"]) == 3  # 10 steps of 8 of 36 images
    before, after = weights((files / "model.onnx").read_bytes()), weights(found.stdout)
    np.testing.assert_array_equal(before["aux.weight"], after["aux.weight"])  # lr_mult: 0
    assert np.abs(before["ip.weight"] - after["ip.weight"]).max() > 1e-4
    again = done(*command, "--seed", "3")
    assert weights(again).keys() == after.keys()
    np.testing.assert_array_equal(weights(again)["ip.weight"], after["ip.weight"])


def test_options_beside_a_solver_win(files, tmp_path):
    command = ["retrain", files / "model.onnx", "--data", files / "data", "-q"]
    command += ["--solver", files / "solver.prototxt", "--json", tmp_path / "report.json"]
    given = ["--epochs", "2", "--batch", "4", "--lr", "0.02", "--momentum", "0", "--seed", "1"]
    found = done(*command, *given, "--weight-decay", "0")
    assert len(json.loads((tmp_path / "report.json").read_text())["epochs"]) == 2
    (tmp_path / "other.prototxt").write_text(
        'base_lr: 0.02 lr_policy: "step" gamma: 0.5 stepsize: 3 max_iter: 18 random_seed: 1'
    )
    net = TRAIN_VAL.replace("batch_size: 8", "batch_size: 4")
    (tmp_path / "net.prototxt").write_text(net)
    command[command.index("--solver") + 1] = tmp_path / "other.prototxt"
    other = done(*command, "--net", tmp_path / "net.prototxt")
    np.testing.assert_array_equal(weights(found)["ip.weight"], weights(other)["ip.weight"])


@pytest.mark.parametrize(
    ("solver", "options", "code", "words"),
    [
        (SOLVER, "--rate cosine", 2, "--rate contradicts --solver"),
        (SOLVER, "--optimizer sgd", 2, "--optimizer contradicts --solver"),
        (ADAGRAD, "--momentum 0.5", 2, "--momentum 0.5: the solver's type AdaGrad has no momentum"),
        (SOLVER.replace("train_val", "none"), "", 1, "say where it is with --net"),
        (SOLVER, "--net none.prototxt", 1, "cannot read none.prototxt"),
        (SOLVER.replace("net:", "snapshot_prefix:"), "", 1, "names no net: give it with --net"),
        (SOLVER.replace("max_iter: 10", ""), "", 1, "has no max_iter"),
        (SOLVER.replace('"step"', '"steps"'), "", 1, "s.prototxt: the solver's lr_policy"),
    ],
)
def test_what_does_not_train_is_one_line(solver, options, code, words, files, tmp_path, old):
    (tmp_path / "s.prototxt").write_text(solver)
    (tmp_path / "train_val.prototxt").write_text(TRAIN_VAL)
    command = ["retrain", files / "model.onnx", "--data", files / "data"]
    command += ["--solver", tmp_path / "s.prototxt", *options.split(), "-q", "-o", old]
    assert refused(cortado(*command), code, "retrain", words)


def test_a_transform_from_a_training_net_and_by_hand(files, tmp_path):
    def stored(*options):
        net = files / "model.onnx"
        found = onnx.load_from_string(done("import", net, *options))
        return {entry.key: entry.value for entry in found.metadata_props}["cortado.input"]

    transform = json.loads(stored("--transform-from", files / "train_val.prototxt"))
    assert (transform["crop"], transform["mirror"], transform["scale"]) == (6, True, 0.02)
    assert transform["image"]["shape"] == [3, 8, 8]
    given = ["--input-mean", files / "mean.binaryproto", "--input-crop", "6"]
    by_hand = json.loads(stored(*given, "--channel-order", "bgr"))
    assert by_hand.pop("order") == "bgr"
    assert by_hand == transform
    channels = json.loads(stored("--input-mean", "1,2,3"))
    assert ("image" in channels, channels["mean"]) == (False, [1, 2, 3])


def test_a_missing_mean_file_is_named(files, tmp_path, old):
    (tmp_path / "net.prototxt").write_text(TRAIN_VAL)
    command = ["import", files / "model.onnx", "-o", old]
    missing = cortado(*command, "--transform-from", tmp_path / "net.prototxt")
    assert refused(missing, 1, "import", "mean_file 'elsewhere/mean.binaryproto': cannot read")
    assert refused(
        cortado(*command, "--input-mean", tmp_path / "no.binaryproto"), 1, "import", "cannot read"
    )
    shape = ["--input-shape", "1,3,6,6", "-o", tmp_path / "model.onnx"]
    found = cortado("import", "--init", tmp_path / "net.prototxt", *shape)
    assert (found.code, "the input transform lacks its mean" in found.stderr) == (0, True)


def test_a_stated_mean_takes_the_place_of_a_missing_file_and_nothing_else(files, tmp_path):
    (tmp_path / "net.prototxt").write_text(TRAIN_VAL)
    shape = ["--input-shape", "1,3,6,6", "--input-mean", "3"]
    data = done("import", "--init", tmp_path / "net.prototxt", *shape)
    found = read_transform(serial.decode(data, "the model"))
    assert found == InputTransform(0.02, (3.0,), crop=6, mirror=True)


def test_images_of_another_size_than_the_mean_are_refused(files, npz):
    path = npz((9, 9))
    found = cortado("evaluate", files / "model.onnx", "--data", path)
    assert refused(found, 1, "evaluate", "a mean image of 3×8×8; the images are 1×9×9")


def test_a_net_needs_a_solver(files, old):
    command = ["retrain", files / "model.onnx", "--data", files / "data", "--net", "x", "-o", old]
    assert refused(cortado(*command), 2, "retrain", "--net needs --solver")


def test_of_training_files_no_folder_is_remembered(files, tmp_path):
    """They decide on the result by what is in them."""
    mean = files / "mean.binaryproto"
    path = tmp_path / "model.onnx"
    shape = ["--input-shape", "1,3,6,6"]
    done("import", "--init", files / "train_val.prototxt", *shape, "--input-mean", mean, "-o", path)
    options = ["--solver", files / "solver.prototxt", "--net", files / "train_val.prototxt"]
    data = done("retrain", path, "--data", files / "data", *options, "--epochs", "0")
    properties = {p.key: p.value for p in onnx.load_from_string(data).metadata_props}
    assert json.loads(properties["cortado.history"])["steps"] == [
        "import --init --input-shape 1,3,6,6 --input-mean mean.binaryproto",
        "retrain --data data --epochs 0 --solver solver.prototxt --net train_val.prototxt",
    ]


def test_a_report_never_replaces_a_mean(files):
    mean = files / "mean.binaryproto"
    found = cortado("import", files / "model.onnx", "--input-mean", mean, "--json", mean)
    assert refused(found, 2, "import", "--json would overwrite")
    assert mean.read_bytes() == mean_file(MEAN)
