"""What comes back from bytes → model → bytes, and what is refused."""

import math

import numpy as np
import onnx
import pytest
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from onnx import TensorProto, helper, numpy_helper

from cortado import files
from cortado.errors import CortadoError
from cortado.model.layers.prunable import find_layers, replace_weights
from cortado.model.onnx_io import serial
from nets import build, decoded, if_net, mlp, normal, sparse_matmul, sparse_tensor, weight

RNG = np.random.default_rng(0)


def there_and_back(proto):
    return onnx.ModelProto.FromString(serial.encode(decoded(proto)))


def differences(a, b, path="model"):
    """List the fields in which two messages differ; repeated key-value pairs count as a map."""
    found = []
    fields = {field.name: value for field, value in a.ListFields()}
    others = {field.name: value for field, value in b.ListFields()}
    for name in sorted(fields.keys() | others.keys()):
        one, two, where = fields.get(name), others.get(name), f"{path}.{name}"
        if one is None or two is None:
            found.append(where)
        elif isinstance(one, Message):
            found += differences(one, two, where)
        elif name == "metadata_props":
            pairs = [sorted((entry.key, entry.value) for entry in side) for side in (one, two)]
            found += [where] * (pairs[0] != pairs[1])
        elif isinstance(one, str | bytes | int | float):
            found += [where] * (one != two)
        elif len(one) != len(two):
            found.append(where)
        else:
            for index, (x, y) in enumerate(zip(one, two, strict=True)):
                here = f"{where}[{index}]"
                same = differences(x, y, here) if isinstance(x, Message) else [here] * (x != y)
                found += same
    return found


def add_metadata(holder, key):
    helper.set_metadata_props(holder, {key: f"value of {key}", f"{key}.other": "ü"})


def everything():
    """Return a model that uses whatever a file may hold beside weights."""
    w = numpy_helper.from_array(normal(RNG, 4, 3), "w")
    w.doc_string = "doc of w"
    add_metadata(w, "of w")
    product = helper.make_node("MatMul", ["x", "w"], ["h"], "product", doc_string="doc of node")
    add_metadata(product, "of node")
    act = helper.make_node("Act", ["h"], ["a"], "act", domain="my.ops", slope=0.5)
    branches = [
        helper.make_graph(
            [helper.make_node(op, ["a"], [op], f"node {op}")],
            op,
            [],
            [helper.make_tensor_value_info(op, TensorProto.FLOAT, ["N", 3])],
            doc_string="doc of branch",
        )
        for op in ("Identity", "Neg")
    ]
    choice = helper.make_node("If", ["c"], ["y"], then_branch=branches[0], else_branch=branches[1])
    leaky = helper.make_node("LeakyRelu", ["a"], ["b"], "inner", doc_string="doc of inner")
    slope = leaky.attribute.add(name="alpha", ref_attr_name="slope")
    slope.type = onnx.AttributeProto.FLOAT
    function = helper.make_function(
        "my.ops", "Act", ["a"], ["b"], [leaky], [helper.make_opsetid("", 17)], ["slope"]
    )
    function.doc_string = "doc of function"
    add_metadata(function, "of function")
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4], "doc of x")
    x.type.tensor_type.shape.dim[0].denotation = "DATA_BATCH"
    graph = helper.make_graph(
        [product, act, choice],
        "the graph",
        [x, helper.make_tensor_value_info("c", TensorProto.BOOL, [])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])],
        [w],
        doc_string="doc of graph",
        value_info=[
            helper.make_tensor_value_info("h", TensorProto.FLOAT, ["N", 3], "doc of h"),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, [4, 3]),
        ],
    )
    annotation = graph.quantization_annotation.add(tensor_name="h")
    annotation.quant_parameter_tensor_names.add(key="SCALE_TENSOR", value="w")
    add_metadata(graph, "of graph")
    opsets = [("", 17), ("my.ops", 3), ("com.microsoft", 1)]
    proto = helper.make_model(
        graph,
        functions=[function],
        opset_imports=[helper.make_opsetid(*opset) for opset in opsets],
        ir_version=10,
        producer_name="a producer",
        producer_version="1.2",
        domain="org.example",
        model_version=7,
        doc_string="doc of model",
    )
    add_metadata(proto, "of model")
    return proto


