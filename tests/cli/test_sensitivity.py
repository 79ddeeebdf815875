"""`cortado sensitivity`: the table, going on with it, dividing it, its picture and page."""

import os
import re
import shlex
import subprocess
import sys

import numpy as np
import onnx
import pytest

from cli.program import commands_of, cortado, done, process_environment, refused
from cortado.data.digits import load_digits
from cortado.sensitivity import read_table

RATES = ("--rates", "0.5,0.9,0.97")


def sweep(model, *options):
    return done("sensitivity", model, "--data", "digits", "-q", *RATES, *options)


def without_seconds(data):
    return [re.sub(r"^((?:[^,]*,){19})[^,]*", r"\1", line) for line in data.decode().splitlines()]


@pytest.fixture(scope="module")
def whole(trained):
    return sweep(trained)


def test_the_table_begins_with_the_dense_model_and_has_a_row_a_point(whole):
    header, dense, *points = whole.decode().splitlines()
    assert header.startswith("layer,treatment,level,metric,better,value,dense,drop,drop_low,")
    assert header.split(",")[19] == "seconds"
    assert dense.startswith("*,dense,0,accuracy,higher,")
    assert [row.split(",")[:3] for row in points] == [
        [layer, "prune", rate]
        for layer in ("conv1", "fc1", "fc2")
        for rate in ("0.5", "0.9", "0.97")
    ]


def test_same_seed_same_table(whole, trained):
    again = sweep(trained, "--workers", "1")
    assert without_seconds(again) == without_seconds(whole)


@pytest.mark.parametrize("cut", [60, 500, 900, -1, -30])
def test_a_sweep_that_was_killed_goes_on(cut, whole, trained, tmp_path):
    path = tmp_path / "sweep.csv"
    path.write_bytes(whole[:cut])
    sweep(trained, "-o", path)
    assert without_seconds(path.read_bytes()) == without_seconds(whole)


@pytest.mark.parametrize(("rows", "words"), [(1, "after 1 row\n"), (2, "after 2 rows\n")])
def test_a_sweep_that_goes_on_says_so(rows, words, whole, trained, tmp_path):
    path = tmp_path / "sweep.csv"
    path.write_bytes(b"".join(whole.splitlines(keepends=True)[: 1 + rows]))
    told = cortado("sensitivity", trained, "--data", "digits", *RATES, "-o", path).stderr
    assert f"{path}: going on {words}" in told


def test_finished_points_are_not_measured_again(whole, trained, tmp_path):
    path = tmp_path / "sweep.csv"
    path.write_bytes(whole)
    sweep(trained, "-o", path)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("end", [None, -30], ids=["whole", "half a line"])
def test_a_table_of_another_model_is_refused_and_stays(end, whole, pruned, tmp_path):
    path = tmp_path / "sweep.csv"
    path.write_bytes(whole[:end])
    result = cortado("sensitivity", pruned, "--data", "digits", "-q", *RATES, "-o", path)
    assert refused(result, 1, "sensitivity", "another model")
    assert path.read_bytes() == whole[:end]


def test_half_a_line_of_what_is_not_swept_again_is_cut_off(whole, trained, tmp_path):
    path = tmp_path / "sweep.csv"
    path.write_bytes(whole[:-30])
    done("sensitivity", trained, "--data", "digits", "-q", "--rates", "0.5", "-o", path)
    assert path.read_bytes() == whole[: whole[:-30].rindex(b"\n") + 1]


def test_a_file_that_is_no_table_is_refused_and_stays(trained, old):
    result = cortado("sensitivity", trained, "--data", "digits", *RATES, "-o", old)
    assert refused(result, 1, "sensitivity", "has not the columns")


def test_a_pipe_or_device_gets_the_whole_table_at_the_end(whole, trained, tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with subprocess.Popen(["cat", path], stdout=subprocess.PIPE) as reader:
        sweep(trained, "-o", path)
        assert without_seconds(reader.communicate()[0]) == without_seconds(whole)
    sweep(trained, "-o", "/dev/null")
    full = cortado("sensitivity", trained, "--data", "digits", "-q", *RATES, "-o", "/dev/full")
    assert refused(full, 1, "sensitivity", "cannot write /dev/full: No space left on device")


def test_a_damaged_line_is_named(whole, trained, tmp_path):
    path = tmp_path / "sweep.csv"
    lines = whole.decode().splitlines()
    lines[3] = lines[3].replace(",prune,", ",prune,,")
    path.write_text("\n".join(lines) + "\n")
    result = cortado("sensitivity", trained, "--data", "digits", *RATES, "-o", path)
    assert refused(result, 1, "sensitivity", "line 4")


def test_processes_that_divide_the_points_give_the_same_table(whole, trained, tmp_path):
    path = tmp_path / "sweep.csv"
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"),
        *("-m", "cortado_cli", "sensitivity", str(trained), "--data", "digits", "-q"),
        *(*RATES, "-o", str(path)),
    ]
    subprocess.run(command, env=process_environment(), check=True, capture_output=True, timeout=120)
    assert without_seconds(path.read_bytes()) == without_seconds(whole)


