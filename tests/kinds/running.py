"""Training, export and inference, as all nets of this folder share them."""

import contextlib
import io
import warnings

import numpy as np
import onnxruntime
import torch

EXPORTERS = ("torchscript", "dynamo")
OPSETS = {"torchscript": 17, "dynamo": 18}


def fit(module, loss_of, count, epochs, batch=32, rate=3e-3, seed=0):
    """Train a module by Adam on shuffled batches, and leave it in evaluation mode.

    Parameters
    ----------
    module : torch.nn.Module
    loss_of : callable
        Gives the loss of the samples at some indices, an int64 tensor.
    count : int
        The number of samples.
    epochs : int
    batch, rate, seed :
        Batch size, highest learning rate and seed of the shuffles. The rate rises and falls once.
    """
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(module.parameters(), lr=rate)
    steps = epochs * -(-count // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=max(steps, 1))
    module.train()
    for _ in range(epochs):
        for indices in torch.randperm(count, generator=generator).split(batch):
            optimizer.zero_grad()
            loss_of(indices).backward()
            optimizer.step()
            schedule.step()
    return module.eval()


def seeded(build, seed):
    """Return what `build` returns when torch's generator starts from a seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()


def export(module, inputs, outputs, path, exporter):
    """Write a module as an ONNX file.

    Parameters
    ----------
    module : torch.nn.Module
        Takes the inputs in their order, and returns one tensor or a tuple.
    inputs : dict
        For each input its name, and a pair: an example tensor, and a dict from axis to the name of
        a size that stays open. A name may stand with its upper limit, as `("seq", 32)`.
    outputs : dict
        For each output its name, and a dict from axis to the name of an open size.
    path : path-like
    exporter : {"torchscript", "dynamo"}
    """
    open_sizes = {name: axes for name, (_, axes) in inputs.items()}
    names = {
        name: {axis: size if isinstance(size, str) else size[0] for axis, size in axes.items()}
        for name, axes in (open_sizes | outputs).items()
    }
    options = {"input_names": list(inputs), "output_names": list(outputs)}
    if exporter == "torchscript":
        options |= {"dynamo": False, "dynamic_axes": names}
    else:
        shapes = {
            name: {axis: _dimension(size) for axis, size in axes.items()}
            for name, axes in open_sizes.items()
        }
        shapes = tuple(shapes.values())
        # torch decomposes an LSTM into a loop for this export alone, and then remembers the kernel
        # it chose before: without this a second export in one process has fixed sizes.
        torch.ops.aten.lstm.input._dispatch_cache.clear()
        options |= {"dynamo": True, "dynamic_shapes": shapes, "external_data": False}
    examples = tuple(example for example, _ in inputs.values())
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            examples,
            str(path),
            opset_version=OPSETS[exporter],
            verbose=False,
            **options,
        )


def run_torch(module, *inputs):
    """Return the outputs of a module, a list of arrays, for arrays as inputs."""
    with torch.no_grad():
        outputs = module.eval()(*map(torch.from_numpy, inputs))
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    return [output.numpy() for output in outputs]


def session(model):
    """Return a session on the CPU for a path or a ModelProto."""
    source = model.SerializeToString() if hasattr(model, "SerializeToString") else str(model)
    return onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"])


def run_onnx(model, feeds):
    """Return the outputs of an ONNX model as a dict; what in `feeds` is no input is left out."""
    runner = session(model)
    inputs = {value.name: feeds[value.name] for value in runner.get_inputs()}
    names = [value.name for value in runner.get_outputs()]
    return dict(zip(names, runner.run(names, inputs), strict=True))


def largest_difference(left, right):
    """Return the largest absolute difference between two arrays of one shape."""
    assert left.shape == right.shape
    return float(np.abs(left - right).max())


def _dimension(size):
    """Return the dimension of torch.export for a name, or for a name with its upper limit."""
    name, limit = (size, None) if isinstance(size, str) else size
    return torch.export.Dim(name, min=2, max=limit)
