"""Damaged and malicious coded files: refused in one line, or the very same weights.

Damage does not touch the hashes in the card. A forger makes them fit again: then no weights may
come back that the card does not stand for, and nothing may be allocated that they do not need.
"""

import resource
import time

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from cli.program import cortado, refused
from cortado.emit import emit
from cortado.errors import CortadoError
from cortado.model.onnx_io import serial
from cortado.storage.coded.card import KEY, Card, hash_decoder
from nets import build, decoded, normal, weight

SECONDS = 5
GIGABYTE = 2**30


def shared_values(rng, shape, density):
    values = np.linspace(-1, 1, 16, dtype=np.float32)
    return np.where(rng.random(shape) < density, rng.choice(values, shape), np.float32(0))


def gemms(shapes, density):
    """Return a chain of Gemms with shared values, and free biases that are not coded."""
    rng = np.random.default_rng(0)
    weights, nodes, name = {}, [], "x"
    for index, shape in enumerate(shapes):
        weights |= {f"w{index}": shared_values(rng, shape, density), f"b{index}": normal(rng, 1)}
        inputs = [name, f"w{index}", f"b{index}"]
        name = "y" if index == len(shapes) - 1 else f"h{index}"
        nodes.append(helper.make_node("Gemm", inputs, [name], f"fc{index}"))
    sides = {"x": ["N", shapes[0][0]]}, {"y": ["N", shapes[-1][1]]}
    return decoded(build(nodes, weights, *sides))


class Coded:
    """A coded file, and how it is damaged and judged."""

    def __init__(self, shapes, density):
        self.model = gemms(shapes, density)
        emitted = emit(self.model, "coded")
        self.data = emitted.data
        self.coded = {tensor.name for tensor in emitted.tensors if tensor.storage == "coded"}

    def proto(self):
        return onnx.load_from_string(self.data)

    def judge(self, data):
        """Return "refused" or "same", or "bare" where no card promises any weights."""
        begin, peak = time.perf_counter(), peak_memory()
        try:
            found = serial.decode(data, "the file")
        except CortadoError as error:
            lines = str(error).splitlines()
            return "refused" if len(lines) == 1 else lines
        finally:
            assert time.perf_counter() - begin < SECONDS
            assert peak_memory() - peak < GIGABYTE
        if not has_card(onnx.load_from_string(data)):
            return "bare"
        for name in self.model.graph.initializers:
            assert weight(found, name).tobytes() == weight(self.model, name).tobytes(), name
        assert found.graph.num_nodes() == self.model.graph.num_nodes()
        return "same"


def peak_memory():
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def has_card(proto):
    return any(entry.key == KEY for entry in proto.metadata_props)


def card_entry(proto):
    return next(entry for entry in proto.metadata_props if entry.key == KEY)


def decoder_of(proto):
    """Return the nodes, constants and functions of the decoder, as they stand in the file."""
    nodes = proto.graph.node[: Card.parse(card_entry(proto).value, "the file").nodes]
    used = {name for node in nodes for name in node.input}
    constants = [tensor for tensor in proto.graph.initializer if tensor.name in used]
    return nodes, constants, proto.functions


def forge(proto, **changes):
    """Return the bytes of a file whose card fits the decoder that it has now."""
    entry = card_entry(proto)
    card = Card.parse(entry.value, "the file")
    nodes = changes.get("nodes", card.nodes)
    entry.value = str(Card(nodes, card.decoder, card.weights))
    entry.value = str(Card(nodes, hash_decoder(*decoder_of(proto)), card.weights))
    return proto.SerializeToString()


@pytest.fixture(scope="module")
def flat():
    file = Coded([(60, 40), (40, 10)], 0.2)
    assert file.coded == {"w0", "w1"}
    assert not file.proto().functions
    return file


@pytest.fixture(scope="module")
def lanes():
    file = Coded([(600, 400)], 0.5)
    assert file.coded == {"w0"}
    assert [function.name for function in file.proto().functions] == ["s", "w"]
    return file


@pytest.fixture(scope="module", params=["flat", "lanes"])
def file(request):
    return request.getfixturevalue(request.param)


def test_an_undamaged_file_gives_the_weights(file):
    assert file.judge(file.data) == "same"
    assert file.judge(forge(file.proto())) == "same"


