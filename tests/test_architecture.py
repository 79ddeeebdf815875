"""Who may import what: the layering, checked on the source itself."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "pipeline" / "cortado"
TOOLS = ROOT / "tools"
FILES = sorted(LIBRARY.rglob("*.py"))

# Package → where in the library it may be imported; a folder counts with all that is in it.
ALLOWED = {
    "click": (),
    "rich": (),
    "cortado_cli": (),
    "pathlib": ("files.py",),
    "onnx": ("model/serial.py", "files.py", "emit/"),
    "onnxruntime": ("session.py",),
    "torch": ("bridge/", "retrain/"),
}
NEVER_TORCH = ("retrain/options.py", "retrain/rates.py")


def imports_of(path):
    """Yield the top packages that a file imports anywhere in it; ``.`` for a relative import."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." if node.level else node.module.partition(".")[0]


def place(path):
    return path.relative_to(LIBRARY).as_posix()


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_is_imported_only_where_it_may_be(package):
    importers = {place(path) for path in FILES if package in imports_of(path)}
    assert {name for name in importers if not name.startswith(ALLOWED[package])} == set()
    for allowed in ALLOWED[package]:  # a permission that nobody uses is none
        assert any(name.startswith(allowed) for name in importers)


@pytest.mark.parametrize("name", NEVER_TORCH)
def test_options_are_known_without_torch(name):
    assert "torch" not in set(imports_of(LIBRARY / name))


def test_imports_are_absolute():
    assert [place(path) for path in FILES if "." in imports_of(path)] == []


def test_the_library_neither_prints_nor_opens_files():
    calls = {
        (place(path), node.func.id)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert {(where, name) for where, name in calls if name in ("print", "open", "input")} == set()


def test_every_module_says_what_it_is_for():
    silent = [path.name for path in FILES if ast.get_docstring(ast.parse(path.read_text())) is None]
    assert silent == []


def test_every_public_name_exists():
    for path in FILES:
        tree = ast.parse(path.read_text())
        names = {name for node in tree.body for name in names_bound_by(node)}
        for node in tree.body:
            if isinstance(node, ast.Assign) and "__all__" in names_bound_by(node):
                public = ast.literal_eval(node.value)
                assert sorted(public) == sorted(set(public))
                assert set(public) - names == set(), place(path)


def names_bound_by(node):
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name for alias in node.names]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign):
        return [node.target.id]
    return []


def test_no_command_imports_what_is_slow_before_it_runs():
    """So that every ``--help`` answers at once."""
    program = (
        f"import sys; sys.path[:0] = {[str(LIBRARY.parent), str(TOOLS)]!r}\n"
        "from cortado_cli.main import COMMANDS, cli\n"
        "assert all(cli.get_command(None, name) is not None for name in COMMANDS)\n"
        "slow = {'torch', 'onnxruntime', 'numpy', 'onnx', 'onnx_ir', 'sklearn', 'matplotlib'}\n"
        "print(sorted(slow & sys.modules.keys()))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert (result.stdout.strip(), result.stderr) == ("[]", "")
