"""Constraints that keep zeros zero and shared values shared, whatever the optimizer does.

`Masked` zeroes the pruned weights after every step: gradient, momentum and weight decay may
move one, and it is zero again before anyone reads it.

`OnCodebook` hands the optimizer the codebook instead of the weights. The gradient of a shared
value is the sum over its members (Han et al. 2016, 1510.00149, equation 3), and after every
step each member takes the value of its codebook entry, so that they stay equal to the bit.

`OnGrid` hands it a single number: the weights are integers times one step, and keep their
integers, so that they stay on the uniform grid of an integer kernel.

Biases and other tensors that are no layer of their own may have been pruned too, as in the nets
of Dynamic Network Surgery (Guo et al. 2016, 1608.04493): in a model whose layers have zeros,
theirs stay as well, unless all of them are zero, as in a net that was just filled.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from cortado.errors import CortadoError
from cortado.model.layers.codebook import find_codebook
from cortado.model.layers.grid import find_shared_step
from cortado.model.layers.prunable import Layer
from cortado.model.typing import BoolArray

__all__ = ["Constraint", "Masked", "OnCodebook", "OnGrid", "constrain", "constrain_others"]


class Constraint(Protocol):
    """Keeps one weight where it may be."""

    weight: nn.Parameter

    def parameters(self) -> Iterator[nn.Parameter]:
        """Yield what the optimizer moves in place of the weight."""
        ...

    def after_backward(self) -> None:
        """Turn the gradient of the weight into that of the parameters."""
        ...

    def after_step(self) -> None:
        """Put the weight back where it may be."""
        ...

    def check(self) -> None:
        """Raise `CortadoError` if the weight is where it must not be."""
        ...


class Masked:
    """A weight whose zeros stay zero.

    Parameters
    ----------
    name : str
        The layer, for errors.
    weight : torch.nn.Parameter
        Of any shape, float32.
    pruned : torch.Tensor
        Of the weight's shape, bool: True where a weight is pruned.
    """

    def __init__(self, name: str, weight: nn.Parameter, pruned: Tensor) -> None:
        self.name = name
        self.weight = weight
        self.pruned = pruned
        self._words = weight.detach().view(torch.int32)  # the same memory
        self._bits = _bit_mask(pruned)

    def parameters(self) -> Iterator[nn.Parameter]:
        """Yield the weight itself."""
        yield self.weight

    def after_backward(self) -> None:
        """Do nothing: the optimizer moves the weight itself."""

    def after_step(self) -> None:
        """Zero the pruned weights, by their bits: a product with 0 would leave −0 or NaN."""
        self._words.bitwise_and_(self._bits)

    def shrink(self, mask: BoolArray) -> None:
        """Prune all weights but those of `mask`; what is pruned stays so."""
        self.pruned |= torch.from_numpy(~mask).to(self.pruned.device)
        self._bits = _bit_mask(self.pruned)
        self.after_step()

    def check(self) -> None:
        """Check that every pruned weight is zero."""
        if bool(((self.weight != 0) & self.pruned).any()):
            raise CortadoError(f"retraining revived pruned weights of {self.name}")


class OnCodebook:
    """A weight whose non-zero elements share the values of a codebook.

    Parameters
    ----------
    name : str
        The layer, for errors.
    weight : torch.nn.Parameter
        Of any shape; its non-zero elements already take the values of the codebook.
    codebook : torch.Tensor
        Ascending, of shape (k,).
    """

    def __init__(self, name: str, weight: nn.Parameter, codebook: Tensor) -> None:
        self.name = name
        self.weight = weight
        self.codebook = nn.Parameter(codebook)
        nonzero = weight.detach().nonzero(as_tuple=True)
        self._members = nonzero  # one array of shape (nnz,) an axis: where the elements are
        self._labels = torch.searchsorted(codebook, weight.detach()[nonzero])  # (nnz,)

    def parameters(self) -> Iterator[nn.Parameter]:
        """Yield the codebook."""
        yield self.codebook

    def after_backward(self) -> None:
        """Sum the gradients of the members of each codebook entry."""
        if self.weight.grad is None:  # the branch of an If that reads the weight was not taken
            return
        gradients = self.weight.grad[self._members]
        self.codebook.grad = torch.zeros_like(self.codebook).index_add_(0, self._labels, gradients)
        self.weight.grad = None

    @torch.no_grad()
    def after_step(self) -> None:
        """Give each member the value of its codebook entry; an entry never becomes zero."""
        smallest = torch.finfo(self.codebook.dtype).tiny
        self.codebook.masked_fill_(self.codebook == 0, smallest)
        self.weight[self._members] = self.codebook[self._labels]

    def check(self) -> None:
        """Check that zeros are zero and members equal their codebook entry."""
        expected = torch.zeros_like(self.weight.detach())
        expected[self._members] = self.codebook.detach()[self._labels]
        if not torch.equal(expected, self.weight.detach()):
            raise CortadoError(f"retraining moved weights of {self.name} off their shared values")


class OnGrid:
    """A weight whose elements are integers times a step: w = float32(k) · float32(a / n).

    What is trained is the largest magnitude a, n the largest |k|: it is as large as a weight,
    and so takes the same rates, where the step would be n times as small.

    Parameters
    ----------
    name : str
        The layer, for errors.
    weight : torch.nn.Parameter
        Of any shape, on the grid.
    step : float
        The step of that grid.
    """

    def __init__(self, name: str, weight: nn.Parameter, step: float) -> None:
        self.name = name
        self.weight = weight
        self._integers = (weight.detach() / step).round()
        self._largest = self._integers.abs().max()
        self.reach = nn.Parameter(self._largest * step)
        self._step = torch.full_like(self._largest, step)  # what reach / n may miss by a bit

    def parameters(self) -> Iterator[nn.Parameter]:
        """Yield the largest magnitude."""
        yield self.reach

    def after_backward(self) -> None:
        """Sum the gradients of all elements, each times its integer: ∂w/∂a = k / n."""
        if self.weight.grad is None:  # as above
            return
        self.reach.grad = (self.weight.grad * self._integers).sum() / self._largest
        self.weight.grad = None

    @torch.no_grad()
    def after_step(self) -> None:
        """Give each element its integer times the new step, which never becomes zero."""
        smallest = torch.finfo(self.reach.dtype).tiny
        self._step = (self.reach / self._largest).clamp_min(smallest)
        torch.mul(self._integers, self._step, out=self.weight.data)

    def check(self) -> None:
        """Check that the weight is on the grid."""
        if not torch.equal(self._integers * self._step, self.weight.detach()):
            raise CortadoError(f"retraining moved weights of {self.name} off their uniform grid")


def _bit_mask(pruned: Tensor) -> Tensor:
    """Return int32 of the same shape: no bit set where a weight is pruned, else all of them."""
    return torch.where(pruned, 0, -1).to(torch.int32)


def constrain(layers: Sequence[Layer], weights: Sequence[nn.Parameter]) -> list[Constraint]:
    """Return the constraint that each layer's values imply: on a grid, shared, or masked.

    Parameters
    ----------
    layers : sequence of Layer
        The prunable layers of the model.
    weights : sequence of torch.nn.Parameter
        Their weights in the torch module, in the same order.
    """
    constraints: list[Constraint] = []
    for layer, weight in zip(layers, weights, strict=True):
        codebook, step = find_codebook(layer.array), find_shared_step(layer.array)
        if step is not None:
            constraints.append(OnGrid(layer.name, weight, float(step)))
        elif codebook is None:
            pruned = weight.detach() == 0
            if pruned.all():  # nothing passes such a layer: it was filled with zeros, not pruned
                pruned = torch.zeros_like(pruned)
            constraints.append(Masked(layer.name, weight, pruned))
        else:
            entries = torch.from_numpy(codebook).to(weight.device)
            constraints.append(OnCodebook(layer.name, weight, entries))
    return constraints


def constrain_others(
    layers: Sequence[Layer], others: Mapping[str, nn.Parameter]
) -> list[Constraint]:
    """Return the constraints of the tensors that are no prunable layer, if they were pruned too.

    Parameters
    ----------
    layers : sequence of Layer
        The prunable layers of the model.
    others : mapping of str to torch.nn.Parameter
        Initializer name → parameter of every other trained tensor.

    Returns
    -------
    list of Constraint
        Of those tensors that keep some zeros.
    """
    pruned = any((layer.array == 0).any() for layer in layers)
    trained = any(bool((tensor != 0).any()) for tensor in others.values())
    if not (pruned and trained):
        return []
    masked = [Masked(name, tensor, tensor.detach() == 0) for name, tensor in others.items()]
    return [constraint for constraint in masked if constraint.pruned.any()]
