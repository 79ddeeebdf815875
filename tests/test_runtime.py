import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper
from onnxruntime.capi import onnxruntime_pybind11_state

from cortado.errors import CortadoError
from cortado.runtime import Runtime


def two_outputs():
    """x of shape (batch, 3, −1), as some exporters write it → its double, and its sum."""
    nodes = [
        helper.make_node("Add", ["x", "x"], ["double"]),
        helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
    ]
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", ["batch", 3, -1]), ("double", ["batch", 3, -1]), ("sum", []))
    ]
    graph = helper.make_graph(nodes, "g", values[:1], values[1:])
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


@pytest.fixture
def opened(monkeypatch):
    """What every session that onnxruntime opens is asked for: its options and providers."""
    asked, real = [], onnxruntime.InferenceSession

    def note(data, options, providers, **others):
        asked.append((options, providers))
        return real(data, options, providers=["CPUExecutionProvider"])

    monkeypatch.setattr("onnxruntime.InferenceSession", note)
    return asked


def test_a_session_knows_its_outputs_in_order_and_their_shapes():
    session = Runtime().open(two_outputs())
    assert session.outputs == ("double", "sum")
    assert session.shapes["double"][:2] == ("batch", 3)
    assert session.shapes["sum"] == ()
    assert session.widths == {"double": 3, "sum": None}


def test_a_size_below_zero_is_an_open_axis():
    assert Runtime().open(two_outputs()).shapes["double"][2] is None


def test_a_session_gives_all_outputs_or_those_that_are_asked_for():
    session = Runtime().open(two_outputs())
    assert session.run({"x": X}).keys() == {"double", "sum"}
    found = session.run({"x": X}, ["sum"])
    assert found.keys() == {"sum"}
    assert found["sum"] == X.sum()


def test_an_output_that_is_not_there_is_an_error():
    with pytest.raises(CortadoError, match="cannot run the model"):
        Runtime().open(two_outputs()).run({"x": X}, ["none"])


def test_the_provider_its_options_and_the_threads_reach_onnxruntime(opened):
    Runtime("cpu", (("device_id", "1"),), threads=3).open(two_outputs())
    ((options, providers),) = opened
    assert providers == [("CPUExecutionProvider", {"device_id": "1"})]
    assert options.intra_op_num_threads == 3


def test_a_part_runs_on_the_thread_that_calls_on_the_cpu_only(opened, monkeypatch):
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPU", "Warp"])
    monkeypatch.setattr("cortado.runtime._CPU", "CPU")
    with pytest.raises(CortadoError, match="the provider warp could not start"):
        Runtime("warp", threads=5).open_part(two_outputs())
    ((options, providers),) = opened
    assert providers == [("Warp", {})]
    assert options.intra_op_num_threads == 5


def test_a_part_on_the_cpu_computes_what_the_whole_does():
    data = two_outputs()
    for layout in ("blocked", "plain"):
        part = Runtime(threads=2).open_part(data, layout)
        np.testing.assert_array_equal(part.run({"x": X})["double"], 2 * X)


class Failing:
    """The inner session of a provider whose device fails."""

    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def run(self, names, inputs, options):
        raise onnxruntime_pybind11_state.EPFail("the device is gone")


def test_a_provider_that_fails_while_it_runs_is_not_replaced_by_the_cpu(monkeypatch, capsys):
    session = Runtime().open(two_outputs())
    monkeypatch.setattr(session._session, "_sess", Failing(session._session._sess))
    with pytest.raises(CortadoError, match="the device is gone"):
        session.run({"x": X})
    assert capsys.readouterr().out == ""


def test_a_provider_that_fails_to_start_is_not_replaced_by_the_cpu(monkeypatch, capsys):
    def fail(session, providers, *others):
        session._fallback_providers = ["CPUExecutionProvider"]
        if providers != session._fallback_providers:
            raise RuntimeError("no device")

    monkeypatch.setattr(onnxruntime.InferenceSession, "_create_inference_session", fail)
    with pytest.raises(CortadoError, match="onnxruntime refuses the model: no device"):
        Runtime().open(two_outputs())
    assert capsys.readouterr().out == ""
