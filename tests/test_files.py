"""Files are written completely or not at all."""

import os
import stat
import threading

import pytest

from cortado import files
from cortado.errors import CortadoError
from cortado.model.onnx_io import serial
from nets import mlp


def test_what_is_written_is_read(tmp_path):
    path = str(tmp_path / "file")
    files.write(path, b"\0\xff")
    assert files.read(path) == b"\0\xff"
    assert os.listdir(tmp_path) == ["file"]


def test_a_model_comes_back(tmp_path):
    path = str(tmp_path / "model.onnx")
    files.write(path, serial.encode(mlp()))
    assert serial.encode(files.read_model(path)) == serial.encode(mlp())


def test_a_failing_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def full_disk(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(CortadoError, match=r"cannot write .*: No space left on device"):
        files.write(str(path), b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_an_interrupt_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        files.write(str(path), b"new")
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"old", ["file"])


def test_permissions_are_those_of_the_old_file_or_of_the_umask(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(b"")
    old.chmod(0o640)
    umask = os.umask(0o027)
    try:
        files.write(str(old), b"x")
        files.write(str(new), b"x")
    finally:
        os.umask(umask)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (old, new)] == [0o640, 0o640]


def test_a_link_stays_and_its_target_is_written(tmp_path):
    (tmp_path / "target").write_bytes(b"old")
    (tmp_path / "link").symlink_to("target")
    files.write(str(tmp_path / "link"), b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"new"


def test_a_named_pipe_is_written_to_and_not_replaced(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    received = []
    reader = threading.Thread(target=lambda: received.append(path.read_bytes()))
    reader.start()
    files.write(str(path), b"data")
    reader.join(timeout=10)
    assert received == [b"data"]
    assert stat.S_ISFIFO(path.stat().st_mode)


@pytest.mark.parametrize("name", ["missing/file", "."])
def test_where_no_file_can_be_is_refused(name, tmp_path):
    with pytest.raises(CortadoError, match="cannot write"):
        files.write(str(tmp_path / name), b"x")
    assert os.listdir(tmp_path) == []


def test_what_cannot_be_read_is_named(tmp_path):
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(CortadoError, match=f"cannot read {path}: "):
            files.read(str(path))


def test_text_must_be_utf_8(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_bytes("ü".encode())
    assert files.read_text(str(path)) == "ü"
    path.write_bytes(b"ab\xff")
    with pytest.raises(CortadoError, match=r"net.prototxt is not a text file: byte 2 is not UTF-8"):
        files.read_text(str(path))


def test_names_of_a_directory_are_sorted_and_a_file_has_none(tmp_path):
    for name in ("b", "a"):
        (tmp_path / name).write_bytes(b"")
    assert files.list_names(str(tmp_path)) == ["a", "b"]
    assert files.list_names(str(tmp_path / "a")) == []
    with pytest.raises(CortadoError, match="cannot read"):
        files.list_names(str(tmp_path / "missing"))


def test_a_file_that_another_names(tmp_path, monkeypatch):
    document = tmp_path / "net" / "solver.prototxt"
    for path in ("net/a", "net/deep/b", "c"):
        (tmp_path / path).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / path).write_text("")
    monkeypatch.chdir(tmp_path)
    found = {path: files.find_beside(path, str(document)) for path in ("a", "deep/b", "c", "x/a")}
    folder = f"{tmp_path}/net"
    assert found == {
        "a": f"{folder}/a",
        "deep/b": f"{folder}/deep/b",
        "c": "c",
        "x/a": f"{folder}/a",
    }
    assert files.find_beside("x/none", str(document)) == "x/none"
