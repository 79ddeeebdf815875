"""Changes to a prototxt: of its tokens, and of its tree of messages."""

import re
from random import Random
from typing import TypeAlias

TOKEN = re.compile(
    r"""#[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[{}<>\[\]:;,]|[^\s{}<>\[\]:;,"'#]+"""
)


def words(text: str) -> list[str]:
    return text.split()


NUMBERS = words(
    "0 1 -1 2 3 4 5 7 10 100 1000 65536 100000000 2147483647 2147483648 4294967295 "
    "99999999999999999999 -2147483648 0x10 010 08 1.5 .5 5. 1e1 1e9 1e400 -1e-9 nan -nan inf "
    "-inf infinity 1f 1.f 0.0 -0.0 - + 00 1_0 \u0661"
)
WORDS = words(
    "true false MAX AVE STOCHASTIC SUM PROD TRAIN TEST CEIL FLOOR FAN_IN WITHIN_CHANNEL "
    "ACROSS_CHANNELS x"
)
FIELDS = words(
    "name type bottom top pad pad_h pad_w stride stride_h stride_w kernel_size kernel_h "
    "kernel_w group dilation num_output axis num_axes bias_term transpose global_pooling "
    "round_mode ceil_mode pool phase lr_mult param include exclude loss_weight local_size alpha "
    "beta k eps use_global_stats coeff operation slice_point dim shape concat_dim end_axis "
    "negative_slope power scale shift engine input input_dim input_shape layer layers "
    "channel_shared dropout_ratio scale_train stage min_level level share_mode weight_filler "
    "filler blobs blobs_lr weight_decay typo force_nd_im2col phase propagate_down"
)
TYPES = words(
    "Convolution Deconvolution InnerProduct Pooling ReLU PReLU ELU Sigmoid TanH AbsVal Power "
    "LRN BatchNorm Scale Bias Eltwise Concat Slice Split Flatten Reshape Dropout Softmax "
    "SoftmaxWithLoss Accuracy Silence Input Data DummyData MemoryData HDF5Data EuclideanLoss "
    "CConvolution DepthwiseConvolution Python Crop"
)

Value: TypeAlias = "str | list[list]"
Tree: TypeAlias = "list[list]"  # of [name, value]


def change_text(text: str, rng: Random) -> str:
    """Return the text of a prototxt after some change, of which most leave the grammar intact."""
    if rng.random() < 0.3:
        return change_tokens(text, rng)
    tree = parse(iter(TOKEN.findall(text)))
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        change_tree(tree, rng)
    return spell(tree)


def change_tokens(text: str, rng: Random) -> str:
    tokens = TOKEN.findall(text)
    at = rng.randrange(len(tokens))
    way = rng.randrange(9)
    if way == 0:
        del tokens[at]
    elif way == 1:
        tokens.insert(at, rng.choice(tokens))
    elif way == 2:
        tokens[at] = rng.choice(tokens)
    elif way == 3:
        tokens[at] = rng.choice(
            [*NUMBERS, *WORDS, "{", "}", "<", ">", "[", "]", ":", '"', "'", "\\", "#"]
        )
    elif way == 4:
        del tokens[at:]
    elif way == 5:
        tokens[at:at] = ["a", "{"] * rng.choice((3, 99, 101, 5000))
    elif way == 6:
        tokens[at:at] = [
            rng.choice(("é", "\x00", "\ud800", "'\\", '"\\xff"', '"\\400"', "﻿", "\t", "a" * 10_000))
        ]
    elif way == 7:
        tokens[at : at + rng.randint(1, 8)] *= rng.choice((2, 3, 1000))
    else:
        data = bytearray("\n".join(tokens).encode("utf-8", "replace"))
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(7)
        return data.decode("utf-8", "replace")
    return "\n".join(tokens)


def parse(tokens, closing="") -> Tree:
    """Return the tree of a prototxt that is right: seeds are."""
    fields: Tree = []
    for name in tokens:
        if name.startswith("#") or name in (",", ";"):
            continue
        if name in ("}", ">"):
            return fields
        mark = next(tokens)
        value = next(tokens) if mark == ":" else mark
        fields.append([name, parse(tokens) if value in ("{", "<") else value])
    return fields


def spell(tree: Tree, indent: str = "") -> str:
    lines = []
    for name, value in tree:
        if isinstance(value, list):
            lines.append(f"{indent}{name} {{\n{spell(value, indent + '  ')}{indent}}}\n")
        else:
            lines.append(f"{indent}{name}: {value}\n")
    return "".join(lines)


def copied(value: Value) -> Value:
    return [[name, copied(inner)] for name, inner in value] if isinstance(value, list) else value


def change_tree(tree: Tree, rng: Random) -> None:
    fields = pick(tree, rng)
    if not fields:
        fields.append([rng.choice(FIELDS), rng.choice(NUMBERS)])
        return
    index = rng.randrange(len(fields))
    name, value = fields[index]
    way = rng.randrange(12)
    if way == 0:
        del fields[index]
    elif way == 1:
        fields.insert(rng.randrange(len(fields) + 1), [name, copied(value)])
    elif way == 2:
        rng.shuffle(fields)
    elif way == 3:
        fields[index] = [rng.choice([*FIELDS, name + "x"]), value]
    elif way == 4:
        fields.insert(index, [rng.choice(FIELDS), rng.choice([*NUMBERS, *WORDS])])
    elif way == 5:
        fields.extend([[name, copied(value)] for _ in range(rng.choice((2, 30, 400)))])
    elif way == 6:
        other = rng.choice(pick(tree, rng) or fields)
        fields.insert(index, [other[0], copied(other[1])])
    elif isinstance(value, list):
        fields[index] = [name, rng.choice(NUMBERS)] if way == 7 else [name, value]
        change_tree(value, rng)
    else:
        fields[index] = [name, new_value(value, tree, rng)]


def new_value(value: str, tree: Tree, rng: Random) -> Value:
    if rng.random() < 0.05:
        return rng.choice([[["a", "1"]], *WORDS, '"x"'])
    if value.startswith(('"', "'")):
        known = [text for text in strings(tree) if text.startswith(('"', "'"))]
        types = [f'"{name}"' for name in TYPES]
        odd = ['""', '"é"', '"\\n"', '"a" "b"', "1", '"' + "a" * 10_000 + '"']
        return rng.choice(
            [rng.choice(known), rng.choice(known), rng.choice(types), rng.choice(odd)]
        )
    if re.fullmatch(r"-?[0-9]+", value) and rng.random() < 0.5:
        number = int(value)
        return str(rng.choice((number + 1, number - 1, number * 2, -number, rng.randrange(12))))
    return rng.choice(NUMBERS if rng.random() < 0.7 else WORDS)


def strings(tree: Tree):
    for _, value in tree:
        if isinstance(value, list):
            yield from strings(value)
        else:
            yield value


def pick(tree: Tree, rng: Random) -> Tree:
    """Return the fields of a message at a random depth."""
    inner = [value for _, value in tree if isinstance(value, list)]
    return pick(rng.choice(inner), rng) if inner and rng.random() < 0.8 else tree
