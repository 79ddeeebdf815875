"""Audio for nets that find speech, and a small net of their kind.

The inputs are those of Silero's detector of voice activity: `input`, float32 of shape
(batch, samples), `state`, float32 of shape (2, batch, width), and `sr`, an int64 scalar that
chooses between two branches with weights of their own.
"""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from kinds import running

CHUNKS = {16000: 512, 8000: 256}
"""The samples of a chunk at each rate."""
SOUNDS = ("tone", "noise", "speech")
CLIP = 8
"""The chunks that follow one another in one sound."""
FORMANTS = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480))


def make_audio(n, rate, seed, overlap=0):
    """Return chunks of sounds: tones, noise, and pulses that vowels and syllables modulate.

    Every eight chunks are consecutive pieces of one sound; the sounds follow in turn.

    Parameters
    ----------
    n : int
    rate : {16000, 8000}
    seed : int
    overlap : int
        How many samples of the chunk before stand in front of each. Silero's detector finds speech
        at 16000 with 64 of them, at 8000 with 32 or none.

    Returns
    -------
    ndarray
        float32 of shape (n, overlap + 512) at a rate of 16000, or (n, overlap + 256) at 8000,
        between -1 and 1.
    """
    rng = np.random.default_rng(seed)
    time = np.arange(CLIP * CHUNKS[rate]) / rate
    clips = []
    for index in range(-(-n // CLIP)):
        clip = _sound(SOUNDS[index % len(SOUNDS)], time, rate, rng)
        clip = clip / abs(clip).max() * rng.uniform(0.1, 0.7)
        clip += rng.normal(0, 0.002, len(time))
        windows = np.lib.stride_tricks.sliding_window_view(
            np.pad(clip, (overlap, 0)), overlap + CHUNKS[rate]
        )
        clips.append(windows[:: CHUNKS[rate]])
    chunks = np.concatenate(clips)[:n]
    return np.clip(chunks, -1, 1).astype(np.float32)


def make_samples(n, rate, seed, width=128, overlap=0):
    """Return the inputs of a net for n chunks, each with an empty state."""
    state = np.zeros((2, n, width), np.float32)
    audio = make_audio(n, rate, seed, overlap)
    return {"input": audio, "state": state, "sr": np.array(rate, np.int64)}


def with_states(model, samples):
    """Return samples with the states that a model has come to within each sound.

    Parameters
    ----------
    model : path-like or ModelProto
        Its second output is the next state.
    samples : dict
        As `make_samples` returns them.
    """
    runner = running.session(model)
    state = samples["state"].copy()
    for index in range(1, state.shape[1]):
        if index % CLIP:
            last = slice(index - 1, index)
            feeds = {"input": samples["input"][last], "state": state[:, last], "sr": samples["sr"]}
            state[:, index : index + 1] = runner.run(None, feeds)[1]
    return samples | {"state": state}


def make_gated_lstm(width=8, channels=6, seed=0):
    """Return a net with an If on `sr` whose branches have the weights of a Conv, LSTM and Gemm.

    The weights are initializers of the branch for 16000, and Constant nodes of that for 8000. The
    outputs are `output`, of shape (batch, 1), and `stateN`, of the shape of `state`.

    Returns
    -------
    onnx.ModelProto
    """
    rng = np.random.default_rng(seed)
    values = helper.make_tensor_value_info
    branches = {
        "then_branch": _branch("at16k", 32, width, channels, rng, are_constants=False),
        "else_branch": _branch("at8k", 16, width, channels, rng, are_constants=True),
    }
    wide = helper.make_tensor("wide", TensorProto.INT64, [], [16000])
    nodes = [
        helper.make_node("Constant", [], ["wide"], "wide", value=wide),
        helper.make_node("Equal", ["sr", "wide"], ["is_wide"], "is_wide"),
        helper.make_node("If", ["is_wide"], ["output", "stateN"], "rate", **branches),
    ]
    inputs = [
        values("input", TensorProto.FLOAT, ["batch", "samples"]),
        values("state", TensorProto.FLOAT, [2, "batch", width]),
        values("sr", TensorProto.INT64, []),
    ]
    outputs = [
        values("output", TensorProto.FLOAT, ["batch", 1]),
        values("stateN", TensorProto.FLOAT, [2, "batch", width]),
    ]
    graph = helper.make_graph(nodes, "gated_lstm", inputs, outputs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 16)], ir_version=8)