# Accidents.


def places(data, rng, count):
    """Draw places in a file, most of them where it is not payload: in front and at the end."""
    ends = [len(data), min(len(data), 1000), min(len(data), 1000)]
    drawn = np.stack([rng.integers(0, end, count) for end in ends])
    drawn[2] = len(data) - 1 - drawn[2]
    return drawn[rng.integers(0, 3, count), np.arange(count)]


def test_any_changed_byte(file):
    rng = np.random.default_rng(0)
    found = []
    for place in places(file.data, rng, 700):
        data = bytearray(file.data)
        data[place] ^= rng.choice([1 << rng.integers(8), rng.integers(1, 256)])
        found.append(file.judge(bytes(data)))
    assert found.count("refused") > 600
    assert found.count("bare") < 20  # where the key of the card is hit


def test_any_bytes_that_are_missing(file):
    rng = np.random.default_rng(0)
    found = []
    for place in places(file.data, rng, 200):
        found.append(file.judge(file.data[:place]))
        found.append(file.judge(file.data[:place] + file.data[place + rng.integers(1, 9) :]))
    assert found.count("refused") > 380


def swap(messages, one, other):
    first, second = messages[one], messages[other]
    kept = type(first)()
    kept.CopyFrom(first)
    first.CopyFrom(second)
    second.CopyFrom(kept)


def damaged(file, rng):
    """Return a file in which another program, or a bug, moved or changed a part of the decoder."""
    proto = file.proto()
    nodes, constants, _ = decoder_of(proto)
    count = len(nodes)
    change = rng.integers(6)
    if change == 0:
        del proto.graph.node[rng.integers(count)]
        return proto, {"nodes": count - 1}
    if change == 1:
        swap(proto.graph.node, *rng.choice(count, 2, replace=False))
    elif change == 2:  # the contents of two constants
        one, other = rng.choice(len(constants), 2, replace=False)
        swap(constants, one, other)
        names = constants[one].name, constants[other].name
        constants[one].name, constants[other].name = names[1], names[0]
    elif change == 3:
        tensor = constants[rng.integers(len(constants))]
        array = numpy_helper.to_array(tensor).copy()
        values = [-1, 0, 2, 1000, 10**9, -(10**9)]
        floating = array.dtype.kind == "f"
        lowest = 0 if counts_for_topk(nodes, tensor.name) else -np.inf
        fitting = [v for v in values if v >= lowest and (floating or fits(v, array.dtype))]
        array.reshape(-1)[rng.integers(array.size)] = rng.choice(fitting)
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    elif change == 4:
        with_attributes = [node for node in nodes if node.attribute]
        attribute = rng.choice(rng.choice(with_attributes).attribute)
        if attribute.ints:
            attribute.ints[-1] += int(rng.integers(-2, 3))
        else:
            attribute.i += int(rng.integers(-2, 3))
    else:
        node = nodes[rng.integers(count)]
        node.input[rng.integers(len(node.input))] = rng.choice(constants).name
    return proto, {}


def counts_for_topk(nodes, name):
    """Tell whether a constant is the k of TopK: a negative one makes onnxruntime 1.32 abort.

    It gives the shape a negative axis, and Slice fails an assertion when it meets that.
    """
    return any(node.op_type == "TopK" and node.input[1] == name for node in nodes)


def fits(value, dtype):
    return np.iinfo(dtype).min <= value <= np.iinfo(dtype).max


def test_any_changed_part_of_the_decoder(file):
    rng = np.random.default_rng(0)
    for _ in range(100):
        proto, _ = damaged(file, rng)
        assert file.judge(proto.SerializeToString()) == (
            "refused" if proto != file.proto() else "same"
        )


@pytest.mark.parametrize(
    "text",
    ["", "1 2 x y", "2 whatever", "1 0 {d} {w}", "1 {more} {d} {w}", "1 {n} {d} {d}", "1 {n} {w}"],
)
def test_a_changed_card(file, text):
    proto = file.proto()
    entry = card_entry(proto)
    card = Card.parse(entry.value, "the file")
    entry.value = text.format(n=card.nodes, more=card.nodes + 1, d=card.decoder, w=card.weights)
    assert file.judge(proto.SerializeToString()) == "refused"


