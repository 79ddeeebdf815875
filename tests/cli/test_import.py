"""`cortado import`: nets, weights and ONNX files in every form; what does not fit is refused."""

import json
import re

import onnx
import pytest

from caffe.forks.architectures import DETECTOR
from cli.program import cortado, done, refused, same_weights, weights
from cortado.caffe.layers import registry
from support import SHARED, needs_shared

LENET = SHARED / "caffe" / "lenet5"
CAFFEMODEL = LENET / "lenet_iter_10000.caffemodel"


def edited(tmp_path, old, new):
    path = tmp_path / "edited.prototxt"
    text = (LENET / "deploy.prototxt").read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return path


def transform(data):
    properties = {p.key: p.value for p in onnx.load_from_string(data).metadata_props}
    found = json.loads(properties["cortado.input"])
    return found["scale"], tuple(found.get("mean", ()))


def test_names_of_layers_become_names_of_weights(dense):
    assert {name: array.shape for name, array in weights(dense.read_bytes()).items()} == {
        "conv1": (4, 1, 5, 5),
        "fc1": (16, 144),
        "fc2": (10, 16),
    }


def test_the_batch_is_symbolic_also_under_another_input_shape(net):
    model = onnx.load_from_string(done("import", "--init", net, "--input-shape", "9,1,20,20"))
    batch, *image = model.graph.input[0].type.tensor_type.shape.dim
    assert batch.dim_param
    assert [size.dim_value for size in image] == [1, 20, 20]


def test_scale_and_mean_are_stored(net):
    assert transform(done("import", "--init", net, "--input-scale", "0.25")) == (0.25, ())
    data = done("import", "--init", net, "--input-mean", "10", "--input-scale", "0.5")
    assert transform(data) == (0.5, (10.0,))


def test_scale_and_mean_are_taken_from_a_training_net(net, tmp_path):
    training = tmp_path / "train_val.prototxt"
    training.write_text(
        'layer { name: "d" type: "Data" top: "data" '
        "transform_param { scale: 0.125 mean_value: 3 } }"
    )
    assert transform(done("import", "--init", net, "--transform-from", training)) == (0.125, (3.0,))
    result = cortado("import", "--init", net, "--transform-from", net)
    assert refused(result, 1, "import", str(net), "no data layer")


def test_layers_of_a_stage_are_taken(net, tmp_path):
    path = tmp_path / "net.prototxt"
    extra = 'layer { name: "x" type: "TanH" bottom: "fc2" top: "x" include { stage: "deploy" } }'
    path.write_text(net.read_text() + extra)
    assert b"Tanh" not in done("import", "--init", path)
    assert b"Tanh" in done("import", "--init", path, "--stage", "deploy")


def test_an_onnx_file_with_sparse_initializers_becomes_dense(pruned, sparse):
    assert onnx.load(sparse).graph.sparse_initializer
    assert same_weights(done("import", sparse), pruned.read_bytes())


def test_an_onnx_file_with_external_data_becomes_one_file(dense, tmp_path):
    model = onnx.load(dense)
    path = tmp_path / "model.onnx"
    onnx.save_model(
        model, path, save_as_external_data=True, location="weights.bin", size_threshold=0
    )
    assert same_weights(done("import", path), dense.read_bytes())
    piped = cortado("import", "-", stdin=path.read_bytes())
    assert refused(piped, 1, "import", "standard input", "conv1.weight", "external file")
    for command in ("inspect", "validate", "densify"):
        piped = cortado(command, "-", stdin=path.read_bytes())
        assert refused(piped, 1, command, "standard input", "conv1.weight", "external file")
    (tmp_path / "weights.bin").unlink()
    assert refused(cortado("import", path), 1, "import", str(path), "external data")


def test_weights_and_init_exclude_each_other(net, old):
    assert refused(cortado("import", net, "-o", old), 2, "import", str(net), "--init", "CAFFEMODEL")
    result = cortado("import", net, "some.caffemodel", "--init", "-o", old)
    assert refused(result, 2, "import", "--init")


@needs_shared
def test_a_net_of_other_layer_names_is_refused(old):
    net = LENET / "bvlc_deploy_ip_names.prototxt"
    result = cortado("import", net, CAFFEMODEL, "-o", old)
    assert refused(result, 1, "import", "'ip1'", "they have: conv1, conv2, fc1, fc2")