def test_a_process_whose_fellow_gives_up_says_so(whole, trained, tmp_path):
    path = tmp_path / "sweep.csv"
    path.write_bytes(whole.replace(b",prune,0.5", b",prune,x"))
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"),
        *("-m", "cortado_cli", "sensitivity", str(trained), "--data", "digits", "-q"),
        *(*RATES, "-o", str(path)),
    ]
    result = subprocess.run(
        command, env=process_environment(), check=False, capture_output=True, timeout=120
    )
    assert result.returncode == 1
    assert b"sweep.csv, line 3: level is 'x', not a number" in result.stderr
    assert b"(a bug" not in result.stderr


def test_what_was_pruned_already_is_no_robust_layer(pruned):
    table = read_table(sweep(pruned), "the table")
    notes = {(row.layer, row.level): row.note for row in table.without_figures}
    assert notes.keys() >= {(layer, 0.5) for layer in ("conv1", "fc1", "fc2")}
    assert all("already" in note for note in notes.values())


def test_the_report_is_one_page_that_escapes_its_texts(trained, tmp_path):
    proto = onnx.load(trained)
    for tensor in proto.graph.initializer:
        if tensor.name == "fc1.weight":
            tensor.name = "<b>fc1.weight"
    for node in proto.graph.node:
        for index, name in enumerate(node.input):
            if name == "fc1.weight":
                node.input[index] = "<b>fc1.weight"
    model, page, picture = (tmp_path / n for n in ("odd.onnx", "page.html", "picture.png"))
    onnx.save(proto, model)
    sweep(model, "--report", page, "--plot", picture, "-o", tmp_path / "s.csv")
    text = page.read_text()
    assert "&lt;b&gt;fc1" in text
    assert "<b>" not in text
    assert "prefers-color-scheme: dark" in text
    assert not re.search(r"(src|href)=|https?://|@import", text)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_command_line_of_a_page_makes_the_same_table(trained, tmp_path):
    table, page = tmp_path / "it's a table.csv", tmp_path / "page.html"
    layers = ("--layers", "fc*", "--max-drop", "0.0123456789")
    sweep(trained, "--report", page, *layers, "-o", table)
    program, *words = shlex.split(commands_of(page.read_text()))
    assert program == "cortado"
    before = without_seconds(table.read_bytes())
    table.unlink()
    done(*words)
    assert without_seconds(table.read_bytes()) == before


def test_without_labels_correct_is_what_the_dense_model_chooses(trained, npz):
    images = npz(labels=np.zeros(40, np.int64))
    one = done("sensitivity", trained, "--data", images, "--without-labels", "-q", *RATES)
    dense = read_table(one, "the table").dense
    assert (dense.value, dense.lost, dense.divergence) == (1, 0, 0)


@pytest.fixture
def bare(tmp_path):
    """Give 40 images without labels."""
    path = tmp_path / "bare.npy"
    (pixels,) = load_digits().take(np.arange(40)).inputs.values()
    np.save(path, pixels)
    return path


def test_images_without_labels_have_no_parts_but_where_one_is_named(trained, bare):
    told = cortado("sensitivity", trained, "--data", bare, "--rates", "0.5").stderr
    assert "dense: agreement 1.0000 on 40 samples\n" in told
    assert "within 0.005  agreement" in told
    told = cortado(
        "sensitivity", trained, "--data", bare, "--rates", "0.5", "--split", "val"
    ).stderr
    assert "dense: agreement 1.0000 on 3 val samples\n" in told


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--rates 0.5,1.5", "1.5 is no fraction"),
        ("--kind bits --rates 0.5", "--rates needs --kind prune"),
        ("--kind bits --bits 2.5", "no whole number"),
        ("--kind bits --bits 9", "9 bits"),
        ("--bits 4", "--bits needs --kind bits"),
        ("--layers nothing", "matches none of"),
    ],
)
def test_wrong_options_are_refused(options, words, trained):
    result = cortado("sensitivity", trained, "--data", "digits", *options.split())
    assert refused(result, 2, "sensitivity", words)


def test_a_model_is_the_same_in_every_stored_form(whole, trained):
    sparse = done("emit", trained, "--storage", "sparse", "-q")
    again = done("sensitivity", "--data", "digits", "-q", *RATES, stdin=sparse)
    assert without_seconds(again) == without_seconds(whole)