def test_a_weight_beside_the_decoder_may_not_change_either(file):
    proto = file.proto()
    bias = next(tensor for tensor in proto.graph.initializer if tensor.name == "b0")
    bias.CopyFrom(numpy_helper.from_array(np.array([7], np.float32), "b0"))
    with pytest.raises(CortadoError, match="its weights are not those that were coded"):
        serial.decode(proto.SerializeToString(), "the file")


def test_the_net_may_not_use_what_goes_with_the_decoder(flat):
    proto = flat.proto()
    proto.graph.node[-1].input[2] = decoder_of(proto)[1][0].name
    assert flat.judge(proto.SerializeToString()) == "refused"


@pytest.mark.parametrize("command", ["densify", "validate", "inspect", "evaluate"])
def test_commands_refuse_a_damaged_file_in_one_line(flat, tmp_path, command):
    proto = flat.proto()
    _, constants, _ = decoder_of(proto)
    payload = max(constants, key=lambda tensor: len(tensor.raw_data))
    payload.raw_data = payload.raw_data[:-2] + b"\x01\x02"
    (tmp_path / "damaged.onnx").write_bytes(proto.SerializeToString())
    data = ["--data", "digits"] if command == "evaluate" else []
    result = cortado(command, tmp_path / "damaged.onnx", *data)
    assert refused(result, 1, command, "damaged.onnx", "its coded weights are damaged")


# Forgeries.


def test_a_changed_decoder_with_a_card_that_fits_gives_no_other_weights(file):
    rng = np.random.default_rng(1)
    found = []
    for _ in range(120):
        proto, changes = damaged(file, rng)
        found.append(file.judge(forge(proto, **changes)))
    assert found.count("refused") > 90


def with_nodes(file, nodes, constants=None, functions=()):
    """Return a file whose decoder has more nodes, and a card that fits."""
    proto = file.proto()
    count = Card.parse(card_entry(proto).value, "the file").nodes
    old = list(proto.graph.node)
    del proto.graph.node[:]
    proto.graph.node.extend([*nodes, *old])
    for name, array in (constants or {}).items():
        proto.graph.initializer.append(numpy_helper.from_array(np.asarray(array), name))
    if functions:
        proto.functions.extend(functions)
        proto.opset_import.append(helper.make_opsetid("evil", 1))
        proto.ir_version = 10
    return forge(proto, nodes=count + len(nodes))


def must_refuse(data, words):
    peak = peak_memory()
    with pytest.raises(CortadoError, match=words) as caught:
        serial.decode(data, "the file")
    assert "\n" not in str(caught.value)
    assert peak_memory() - peak < GIGABYTE / 4


@pytest.mark.parametrize("size", [10**10, 2**40, 2**62])
def test_sizes_blown_up_are_refused_before_they_are_allocated(file, size):
    proto = file.proto()
    unpool = next(node for node in proto.graph.node if node.op_type == "MaxUnpool")
    unpool.attribute[0].ints[-1] = size
    must_refuse(forge(proto), "its decoder|onnxruntime cannot decode")


def test_tables_blown_up_are_refused_before_they_are_allocated(lanes):
    proto = lanes.proto()
    expand = next(node for node in proto.graph.node if node.op_type == "Expand")
    shape = next(tensor for tensor in proto.graph.initializer if tensor.name == expand.input[1])
    shape.CopyFrom(numpy_helper.from_array(np.array([1, 1, 10**10]), shape.name))
    must_refuse(forge(proto), "its decoder|onnxruntime cannot decode")


ROW = np.ones((1, 20_000), np.float32)


@pytest.mark.parametrize(
    ("nodes", "constants", "words"),
    [
        ([("Expand", "as")], {"a": np.float32(1), "s": [10**10]}, "would compute 100000"),
        ([("Tile", "as")], {"a": np.ones(1, np.float32), "s": [10**10]}, "would compute 100000"),
        ([("ConstantOfShape", "s")], {"s": [10**5, 10**5]}, "would compute 100000"),
        ([("Add", "ab")], {"a": ROW, "b": ROW.T}, "would compute 4000"),
        ([("MatMul", "ba")], {"a": ROW, "b": ROW.T}, "would compute 4000"),
        ([("Gather", "ai")], {"a": ROW, "i": np.zeros(20_000, np.int64)}, "would compute 4000"),
        ([("NonZero", "a")], {"a": ROW}, "of unknown shapes"),
    ],
    ids=lambda value: value[0][0] if isinstance(value, list) else None,
)
def test_arrays_that_the_weights_do_not_need_are_refused(flat, nodes, constants, words):
    constants = {f"evil {name}": np.asarray(array) for name, array in constants.items()}
    made = [
        onnx.NodeProto(op_type=op, input=[f"evil {name}" for name in names], output=["evil"])
        for op, names in nodes
    ]
    must_refuse(with_nodes(flat, made, constants), words)