@needs_shared
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("num_output: 500", "num_output: 400"), ["'fc1'", "[400, 800]", "[500, 800]"]),
        (('"ReLU"', '"Rectifier"'), ["'relu1'", "Rectifier", "line "]),
        (("dim: 28", "dim: 20"), ["'fc1'"]),
        (("kernel_size: 5", "kernel_size: 50"), ["'conv1'"]),
        (('"fc1"', '"'), ["line "]),
    ],
    ids=["shape", "type", "size", "kernel", "syntax"],
)
def test_a_net_that_does_not_fit_its_weights_is_refused(change, words, tmp_path, old):
    result = cortado("import", edited(tmp_path, *change), CAFFEMODEL, "-o", old)
    assert refused(result, 1, "import", *words)


@needs_shared
@pytest.mark.parametrize("part", [0, 0.01, 0.3, 0.9])
def test_truncated_weights_are_refused(part, tmp_path, old):
    data = CAFFEMODEL.read_bytes()
    path = tmp_path / "part.caffemodel"
    path.write_bytes(data[: int(part * len(data))])
    result = cortado("import", LENET / "deploy.prototxt", path, "-o", old)
    assert refused(result, 1, "import", "part.caffemodel")


@pytest.mark.parametrize("garbage", [b"\x00\xff\xfe\x7fELF", b"\x00\x01\x02", b"}}{ name:", b""])
def test_garbage_is_no_prototxt(garbage, tmp_path, old):
    path = tmp_path / "garbage.prototxt"
    path.write_bytes(garbage)
    assert refused(cortado("import", "--init", path, "-o", old), 1, "import", "garbage.prototxt")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--input-shape", "1,x"),
        ("--input-shape", "1,0,28,28"),
        ("--input-scale", "nan"),
        ("--input-scale", "inf"),
        ("--input-mean", "1,nan"),
        ("--input-mean", "grey"),
        ("--phase", "DEPLOY"),
        ("--seed", "-1"),
    ],
)
def test_senseless_options_are_wrong_usage(option, value, net, old):
    result = cortado("import", "--init", net, option, value, "-o", old)
    assert refused(result, 2, "import", option, value)


def test_a_net_ends_where_the_user_says(net, tmp_path):
    path = tmp_path / "cut.onnx"
    done("import", "--init", net, "--cut-at", "fc1", "-o", path)
    assert [output.name for output in onnx.load(path).graph.output] == ["fc1"]
    data = done("import", path, "--cut-at", "conv1")
    notes = cortado("import", path, "--cut-at", "conv1").stderr
    assert re.search(r"cut at 'conv1': \d+ nodes are left out", notes)
    assert [output.name for output in onnx.load_from_string(data).graph.output] == ["conv1"]
    result = cortado("import", "--init", net, "--cut-at", "fc3")
    assert refused(result, 2, "import", "the net has no blob 'fc3'", "near it", "fc1")


def test_a_module_of_the_user_converts_layers(net, tmp_path, monkeypatch):
    (tmp_path / "wonders.py").write_text(
        "from cortado.caffe import layer\n\n\n"
        '@layer("Wonder9")\n'
        "def wonder(context):\n"
        '    return context.unary("Neg")\n'
    )
    path = tmp_path / "net.prototxt"
    path.write_text(net.read_text() + 'layer { name: "w" type: "Wonder9" bottom: "prob" top: "w" }')
    result = cortado("import", "--init", path)
    assert refused(result, 1, "import", "'Wonder9' cannot be converted", "--layers MODULE")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_CONVERTERS", dict(registry._CONVERTERS))
    data = done("import", "--init", path, "--layers", "wonders")
    assert [node.op_type for node in onnx.load_from_string(data).graph.node][-1] == "Neg"
    result = cortado("import", "--init", path, "--layers", "no_such_module")
    assert refused(result, 1, "import", "--layers no_such_module cannot be imported")


def test_a_detector_is_cut_or_decoded(tmp_path):
    path = tmp_path / "detector.prototxt"
    path.write_text(DETECTOR)
    outputs = {
        how: [
            output.name
            for output in onnx.load_from_string(
                done("import", "--init", path, "--detections", how)
            ).graph.output
        ]
        for how in ("cut", "decode")
    }
    assert outputs == {
        "cut": ["mbox_conf_flatten", "mbox_loc", "mbox_prior"],
        "decode": ["detection_out"],
    }
    whole = tmp_path / "whole.onnx"
    done("import", "--init", path, "--detections", "decode", "-o", whole)
    small = done("emit", stdin=done("prune", whole, "--sparsity", "0.5"))
    assert [output.name for output in onnx.load_from_string(small).graph.output] == [
        "detection_out"
    ]
    assert refused(cortado("import", whole, "--detections", "decode"), 2, "import", "PROTOTXT")
