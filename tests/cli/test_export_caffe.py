"""`cortado export-caffe`: from a caffemodel through a pipe of commands and back."""

import json

import pytest

from cli.program import cortado, done, refused, same_weights


def test_a_pruned_net_goes_back_to_caffe(net, pruned, tmp_path):
    path, report = tmp_path / "pruned.caffemodel", tmp_path / "report.json"
    done("export-caffe", pruned, "--prototxt", net, "-o", path, "--json", report)
    assert same_weights(done("import", net, path), pruned.read_bytes())
    found = json.loads(report.read_text())
    assert found["file_bytes"] == path.stat().st_size
    assert found["layers"][0] == {
        "name": "conv1",
        "type": "Convolution",
        "shapes": [[4, 1, 5, 5], [4]],
    }


def test_standard_input_and_output_and_coded_files(net, pruned, tmp_path):
    plain = done("export-caffe", "--prototxt", net, stdin=pruned.read_bytes())
    coded = done("emit", pruned, "--storage", "coded", "-q")
    assert done("export-caffe", "--prototxt", net, stdin=coded) == plain


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("{dense}", 2, ["Missing option '--prototxt'"]),
        ("{dense} --prototxt {dense}", 1, ["dense.onnx is not a text file"]),
        ("{dense} --prototxt none.prototxt", 1, ["cannot read none.prototxt"]),
        ("{dense} --prototxt {net} --weights {net}", 1, ["net.prototxt"]),
        ("{dense} --prototxt {net} --weights nope", 1, ["error: cannot read nope"]),
        ("{dense} --prototxt {net} --cut-at conv1", 1, ["--cut-at or --phase, must be given"]),
        ("{dense} --prototxt {other}", 1, ["other.prototxt", "does not come from this net"]),
        ("{int8} --prototxt {net}", 1, ["does not come from this net"]),
        ("{dense} --prototxt {net} --json {net}", 2, ["--json would overwrite"]),
    ],
)
def test_refusals(arguments, code, words, net, dense, old, tmp_path):
    other, int8 = tmp_path / "other.prototxt", tmp_path / "int8.onnx"
    other.write_text(net.read_text().replace('type: "ReLU"', 'type: "Sigmoid"', 1))
    done("emit", dense, "--kernel", "int8", "-q", "-o", int8)
    filled = arguments.format(net=net, dense=dense, other=other, int8=int8).split()
    assert refused(cortado("export-caffe", *filled, "-o", old), code, "export-caffe", *words)