def test_arrays_whose_rank_is_not_known_do_not_count_as_scalars(flat):
    """The axes of Squeeze come from a node, so that its output may be of any rank."""
    made = [
        onnx.NodeProto(op_type=op, input=[f"evil {n}" for n in names], output=[f"evil {output}"])
        for op, names, output in (("Abs", "i", "j"), ("Squeeze", "aj", "b"), ("Add", "bc", "d"))
    ]
    constants = {"evil i": np.zeros(1, np.int64), "evil a": ROW, "evil c": ROW.T}
    must_refuse(with_nodes(flat, made, constants), "of unknown shapes")


def test_loops_are_refused(flat):
    value = helper.make_tensor_value_info
    state = [
        value("loop go", onnx.TensorProto.BOOL, []),
        value("loop a", onnx.TensorProto.FLOAT, [1]),
    ]
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["loop go"], ["loop on"]),
            helper.make_node("Neg", ["loop a"], ["loop b"]),
        ],
        "body",
        [value("loop i", onnx.TensorProto.INT64, []), *state],
        [
            value("loop on", onnx.TensorProto.BOOL, []),
            value("loop b", onnx.TensorProto.FLOAT, [1]),
        ],
    )
    node = helper.make_node("Loop", ["evil n", "evil go", "evil a"], ["evil"], body=body)
    constants = {"evil n": 2**62, "evil go": np.array(True), "evil a": np.ones(1, np.float32)}
    must_refuse(with_nodes(flat, [node], constants), "its decoder computes arrays of unknown")


def calling(name, *called):
    """Return a function that passes its input through others of the domain evil, in turn."""
    names = ["x", *(f"t{index}" for index in range(len(called) - 1)), "y"]
    nodes = [
        onnx.NodeProto(op_type=other, domain="evil", input=[names[i]], output=[names[i + 1]])
        if other != "Neg"
        else onnx.NodeProto(op_type=other, input=[names[i]], output=[names[i + 1]])
        for i, other in enumerate(called)
    ]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("evil", 1)]
    return helper.make_function("evil", name, ["x"], ["y"], nodes, opsets)


@pytest.mark.parametrize(
    ("functions", "words"),
    [
        ([calling("f0", "f0")], "Cycle detected"),
        ([calling("f0", "f1"), calling("f1", "f0")], "Cycle detected"),
        (
            [calling(f"f{i}", *[f"f{i + 1}"] * 30) for i in range(9)] + [calling("f9", "Neg")],
            "its decoder repeats itself too often",
        ),
    ],
    ids=["calls itself", "call each other", "a billion laughs"],
)
def test_functions_without_end_are_refused(flat, functions, words):
    node = onnx.NodeProto(op_type="f0", domain="evil", input=["evil a"], output=["evil"])
    begin = time.perf_counter()
    must_refuse(with_nodes(flat, [node], {"evil a": np.ones(1, np.float32)}, functions), words)
    assert time.perf_counter() - begin < SECONDS


def test_what_a_function_claims_of_its_values_is_not_believed(flat):
    function = calling("f0", "Neg", "Neg", "Neg")
    function.node[0].op_type = "Cast"
    function.node[0].attribute.append(helper.make_attribute("to", onnx.TensorProto.INT64))
    function.node[1].op_type = "ConstantOfShape"
    for name in ("t1", "y"):
        claim = helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 1])
        function.value_info.append(claim)
    node = onnx.NodeProto(op_type="f0", domain="evil", input=["evil a"], output=["evil"])
    data = with_nodes(flat, [node], {"evil a": np.full(2, 1e5, np.float32)}, [function])
    must_refuse(data, "its decoder computes arrays of unknown shapes")