def _branch(name, size, width, channels, rng, *, are_constants):
    """Return the graph of one branch, whose names all begin with that of the branch."""

    def own(local):
        return f"{name}/{local}"

    def node(operator, inputs, outputs, **attributes):
        outputs = [own(output) for output in outputs]
        nodes.append(helper.make_node(operator, inputs, outputs, outputs[0], **attributes))

    weights = {
        "conv.weight": _weights(rng, channels, 1, size),
        "conv.bias": np.zeros(channels, np.float32),
        "lstm.W": _weights(rng, 1, 4 * width, channels),
        "lstm.R": _weights(rng, 1, 4 * width, width),
        "lstm.B": np.repeat([0, 0, 2, 0, 0, 0, 0, 0], width)[None].astype(np.float32),
        "gemm.weight": _weights(rng, 1, width),
        "gemm.bias": np.zeros(1, np.float32),
        "zero": np.array([0], np.int64),
        "one": np.array([1], np.int64),
    }
    tensors = [numpy_helper.from_array(array, own(local)) for local, array in weights.items()]
    nodes = []
    if are_constants:
        nodes = [helper.make_node("Constant", [], [t.name], t.name, value=t) for t in tensors]
        tensors = []
    node("Unsqueeze", ["input", own("one")], ["signal"])
    convolution = [own("signal"), own("conv.weight"), own("conv.bias")]
    node("Conv", convolution, ["convolved"], strides=[size // 2])
    node("Relu", [own("convolved")], ["features"])
    node("Transpose", [own("features")], ["steps"], perm=[2, 0, 1])
    node("Split", ["state"], ["hidden", "cell"], axis=0)
    lstm = [own(local) for local in ("steps", "lstm.W", "lstm.R", "lstm.B")]
    lstm += ["", own("hidden"), own("cell")]
    node("LSTM", lstm, ["sequence", "last_hidden", "last_cell"], hidden_size=width)
    node("Concat", [own("last_hidden"), own("last_cell")], ["stateN"], axis=0)
    node("Squeeze", [own("last_hidden"), own("zero")], ["last"])
    node("Gemm", [own("last"), own("gemm.weight"), own("gemm.bias")], ["score"], transB=1)
    node("Sigmoid", [own("score")], ["output"])
    outputs = [
        helper.make_tensor_value_info(own("output"), TensorProto.FLOAT, ["batch", 1]),
        helper.make_tensor_value_info(own("stateN"), TensorProto.FLOAT, [2, "batch", width]),
    ]
    return helper.make_graph(nodes, name, [], outputs, tensors)


def _weights(rng, *shape):
    """Return weights large enough that the gates of a small net move."""
    scale = 2 / np.sqrt(shape[-1])
    return rng.normal(0, scale, shape).astype(np.float32)


def _sound(kind, time, rate, rng):
    if kind == "tone":
        pitches = rng.uniform(200, 3000, (2, 1))
        return np.sin(2 * np.pi * pitches * time + rng.uniform(0, 6, (2, 1))).sum(0)
    if kind == "noise":
        kernel = np.hanning(rng.integers(3, 12))
        return np.convolve(rng.normal(0, 1, len(time)), kernel, mode="same")
    return _speech(time, rate, rng)


def _speech(time, rate, rng):
    """Return harmonics of a wandering pitch, weighted by formants, under the beat of syllables."""
    wander = 1 + 0.06 * np.sin(2 * np.pi * rng.uniform(2, 5) * time)
    pitch = rng.uniform(90, 220) * wander
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    first, second = (np.array(FORMANTS[k]) for k in rng.choice(len(FORMANTS), 2, replace=False))
    glide = np.linspace(0, 1, len(time))[:, None]
    formants = first * (1 - glide) + second * glide
    voice = np.zeros(len(time))
    for harmonic in range(1, int(min(3800, rate / 2) // pitch.max())):
        distance = (harmonic * pitch[:, None] - formants) / (60 + formants / 15)
        voice += (1 / (1 + distance**2)).sum(1) / np.sqrt(harmonic) * np.cos(harmonic * phase)
    beat = 0.6 - 0.4 * np.cos(2 * np.pi * (rng.uniform(3, 6) * time + rng.uniform()))
    return beat * voice