def test_whatever_is_no_weight_comes_back_as_it_went_in():
    proto = everything()
    onnx.checker.check_model(proto)
    returned = there_and_back(proto)
    returned.graph.value_info.sort(key=lambda info: info.name)
    assert differences(proto, returned) == []


def test_a_second_round_trip_changes_no_byte():
    once = serial.encode(decoded(everything()))
    assert serial.encode(serial.decode(once, "once")) == once


def test_a_copy_with_other_weights_keeps_the_rest():
    model = decoded(everything())
    other = replace_weights(model, {"w": np.ones((4, 3), np.float32)})
    before, after = (onnx.ModelProto.FromString(serial.encode(m)) for m in (model, other))
    assert differences(before, after) == ["model.graph.initializer[0].raw_data"]


@pytest.mark.parametrize(
    "array",
    [
        np.array([[0.0, -0.0], [np.nan, np.inf]], np.float32),
        np.arange(4, dtype=np.int64).reshape(2, 2),
        np.array([1.5, 2.5], np.float16),
        np.array(["a", "ü"], object),
        np.array(True),
    ],
    ids=lambda array: str(array.dtype),
)
def test_the_type_and_bits_of_other_tensors_stay(array):
    proto = build([helper.make_node("Relu", ["x"], ["y"])], {"other": array})
    returned = there_and_back(proto).graph.initializer[0]
    assert returned == proto.graph.initializer[0]


def test_training_info_is_refused_because_it_would_be_lost():
    proto = everything()
    proto.training_info.add().algorithm.name = "sgd"
    with pytest.raises(CortadoError, match="holds training_info, which would be lost"):
        decoded(proto)


# Sparse initializers.


@given(
    hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=1, max_dims=4, max_side=4),
        elements=st.sampled_from([0.0, 0.0, 1.5, -0.0, np.inf, np.nan]),
    ),
    st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_a_sparse_initializer_becomes_dense_exactly(array, by_coordinates):
    flat = np.flatnonzero(array.reshape(-1).view(np.uint32))
    values = array.reshape(-1)[flat]
    indices = np.stack(np.unravel_index(flat, array.shape), axis=1) if by_coordinates else flat
    node = helper.make_node("Add", ["x", "w"], ["y"])
    proto = build([node], {}, {"x": list(array.shape)}, {"y": list(array.shape)})
    proto.graph.sparse_initializer.append(sparse_tensor("w", array.shape, indices, values))
    np.testing.assert_array_equal(
        weight(decoded(proto), "w").view(np.uint32), array.view(np.uint32)
    )


def test_sparse_initializers_of_subgraphs_become_dense_too():
    proto = onnx.ModelProto.FromString(serial.encode(if_net()))
    branch = proto.graph.node[0].attribute[0].g
    name = branch.initializer[0].name
    del branch.initializer[:]
    branch.sparse_initializer.append(sparse_tensor(name, (4, 2), [3, 6], [1.0, 2.0]))
    layers = find_layers(decoded(proto)).by_key
    expected = np.zeros(8, np.float32)
    expected[[3, 6]] = 1, 2
    np.testing.assert_array_equal(layers[name].array, expected.reshape(4, 2))


@pytest.mark.parametrize(
    ("shape", "indices"),
    [
        ((4, 2), [-1, 5]),
        ((4, 2), [1, 8]),
        ((4, 2), [5, 1]),
        ((4, 2), [1, 1]),
        ((4, 2), [[0, 0], [4, 0]]),
        ((4, 2), [[0, 0], [0, 2]]),
        ((4, 2), [[0, 0, 0], [1, 1, 1]]),
        ((4, 2), [1, 2, 3]),
        ((4, 2), [1]),
        ((-4, -2), [1, 2]),
        ((0, 2), [1, 2]),
        ((), [0, 1]),
    ],
)
def test_damaged_sparse_indices_are_refused(shape, indices):
    with pytest.raises(CortadoError, match="the net is not a valid ONNX model"):
        decoded(sparse_matmul(sparse_tensor("w", shape, indices, [1.0, 2.0])))


def test_sparse_values_of_an_unknown_type_are_refused():
    sparse = sparse_tensor("w", (4, 2), [1, 2], [1.0, 2.0])
    sparse.values.data_type = 99
    with pytest.raises(CortadoError, match="the sparse initializer w is damaged"):
        decoded(sparse_matmul(sparse))


