"""The card of a coded file, and the hashes in it."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from cortado.errors import CortadoError
from cortado.storage.coded.card import KEY, Card, hash_decoder, hash_weights

CARD = Card(39, "AbCd+/12", "x" * 43)


def test_a_card_comes_back_from_its_text():
    assert Card.parse(str(CARD), "the file") == CARD


def test_the_hashes_of_a_card_have_no_spaces_and_few_bytes():
    tensors = [numpy_helper.from_array(np.ones(3, np.float32), "w")]
    assert (len(hash_decoder([], tensors, [])), len(hash_weights(tensors))) == (8, 43)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1 39",
        "1 39 a",
        "1 39 a b c",
        "1 39 a  b",
        "1 -3 a b",
        "1 ² a b",  # a digit to Python, but no number
        f"1 {'9' * 5000} a b",
        "x 39 a b",
        " 39 a b",
        "1\n39 a b",
    ],
)
def test_a_damaged_card_is_refused(text):
    with pytest.raises(CortadoError, match=f"^the file: its card, the metadata {KEY}, is damaged$"):
        Card.parse(text, "the file")


@pytest.mark.parametrize("version", ["2", "10"])
def test_a_card_of_a_newer_version_is_told_apart(version):
    with pytest.raises(CortadoError, match="the file is coded by a newer version of cortado"):
        Card.parse(f"{version} whatever", "the file")


def test_the_hash_of_a_decoder_depends_on_all_of_it():
    node = helper.make_node("Cast", ["a"], ["b"], to=1)
    other_node = helper.make_node("Cast", ["a"], ["b"], to=7)
    tensors = [numpy_helper.from_array(np.array([i], np.int64), "ab"[i]) for i in (0, 1)]
    function = helper.make_function("c", "s", ["x"], ["y"], [node], [helper.make_opsetid("", 17)])
    decoders = [
        ([node], tensors, [function]),
        ([other_node], tensors, [function]),
        ([node, node], tensors, [function]),
        ([node], tensors[::-1], [function]),
        ([node], tensors[:1], [function]),
        ([node], tensors, []),
    ]
    assert len({hash_decoder(*decoder) for decoder in decoders}) == len(decoders)


def test_the_hash_of_weights_depends_on_names_types_shapes_and_values_only():
    array = np.array([[0, 1], [2, 3]], np.float32)
    plain = numpy_helper.from_array(array, "w")
    as_floats = helper.make_tensor("w", onnx.TensorProto.FLOAT, (2, 2), array.reshape(-1))
    assert not as_floats.HasField("raw_data")
    assert hash_weights([plain]) == hash_weights([as_floats])
    others = [
        numpy_helper.from_array(array, "v"),
        numpy_helper.from_array(array.reshape(4), "w"),
        numpy_helper.from_array(array.view(np.int32), "w"),
        numpy_helper.from_array(array[::-1].copy(), "w"),
        numpy_helper.from_array(np.where(array == 0, np.float32(-0.0), array), "w"),
    ]
    assert len({hash_weights([tensor]) for tensor in (plain, *others)}) == 6


def test_the_hash_of_weights_does_not_depend_on_their_order():
    tensors = [numpy_helper.from_array(np.array(["x", "y"][i:], object), "ab"[i]) for i in (0, 1)]
    assert hash_weights(tensors) == hash_weights(tensors[::-1])
    assert hash_weights(tensors) != hash_weights(tensors[:1])
