"""The tables of docs/layers.md, for the tests that compare them with the code."""

import re
from pathlib import Path

import onnx

ROOT = Path(__file__).resolve().parents[1]
CAFFE, _, ONNX = (ROOT / "docs" / "layers.md").read_text().partition("## ONNX")
BVLC, _, FORKS = CAFFE.partition("## Layers of Caffe's forks")


def rows(text):
    """Return the cells of each row of all tables, without their heads."""
    tables = [table for table in re.split(r"\n(?=[^|])", text) if "\n|---" in table]
    lines = [line for table in tables for line in table.strip().splitlines()[2:]]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def names(cell):
    return re.findall(r"\w+", cell)


def is_operator(word):
    return isinstance(word, str) and onnx.defs.has(word)


def operators():
    """Return the operators that each type of Caffe's layers becomes, by its row."""
    return {
        kind: set(filter(is_operator, names(f"{row[1]} {row[2]}")))
        for row in rows(CAFFE)
        for kind in names(row[0])
    }
