"""What holds for the whole repository: imports between packages, sizes and names.

The table of packages in docs/architecture.md is the rule for imports; it is read here and nowhere repeated.
"""

import ast
import re
import statistics
import subprocess
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
PRODUCT = ("fraud", "producer", "serving", "tasks", "flows", "deployments", "benchmarks")
SERVERS = {"prefect", "fastapi", "airflow"}
NATIVE_IMPORTS = {
    "fraud.native",
    "fraud.definitions.definitions",
    "fraud.definitions.features",
    "fraud.messages.decoding",
}
"""What compiled code imports of this project: itself, and constants of messages and features."""
MAX_FILES = 15
MAX_LINES = 60
MEDIAN_LINES = 10

_PACKAGE_ROW = re.compile(r"^\| `(\w+)/` \|[^|]*\|([^|]*)\|", re.MULTILINE)


def packages_of(page: str) -> dict[str, set[str]]:
    """Each package of the table with the packages that it may import."""
    return {
        name: set(re.findall(r"`(\w+)`", allowed))
        if "everything" not in allowed
        else set(PRODUCT) | {"tests"}
        for name, allowed in _PACKAGE_ROW.findall(page)
    }


ALLOWED_IMPORTS = packages_of((ROOT / "docs/architecture.md").read_text())


@cache
def tracked_files() -> tuple[str, ...]:
    """Paths of the files that git knows, relative to the root."""
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(name for name in names.splitlines() if (ROOT / name).exists())


@cache
def syntax_of(name: str) -> ast.Module:
    return ast.parse((ROOT / name).read_text())


def product_files() -> list[str]:
    return [name for name in tracked_files() if name.endswith(".py") and name.split("/")[0] in PRODUCT]


def imports_of(name: str) -> set[str]:
    """The top-level packages that a file imports."""
    found: set[str] = set()
    for node in ast.walk(syntax_of(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


# --------------------------------------------------------------------------- layers


def test_the_table_of_packages_lists_every_package_of_the_product() -> None:
    assert set(ALLOWED_IMPORTS) == {*PRODUCT, "tests"}


@pytest.mark.parametrize("package", PRODUCT)
def test_a_package_imports_only_what_the_table_allows(package: str) -> None:
    # given the files of a package and what the table in docs/architecture.md lets them import
    files = [name for name in product_files() if name.startswith(f"{package}/")]
    allowed = ALLOWED_IMPORTS[package] | {package}
    # when we collect what they import of this project
    forbidden = {
        f"{file} imports {name}"
        for file in files
        for name in (imports_of(file) & set(ALLOWED_IMPORTS)) - allowed
    }
    # then everything is allowed
    assert files
    assert not forbidden


def test_fraud_imports_no_server() -> None:
    assert not [name for name in product_files() if name.startswith("fraud/") and imports_of(name) & SERVERS]


def test_compiled_code_imports_only_itself_and_constants() -> None:
    # given the modules of this project that fraud/native imports
    modules = {
        (name, node.module)
        for name in product_files()
        if name.startswith("fraud/native/")
        for node in ast.walk(syntax_of(name))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(("fraud", "serving"))
    }
    # then none is of another layer
    assert modules
    assert not {
        (name, module)
        for name, module in modules
        if module not in NATIVE_IMPORTS and not module.startswith("fraud.native.")
    }


# --------------------------------------------------------------------------- sizes and names


class Function(NamedTuple):
    where: str
    lines: int


def functions() -> list[Function]:
    """Every function of the product with its length in lines, signature and docstring included."""
    return [
        Function(f"{name}:{node.lineno} {node.name}", (node.end_lineno or node.lineno) - node.lineno + 1)
        for name in product_files()
        for node in ast.walk(syntax_of(name))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_most_functions_are_short() -> None:
    assert statistics.median(function.lines for function in functions()) <= MEDIAN_LINES


def test_no_function_is_long() -> None:
    assert not [function for function in functions() if function.lines > MAX_LINES]


def test_no_class_name_stands_twice_in_the_product() -> None:
    files = defaultdict(list)
    for name in product_files():
        for node in ast.walk(syntax_of(name)):
            if isinstance(node, ast.ClassDef):
                files[node.name].append(name)
    assert not {name: where for name, where in files.items() if len(where) > 1}


def test_no_folder_has_many_files() -> None:
    files = Counter(str(Path(name).parent) for name in tracked_files())
    assert not {folder: count for folder, count in files.items() if count > MAX_FILES}


def test_every_package_says_what_it_is() -> None:
    assert not [
        name
        for name in product_files()
        if name.endswith("/__init__.py") and not ast.get_docstring(syntax_of(name))
    ]


# --------------------------------------------------------------------------- secrets


def test_no_secret_is_in_the_repository() -> None:
    # given what keys look like
    key = re.compile(r"AKIA[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY-----|gh[pousr]_[A-Za-z0-9]{36}")
    # then no text file has one
    texts = [ROOT / name for name in tracked_files() if not name.endswith((".png", ".lock", ".parquet"))]
    assert not [file for file in texts if key.search(file.read_text())]
