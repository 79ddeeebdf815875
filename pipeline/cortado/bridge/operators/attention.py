"""Attention and rotary embeddings, as opsets 23 and later have them.

    Y = softmax(scale · Q Kᵀ + mask) V

Queries, keys and values are (batch, heads, length, width), or (batch, length, heads · width), which
is split first. Where there are fewer heads of keys than of queries, several queries share one.

Source: https://onnx.ai/onnx/operators/onnx__Attention.html, onnx__RotaryEmbedding.html.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import getitem
from typing import TypeAlias

import torch
from torch import fx

from cortado.bridge.context import NodeContext
from cortado.bridge.registry import operator

__all__ = ["Heads", "Rotation"]

Rotation: TypeAlias = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""Pairs of elements, their cosines, their sines → the pairs rotated."""

_CACHE_LENGTHS, _SCORES = 6, 3  # the input and the output that nothing here has a use for


@dataclass(frozen=True)
class Heads:
    """The attributes of an Attention; None where inputs decide.

    Attributes
    ----------
    queries, keys : int or None
        How many heads inputs of three axes have.
    scale : float or None
        By default 1/√width.
    softcap : float
        c of c · tanh(scores / c); 0 for none.
    is_causal : bool
        Whether a query sees no later key.
    """

    queries: int | None
    keys: int | None
    scale: float | None
    softcap: float
    is_causal: bool


@operator("Attention")
def _attention(ctx: NodeContext) -> tuple[fx.Node, ...]:
    """Mix values by how well keys match queries; return also keys and values with the past."""
    attributes = ctx.node.attributes
    if ctx.has(_CACHE_LENGTHS):
        raise ctx.refusal("lengths of keys in a cache are not supported")
    heads = Heads(
        attributes.get_int("q_num_heads", None),
        attributes.get_int("kv_num_heads", None),
        attributes.get_float("scale", None),
        attributes.get_float("softcap", 0.0),
        bool(attributes.get_int("is_causal", 0)),
    )
    present = [index for index in range(_CACHE_LENGTHS) if ctx.has(index)]
    inputs = [ctx.input(index) if index in present else None for index in range(_CACHE_LENGTHS)]
    result = ctx.bound(_attend, inputs, options=(heads,))
    return tuple(ctx.call(getitem, result, index) for index in range(_SCORES))


@operator("RotaryEmbedding")
def _rotary_embedding(ctx: NodeContext) -> fx.Node:
    """Rotate pairs of elements by the angle of their position, given as cosines and sines."""
    attributes = ctx.node.attributes
    heads = attributes.get_int("num_heads", 0)
    width = attributes.get_int("rotary_embedding_dim", 0)
    rotate = _rotate_neighbours if attributes.get_int("interleaved", 0) else _rotate_halves
    x, cosines, sines = (ctx.input(index) for index in range(3))
    positions = ctx.optional(3)
    if positions is not None:
        cosines, sines = (ctx.call(getitem, table, positions) for table in (cosines, sines))
    return ctx.bound(_embed, x, cosines, sines, options=(heads, width, rotate))


def _attend(
    inputs: Sequence[torch.Tensor | None], heads: Heads
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    q, k, v, mask, past_k, past_v = inputs
    assert q is not None
    assert k is not None
    assert v is not None
    is_flat = q.ndim == 3
    if is_flat:
        q = _split_heads(q, heads.queries or 1)
        k, v = (_split_heads(x, heads.keys or 1) for x in (k, v))
    past = 0 if past_k is None else past_k.size(2)
    if past_k is not None and past_v is not None:
        k, v = torch.cat([past_k, k], 2), torch.cat([past_v, v], 2)
    repeats = q.size(1) // k.size(1)
    keys, values = (x.repeat_interleave(repeats, 1) if repeats > 1 else x for x in (k, v))
    scale = 1 / math.sqrt(q.size(-1)) if heads.scale is None else heads.scale
    scores = q @ keys.transpose(-2, -1) * scale
    if heads.softcap:
        scores = heads.softcap * torch.tanh(scores / heads.softcap)
    if heads.is_causal:
        allowed = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device).tril(past)
        scores = scores.masked_fill(~allowed, float("-inf"))
    if mask is not None:
        is_bool = mask.dtype is torch.bool
        scores = scores.masked_fill(~mask, float("-inf")) if is_bool else scores + mask
    mixed = torch.softmax(scores, -1) @ values
    return (mixed.transpose(1, 2).flatten(2) if is_flat else mixed), k, v


def _split_heads(x: torch.Tensor, heads: int) -> torch.Tensor:
    """Turn (n, length, heads · width) into (n, heads, length, width)."""
    return x.reshape(*x.shape[:2], heads, -1).transpose(1, 2)


def _embed(
    x: torch.Tensor,
    cosines: torch.Tensor,
    sines: torch.Tensor,
    heads: int,
    width: int,
    rotate: Rotation,
) -> torch.Tensor:
    """Rotate the first `width` elements of each head (0: all); the tables are (n, length, w/2)."""
    is_flat = x.ndim == 3
    if is_flat:
        x = _split_heads(x, heads)
    width = width or x.size(-1)
    turned, kept = x[..., :width], x[..., width:]
    cosines, sines = (table[..., : width // 2].unsqueeze(1) for table in (cosines, sines))
    x = torch.cat([rotate(turned, cosines, sines), kept], -1)
    return x.transpose(1, 2).flatten(2) if is_flat else x


def _rotate_halves(x: torch.Tensor, c: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
    a, b = x.chunk(2, -1)
    return torch.cat([c * a - s * b, s * a + c * b], -1)


def _rotate_neighbours(x: torch.Tensor, c: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([c * a - s * b, s * a + c * b], -1).flatten(-2)
