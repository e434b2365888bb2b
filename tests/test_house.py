"""The rooms of the house: how large a folder is, what its first line says, who writes a table."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from migrations.tables import OWNERS, metadata

ROOT = Path(__file__).parents[1]
PACKAGES = ("broadcast", "subscribers", "channels", "config", "service", "console")
FOLDERS = sorted({file.parent for name in PACKAGES for file in (ROOT / name).rglob("*.py")})
MODULES = sorted(file for folder in FOLDERS for file in folder.glob("*.py"))
MOST_MODULES = 14

# A table's variable is its name, save where that is a word of Python.
VARIABLES = {"slice": "slice_"}
OWNER = {
    name: owner.__name__.rpartition(".")[0]
    for owner in OWNERS
    for name in metadata.tables
    if getattr(owner, VARIABLES.get(name, name), None) is metadata.tables[name]
}


def title(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def says(folder: Path) -> str:
    return " ".join(
        (ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or "").split()
    )


@pytest.mark.parametrize("folder", FOLDERS, ids=title)
def test_a_folder_holds_no_more_than_a_person_can_hold_in_mind_and_says_what_it_owns(
    folder: Path,
) -> None:
    modules = [file.name for file in folder.glob("*.py") if file.name != "__init__.py"]
    assert len(modules) <= MOST_MODULES, sorted(modules)
    assert len(says(folder)) > 20


def test_every_table_has_one_owner_which_names_it() -> None:
    assert sorted(OWNER) == sorted(metadata.tables)
    for table, owner in OWNER.items():
        folder = ROOT / owner.replace(".", "/")
        assert re.search(rf"\b{table}\b", says(folder)), (
            f"{owner}/__init__.py does not name {table}"
        )


def written(source: str) -> set[str]:
    """Return the tables that a module inserts into, updates or deletes from, by SQL or by name."""
    found = {
        table
        for table in metadata.tables
        if re.search(rf"\b(?:INSERT INTO|UPDATE|DELETE FROM) {table}\b", source)
    }
    names = {VARIABLES.get(table, table): table for table in metadata.tables}
    aliases: dict[str, str] = {}
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").endswith(".tables"):
            aliases |= {a.asname or a.name: names[a.name] for a in node.names if a.name in names}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        if isinstance(function, ast.Name) and function.id in ("insert", "update", "delete"):
            argument = node.args[0] if node.args else None
            if isinstance(argument, ast.Name) and argument.id in aliases:
                found.add(aliases[argument.id])
        elif (
            isinstance(function, ast.Attribute)
            and function.attr in ("insert", "update", "delete")
            and isinstance(function.value, ast.Name)
            and function.value.id in aliases
        ):
            found.add(aliases[function.value.id])
    return found


@pytest.mark.parametrize("module", MODULES, ids=title)
def test_a_table_is_written_by_the_package_that_owns_it_alone(module: Path) -> None:
    room = module.parent.relative_to(ROOT).as_posix().replace("/", ".")
    strangers = {t for t in written(module.read_text()) if OWNER[t] != room}
    assert strangers == set()


def test_a_stranger_who_writes_is_noticed() -> None:
    source = "from broadcast.ledger.tables import slice_ as s, batch\nupdate(s)\nbatch.delete()"
    assert written(source) == {"slice", "batch"}
    assert written('conn.execute(text("UPDATE version SET x = 1"))') == {"version"}


OUTSIDE = re.compile(
    r"\bDESIGN\b|\bSTYLE \d|INTERFACES\b(?![,. ]*=)|reliability \(|guarantee R\d|trap \d"
    r"|\bissue \d|\breference/\w+\.md"
)


@pytest.mark.parametrize("module", MODULES, ids=title)
def test_a_module_refers_only_to_what_is_in_the_repository(module: Path) -> None:
    words = " ".join(
        module.read_text().replace("#", " ").split()
    )  # a reference may be on two lines
    assert OUTSIDE.findall(words) == []


def test_every_rule_that_the_code_names_stands_in_the_documents() -> None:
    said = "".join(module.read_text() for module in MODULES)
    rules = set(re.findall(r"\brules? (R\d+)\b", said))
    page = (ROOT / "docs" / "reliability.md").read_text()
    assert rules
    assert {rule for rule in rules if f"- **{rule} " not in page} == set()