@pytest.mark.parametrize("shape", [(2**31, 2**31), (2**32, 2**32), (2**20, 2**15), (2**62, 8)])
def test_an_absurd_declared_shape_is_refused_before_it_is_allocated(shape):
    """The second wraps around to nothing in 64 bits; the third would be 128 GiB of zeros."""
    with pytest.raises(CortadoError, match=r"sparse initializers declare|not a valid ONNX model"):
        decoded(sparse_matmul(sparse_tensor("w", shape, [1, 2], [1.0, 2.0])))
    if math.prod(shape) != 2**64:  # else the checker finds an empty tensor
        with pytest.raises(CortadoError, match=f"declare {math.prod(shape)} elements"):
            decoded(sparse_matmul(sparse_tensor("w", shape, [], [])))


def test_many_sparse_initializers_are_refused_by_their_sum():
    proto = sparse_matmul(sparse_tensor("w", (2**15, 2**15), [], []))
    for name in ("a", "b"):
        proto.graph.sparse_initializer.append(sparse_tensor(name, (2**15, 2**15), [], []))
    with pytest.raises(CortadoError, match="declare 3221225472 elements"):
        decoded(proto)


# What is no model, or not one that is run.


def test_no_bytes_are_refused():
    with pytest.raises(CortadoError, match=r"^the pipe is empty; did the command before it fail\?"):
        serial.decode(b"", "the pipe")


@pytest.mark.parametrize("data", [b"\0", b"hello world" * 9, b"\x08\x0a", bytes(1000)])
def test_other_bytes_are_refused(data):
    with pytest.raises(CortadoError, match=r"^the file is not an ONNX model, or is truncated"):
        serial.decode(data, "the file")


def test_a_file_cut_anywhere_is_refused_unless_it_is_a_whole_model():
    proto = everything()
    data = proto.SerializeToString()
    accepted = []
    for length in range(len(data)):
        try:
            serial.decode(data[:length], "the cut file")
        except CortadoError:
            continue
        accepted.append(onnx.ModelProto.FromString(data[:length]))
    assert 0 < len(accepted) < 10  # cuts between the last fields: metadata, functions
    for cut in accepted:
        onnx.checker.check_model(cut)
        assert cut.graph == proto.graph


@given(st.data())
@settings(deadline=None, max_examples=300)
def test_flipped_bytes_never_give_another_error(data):
    damaged = bytearray(EVERYTHING)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        model = serial.decode(bytes(damaged), "the damaged file")
        shapes = [layer.array.shape for layer in find_layers(model).prunable]
        again = serial.decode(serial.encode(model), "the file again")
    except CortadoError:
        return
    assert [layer.array.shape for layer in find_layers(again).prunable] == shapes


def test_a_name_that_is_not_utf_8_is_refused():
    """Protobuf reads it without a word."""
    data = EVERYTHING.replace(b"my.ops", b"my\xffops")
    with pytest.raises(CortadoError, match=r"the file: the name .* of a node is not UTF-8"):
        serial.decode(data, "the file")


def test_a_dimension_whose_name_is_not_utf_8_is_refused():
    """Damage may leave one, and Python's protobuf then gives bytes in place of text."""
    data = bytearray(
        build(
            [helper.make_node("Relu", ["x"], ["y"])], {}, {"x": ["dimension"]}
        ).SerializeToString()
    )
    place = data.index(b"dimension")
    data[place] = 0xFF
    with pytest.raises(CortadoError, match="the file"):
        serial.decode(bytes(data), "the file")


EVERYTHING = everything().SerializeToString()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda w: setattr(w, "raw_data", w.raw_data[:-1]), "too small for the declared shape"),
        (lambda w: w.dims.__setitem__(0, 2**40), "too small for the declared shape"),
        (lambda w: w.dims.__setitem__(0, -4), "Negative dimension"),
        (lambda w: w.ClearField("raw_data"), "one and only one value field"),
        (lambda w: setattr(w, "data_type", 0), "UNDEFINED"),
        (lambda w: setattr(w, "data_type", 77), "77"),
    ],
)
def test_a_damaged_initializer_is_refused_with_the_reason(damage, message):
    proto = onnx.ModelProto.FromString(serial.encode(mlp()))
    damage(proto.graph.initializer[0])
    with pytest.raises(CortadoError, match=message):
        decoded(proto)


@pytest.mark.parametrize("opset", [6, 28, 99])
def test_an_opset_that_onnxruntime_does_not_run_is_refused(opset):
    proto = build([helper.make_node("Relu", ["x"], ["y"])], opset=opset)
    with pytest.raises(CortadoError, match=f"opset {opset}; onnxruntime runs opsets 7 to 27"):
        decoded(proto)


