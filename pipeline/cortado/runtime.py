"""The doorway to onnxruntime: sessions on one execution provider, or an error that says why.

onnxruntime falls back to the CPU without an error where a provider cannot start. Here that is
an error: figures for ``--provider cuda`` never come from the CPU.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

import onnxruntime

from cortado.errors import CortadoError
from cortado.model.typing import Array

__all__ = [
    "Layout",
    "Session",
    "check_loads",
    "constant_shapes",
    "open_part",
    "open_session",
    "provider_name",
    "run_constants",
]

Layout: TypeAlias = Literal["blocked", "plain"]

_NOTHING = 4  # standard error belongs to the command, which gets errors as exceptions


def provider_name(short: str) -> str:
    """Return the name of an execution provider: ``cuda`` → ``CUDAExecutionProvider``.

    Raises
    ------
    CortadoError
        If this onnxruntime does not have it.
    """
    available = onnxruntime.get_available_providers()
    for name in available:
        if short.lower() in (name.lower(), name.removesuffix("ExecutionProvider").lower()):
            return str(name)
    names = ", ".join(name.removesuffix("ExecutionProvider").lower() for name in available)
    raise CortadoError(f"this onnxruntime has no provider {short}; it has: {names}")


@dataclass(frozen=True)
class Session:
    """A model loaded in onnxruntime.

    Attributes
    ----------
    provider : str
        The execution provider that it runs on.
    widths : mapping of str to (int or None)
        Output name → size of its second axis, None where it is not fixed.
    """

    provider: str
    widths: Mapping[str, int | None]
    _session: onnxruntime.InferenceSession

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return every output by its name."""
        try:
            outputs = self._session.run(None, dict(inputs))
        except Exception as error:  # onnxruntime's own classes share no narrower base
            raise CortadoError(f"onnxruntime cannot run the model: {_reason(error)}") from error
        return dict(zip(self.widths, outputs, strict=True))


def open_session(data: bytes, provider: str = "cpu") -> Session:
    """Load the bytes of an ONNX file.

    Parameters
    ----------
    data : bytes
        A complete ONNX file.
    provider : str
        The name of an execution provider, short (``cpu``, ``cuda``) or whole.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _NOTHING
    return _open(data, provider, options)


def check_loads(data: bytes) -> None:
    """Refuse the bytes of an ONNX file that onnxruntime refuses to load on the CPU.

    That an operator has no kernel does not depend on what is optimised; some fusions of
    onnxruntime 1.32 end the process on half-precision transformers, and are left out here.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _NOTHING
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    _open(data, "cpu", options)


def open_part(data: bytes, layout: Layout = "blocked") -> Session:
    """Load the bytes of one of many ONNX files that work in turns, on the CPU.

    An operator runs on the thread that calls, and all parts have one arena of memory: onnxruntime
    never gives back what an arena once took, and each would keep its own.

    Parameters
    ----------
    data : bytes
        A complete ONNX file.
    layout : {"blocked", "plain"}
        Whether convolutions may compute with channels in blocks of a register's width.
    """
    _share_arena()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _NOTHING
    options.intra_op_num_threads = 1
    options.enable_mem_pattern = False
    if layout == "plain":  # the level below the one that blocks
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.add_session_config_entry("session.use_env_allocators", "1")
    return _open(data, "cpu", options)


@cache
def _share_arena() -> None:
    """Make the arena, which grows by what is asked for, and no more."""
    memory = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    growth = onnxruntime.OrtArenaCfg({"arena_extend_strategy": 1})
    onnxruntime.create_and_register_allocator(memory, growth)


def _open(data: bytes, provider: str, options: onnxruntime.SessionOptions) -> Session:
    name = provider_name(provider)
    try:
        session = onnxruntime.InferenceSession(data, options, providers=[name])
    except Exception as error:  # onnxruntime's own classes share no narrower base
        raise CortadoError(f"onnxruntime refuses the model: {_reason(error)}") from error
    if session.get_providers()[0] != name:
        raise CortadoError(f"the provider {provider} could not start on this machine")
    return Session(name, {o.name: _width(o.shape) for o in session.get_outputs()}, session)


def run_constants(data: bytes) -> dict[str, Array]:
    """Run a model without inputs once, on the CPU, and return every output by its name.

    Nothing is optimised: folding constants would compute the same, but keep all of it.
    """
    session = _open_constants(data)
    try:
        outputs = session.run(None, {})
    except Exception as error:  # onnxruntime's own classes share no narrower base
        raise CortadoError(f"onnxruntime cannot decode the model: {_reason(error)}") from error
    return dict(zip((o.name for o in session.get_outputs()), outputs, strict=True))


def constant_shapes(data: bytes) -> dict[str, tuple[int, ...] | None]:
    """Return the shape of every output of a model without inputs, without running it.

    None stands for a shape that onnxruntime does not know before, and for that of a scalar: it
    says the same of both.
    """
    found = {output.name: output.shape for output in _open_constants(data).get_outputs()}
    return {
        name: tuple(shape) if shape and all(map(_is_size, shape)) else None
        for name, shape in found.items()
    }


def _open_constants(data: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _NOTHING
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own classes share no narrower base
        raise CortadoError(f"onnxruntime cannot decode the model: {_reason(error)}") from error


def _is_size(dim: int | str | None) -> bool:
    return isinstance(dim, int) and dim >= 0


def _width(shape: list[int | str | None] | None) -> int | None:
    if not shape or len(shape) < 2 or not isinstance(shape[1], int):
        return None
    return shape[1]


def _reason(error: Exception) -> str:
    """Return the first line of an onnxruntime error without its code and source position."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].split(" : ")[-1]
