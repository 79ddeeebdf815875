"""Who may import what: the layering, checked on the source itself."""

import ast
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "pipeline" / "cortado"
TOOLS = ROOT / "tools"
FILES = sorted(LIBRARY.rglob("*.py"))

FREE = {"errors", "progress", "model.typing"}
FREE_PACKAGES = {"numpy", "onnx_ir", *sys.stdlib_module_names} - {"pathlib"}


def read_table():
    """Return what each module imports, as ARCHITECTURE.md says."""
    text = (ROOT / "ARCHITECTURE.md").read_text().partition("\n## Modules")[2]
    rows = [line.split("|") for line in text.partition("\n## ")[0].splitlines()]
    return {
        module: {*names(row[3]), *(name.partition(".")[0] for name in names(row[4]))}
        for row in rows
        if row[0] == "" and len(row) > 1
        for module in names(row[1])
    }


def names(cell):
    return re.findall(r"`([\w.]+)`", cell)


TABLE = read_table()


def imports_of(path):
    """Yield the modules that a file imports anywhere in it, for types too; ``.`` if relative."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level:
            yield "."
        elif isinstance(node, ast.ImportFrom) and node.module == "cortado":
            yield from (f"cortado.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


def as_in_table(imported):
    """Return the module of cortado, or the package, that an import counts as."""
    package, _, module = imported.partition(".")
    if package != "cortado":
        return "" if package in FREE_PACKAGES else package
    return "" if module in FREE else module.partition(".")[0]


def row_of(path):
    """Return the row that a file belongs to: the most specific one."""
    module = ".".join(path.relative_to(LIBRARY).with_suffix("").parts)
    return max((row for row in TABLE if f"{module}.".startswith(f"{row}.")), key=len, default="")


def place(path):
    return path.relative_to(LIBRARY).as_posix()


def test_modules_import_what_the_table_says():
    found = defaultdict(set)
    for path in FILES:
        row = row_of(path)
        found[row] |= {as_in_table(name) for name in imports_of(path)} - {"", row.partition(".")[0]}
    assert found == TABLE | {"": set()}  # the package itself imports nothing


def test_modules_import_what_is_above_them_only():
    above = set()
    for module, imported in TABLE.items():
        assert imported & TABLE.keys() <= above, module
        above.add(module)


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
        "slow = {'torch', 'onnxruntime', 'numpy', 'onnx', 'onnx_ir', 'scipy', 'sklearn'}\n"
        "slow |= {'matplotlib'}\n"
        "print(sorted(slow & sys.modules.keys()))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert (result.stdout.strip(), result.stderr) == ("[]", "")