def test_opsets_of_other_domains_are_not_limited():
    assert decoded(everything()).opset_imports == {"": 17, "my.ops": 3, "com.microsoft": 1}


def test_outputs_are_known_by_their_names():
    proto = build([helper.make_node("Relu", ["x"], ["y"])])
    proto.graph.output.append(proto.graph.output[0])
    with pytest.raises(CortadoError, match="the net lists its output y 2 times"):
        decoded(proto)


def test_an_output_may_not_contradict_the_input_that_it_is():
    proto = build([helper.make_node("Relu", ["x"], ["y"])], outputs={"y": None, "x": ["N", 5]})
    with pytest.raises(CortadoError, match="the net gives its input and output x other types"):
        decoded(proto)


# External data.


@pytest.fixture
def external(tmp_path):
    """Write a model whose tensor w is in w.bin; return its path."""

    def write(proto, tensor, location="w.bin"):
        (tmp_path / "w.bin").write_bytes(tensor.raw_data)
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)
        path = tmp_path / "model.onnx"
        path.write_bytes(proto.SerializeToString())
        return str(path)

    return write


def in_initializer():
    proto = build([helper.make_node("MatMul", ["x", "w"], ["y"])], {"w": normal(RNG, 4, 2)})
    return proto, proto.graph.initializer[0]


def in_constant():
    value = numpy_helper.from_array(normal(RNG, 4, 2), "w")
    nodes = [helper.make_node("Constant", [], ["w"], value=value)]
    proto = build([*nodes, helper.make_node("MatMul", ["x", "w"], ["y"])])
    return proto, proto.graph.node[0].attribute[0].t


def in_branch():
    proto = onnx.ModelProto.FromString(serial.encode(if_net()))
    return proto, proto.graph.node[0].attribute[0].g.initializer[0]


PLACES = [in_initializer, in_constant, in_branch]


@pytest.mark.parametrize("place", PLACES)
def test_external_data_is_read_by_path(place, external):
    proto, tensor = place()
    tensor.data_location = TensorProto.DEFAULT
    expected = there_and_back(proto)
    whole = serial.encode(files.read_model(external(proto, tensor)))
    assert differences(expected, onnx.ModelProto.FromString(whole)) == []


@pytest.mark.parametrize("place", PLACES)
def test_external_data_is_refused_in_a_pipe_even_if_the_file_is_at_hand(
    place, external, monkeypatch, tmp_path
):
    path = external(*place())
    monkeypatch.chdir(tmp_path)
    data = files.read(path)
    assert serial.has_external_data(data, path)
    with pytest.raises(CortadoError, match="name the model by its path instead of piping it"):
        serial.decode(data, "the pipe")


@pytest.mark.parametrize(
    "location", ["../w.bin", "/etc/hostname", "missing.bin", "sub/../../w.bin"]
)
def test_external_data_outside_of_the_directory_is_refused(location, external, tmp_path):
    (tmp_path.parent / "w.bin").write_bytes(bytes(32))
    path = external(*in_initializer(), location)
    with pytest.raises(CortadoError, match="its external data cannot be read"):
        files.read_model(path)


def test_external_data_that_is_too_short_is_refused(external, tmp_path):
    path = external(*in_initializer())
    (tmp_path / "w.bin").write_bytes(bytes(31))
    with pytest.raises(CortadoError, match="too small for the declared shape"):
        files.read_model(path)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("ofset", "4", "the external data of w states 'ofset' wrongly"),
        ("location", "w.bin", "the external data of w states 'location' wrongly"),
        ("offset", "1_0", "the external data of w has the offset '1_0'"),
        ("length", "-4", "the external data of w has the length '-4'"),
    ],
)
def test_external_data_of_an_unclear_place_is_refused(key, value, reason, external):
    proto, tensor = in_initializer()
    tensor.external_data.add(key=key, value=value)
    path = external(proto, tensor)
    with pytest.raises(CortadoError) as error:
        files.read_model(path)
    assert str(error.value) == f"{path}: {reason}"


def test_external_data_of_an_endless_name_is_refused(external):
    path = external(*in_initializer(), "a" * 10_000)
    with pytest.raises(CortadoError, match="its external data cannot be read"):
        files.read_model(path)
