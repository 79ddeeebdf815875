"""The doorway to onnxruntime: sessions on one execution provider, or an error that says why.

onnxruntime falls back to the CPU without an error where a provider cannot start, or fails later.
Here that is an error: figures for ``--provider cuda`` never come from the CPU.

Everything that measures a model is handed a `Runtime`, so that what a user chose holds for a whole
command. What must be the same on every machine stays on the CPU whatever was chosen: whether a file
loads (`check_loads`, and the check of an emitted file), and the values of a coded file and their
shapes (`run_constants`, `constant_shapes`), which are compared bit for bit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

import onnxruntime

from cortado.errors import CortadoError
from cortado.model.typing import Array

__all__ = [
    "Layout",
    "Runtime",
    "Session",
    "Shape",
    "check_loads",
    "constant_shapes",
    "provider_name",
    "run_constants",
]

Layout: TypeAlias = Literal["blocked", "plain"]
Shape: TypeAlias = tuple[int | str | None, ...]

_CPU = "CPUExecutionProvider"

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
    shapes : mapping of str to tuple of (int, str or None)
        Output name → its sizes, in the order of the model: a number, or a name or None where an
        axis is open. onnxruntime gives ``()`` for a scalar, and for what has no known axes.
    """

    provider: str
    shapes: Mapping[str, Shape]
    _session: onnxruntime.InferenceSession

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs, in the order of the model."""
        return tuple(self.shapes)

    @property
    def widths(self) -> dict[str, int | None]:
        """Output name → size of its second axis, None where it is not fixed."""
        return {name: _width(shape) for name, shape in self.shapes.items()}

    def run(
        self, inputs: Mapping[str, Array], names: Sequence[str] | None = None
    ) -> dict[str, Array]:
        """Return outputs by their names.

        Parameters
        ----------
        inputs : mapping of str to array
            A value for every input.
        names : sequence of str, optional
            The outputs; all of them by default.
        """
        asked = self.outputs if names is None else tuple(names)
        try:
            outputs = self._session.run(list(asked), dict(inputs))
        except Exception as error:  # onnxruntime's own classes share no narrower base
            fed = ", ".join(f"{name} {_sizes(x)}" for name, x in inputs.items())
            raise CortadoError(
                f"onnxruntime cannot run the model on {fed}: {_reason(error)}"
            ) from error
        return dict(zip(asked, outputs, strict=True))


@dataclass(frozen=True)
class Runtime:
    """Where models run.

    Attributes
    ----------
    provider : str
        The name of an execution provider, short (``cpu``, ``cuda``) or whole.
    options : tuple of (str, str)
        Its options, such as ``("device_id", "1")``.
    threads : int or None
        Threads of one operator; None is one a core.
    """

    provider: str = "cpu"
    options: tuple[tuple[str, str], ...] = ()
    threads: int | None = None

    def open(self, data: bytes) -> Session:
        """Load the bytes of an ONNX file.

        Raises
        ------
        CortadoError
            If onnxruntime lacks the provider, cannot start it, or refuses the model.
        """
        options = _quiet()
        if self.threads is not None:
            options.intra_op_num_threads = self.threads
        return self._load(data, options)

    def open_part(self, data: bytes, layout: Layout = "blocked") -> Session:
        """Load the bytes of one of many ONNX files that work in turns.

        On the CPU an operator runs on the thread that calls, and all parts have one arena of
        memory: onnxruntime never gives back what an arena once took, and each would keep its own.
        Other providers have memory and threads of their own, and `layout` means nothing to them.

        Parameters
        ----------
        data : bytes
            A complete ONNX file.
        layout : {"blocked", "plain"}
            Whether convolutions may compute with channels in blocks of a register's width.
        """
        if provider_name(self.provider) != _CPU:
            return self.open(data)
        _share_arena()
        options = _quiet()
        options.intra_op_num_threads = 1
        options.enable_mem_pattern = False
        if layout == "plain":  # the level below the one that blocks
            level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
            options.graph_optimization_level = level
        options.add_session_config_entry("session.use_env_allocators", "1")
        return self._load(data, options)

    def _load(self, data: bytes, options: onnxruntime.SessionOptions) -> Session:
        name = provider_name(self.provider)
        try:
            session = onnxruntime.InferenceSession(
                data, options, providers=[(name, dict(self.options))], enable_fallback=0
            )
        except Exception as error:  # onnxruntime's own classes share no narrower base
            raise CortadoError(f"onnxruntime refuses the model: {_reason(error)}") from error
        if session.get_providers()[0] != name:
            raise CortadoError(f"the provider {self.provider} could not start on this machine")
        return Session(name, {o.name: _shape(o.shape) for o in session.get_outputs()}, session)


def _sizes(array: Array) -> str:
    return "×".join(map(str, array.shape)) or "()"


def check_loads(data: bytes) -> None:
    """Refuse the bytes of an ONNX file that onnxruntime refuses to load on the CPU.

    That an operator has no kernel does not depend on what is optimised; some fusions of
    onnxruntime 1.32 end the process on half-precision transformers, and are left out here.
    """
    options = _quiet()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    Runtime()._load(data, options)


@cache
def _share_arena() -> None:
    """Make the arena, which grows by what is asked for, and no more."""
    memory = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    growth = onnxruntime.OrtArenaCfg({"arena_extend_strategy": 1})
    onnxruntime.create_and_register_allocator(memory, growth)


def _quiet() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _NOTHING
    return options


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
    options = _quiet()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        return onnxruntime.InferenceSession(data, options, providers=[_CPU])
    except Exception as error:  # onnxruntime's own classes share no narrower base
        raise CortadoError(f"onnxruntime cannot decode the model: {_reason(error)}") from error


def _is_size(dim: int | str | None) -> bool:
    return isinstance(dim, int) and dim >= 0


def _shape(found: Sequence[int | str | None] | None) -> Shape:
    """Return a shape without sizes below zero, by which some files mean that an axis is open."""
    sizes = found or ()
    return tuple(None if isinstance(size, int) and size < 0 else size for size in sizes)


def _width(shape: Shape) -> int | None:
    return shape[1] if len(shape) > 1 and isinstance(shape[1], int) else None


def _reason(error: Exception) -> str:
    """Return the first line of an onnxruntime error without its code and source position."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].split(" : ")[-1]
