"""`--seed`: the same seed gives the same bytes, wherever they lie; another gives others."""

import pytest

from cli.program import done, same_weights

RANDOM = {
    "import": ["import", "--init", "{net}"],
    "prune": ["prune", "{dense}", "--method", "random-below", "--sparsity", "0.5"],
    "retrain": ["retrain", "{dense}", "--data", "digits", "--samples", "60", "--epochs", "2"],
    "quantize": ["quantize", "{dense}", "--init", "random", "--bits", "2"],
}


@pytest.mark.parametrize("arguments", RANDOM.values(), ids=RANDOM)
def test_a_seed_decides_on_the_bytes(arguments, net, dense):
    command = [argument.format(net=net, dense=dense) for argument in arguments]
    first = done(*command, "--seed", "3")
    assert done(*command, "--seed", "3") == first
    assert not same_weights(done(*command, "--seed", "4"), first)
    assert same_weights(done(*command), done(*command, "--seed", "0"))


def test_paths_do_not_get_into_the_bytes(net, tmp_path, npz, monkeypatch):
    found = []
    for folder in (tmp_path / "one", tmp_path / "two" / "deeper"):
        folder.mkdir(parents=True)
        (folder / f"{folder.name}.prototxt").write_text(net.read_text())
        data = npz(name=folder / "data.npz")
        made = done("import", "--init", folder / f"{folder.name}.prototxt")
        cut, trained = folder / f"cut-{folder.name}.onnx", folder / "trained.onnx"
        report = folder / f"{folder.name}.json"
        done("prune", "--sparsity", "0.5", "-q", "-o", cut, "--json", report, stdin=made)
        done("retrain", cut, "--data", data, "--epochs", "1", "-o", trained)
        found.append(trained.read_bytes())
    assert found[0] == found[1]
    monkeypatch.chdir(tmp_path / "one")
    relative = done("retrain", "cut-one.onnx", "--data", "data.npz", "--epochs", "1")
    assert relative == found[0]
