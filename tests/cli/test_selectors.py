"""`SELECTOR=VALUE`: a name, a glob or a regular expression; the last match wins."""

import pytest

from cli.program import cortado, done, refused, weights, zeros


def pruned(dense, *selectors):
    options = [word for selector in selectors for word in ("--sparsity", selector)]
    return [round(fraction, 2) for fraction in zeros(done("prune", dense, *options)).values()]


@pytest.fixture
def pruned_half(dense, tmp_path):
    path = tmp_path / "half.onnx"
    done("prune", dense, "--sparsity", "0.5", "-o", path)
    return path


@pytest.mark.parametrize(
    ("selectors", "expected"),
    [
        (["0.5"], [0.5, 0.5, 0.5]),
        (["fc1=0.5"], [0, 0.5, 0]),
        (["fc*=0.5"], [0, 0.5, 0.5]),
        (["*1=0.5"], [0.5, 0.5, 0]),
        (["fc[2-9]=0.5"], [0, 0, 0.5]),
        (["re:^fc=0.5"], [0, 0.5, 0.5]),
        (["re:(?=fc)..1=0.5"], [0, 0.5, 0]),
        (["re:^(conv1|fc2)$=0.5"], [0.5, 0, 0.5]),
        (["0.25", "fc1=0.5"], [0.25, 0.5, 0.25]),
        (["fc1=0.5", "0.25"], [0.25, 0.25, 0.25]),
        (["fc*=0.5", "fc2=0.75", "conv1=0.25"], [0.25, 0.5, 0.75]),
        (["*=0"], [0, 0, 0]),
    ],
)
def test_layers_are_selected(selectors, expected, dense):
    assert pruned(dense, *selectors) == expected


def test_cuts_are_selected_in_the_same_way_and_count_from_what_is_left(pruned_half):
    found = zeros(done("prune", pruned_half, "--cut", "fc*=0.5", "--cut", "fc2=0.2"))
    assert [round(fraction, 2) for fraction in found.values()] == [0.5, 0.75, 0.6]


def test_bits_are_selected_in_the_same_way(dense):
    data = done("quantize", dense, "--bits", "1", "--bits", "fc*=3", "--bits", "re:2$=2")
    values = {name: len(set(array.ravel().tolist())) for name, array in weights(data).items()}
    assert values == {"conv1": 2, "fc1": 8, "fc2": 4}


@pytest.mark.parametrize("selector", ["fc", "FC1", "re:^c.*2$", "fc1.weigh"])
def test_a_selector_that_matches_nothing_is_wrong_usage(selector, dense, old):
    result = cortado("prune", dense, "--sparsity", f"{selector}=0.5", "-o", old)
    assert refused(result, 2, "prune", repr(selector), "conv1, fc1, fc2")


def test_a_pattern_that_is_none_is_wrong_usage(dense, old):
    result = cortado("prune", dense, "--sparsity", "re:(=0.5", "-o", old)
    assert refused(result, 2, "prune", "'re:('", "no regular expression")


@pytest.mark.parametrize("sparsity", ["1.2", "1", "-0.1", "nan", "inf", "much", "", "fc1=", "fc1"])
def test_a_sparsity_is_a_fraction_below_one(sparsity, dense, old):
    result = cortado("prune", dense, "--sparsity", sparsity, "-o", old)
    assert refused(result, 2, "prune", "--sparsity")


@pytest.mark.parametrize("bits", ["0", "9", "-1", "2.5", "few", "fc1=0", "nan"])
def test_bits_are_one_to_eight(bits, dense, old):
    result = cortado("quantize", dense, "--bits", bits, "-o", old)
    assert refused(result, 2, "quantize", "--bits")
