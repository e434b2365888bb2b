"""The file of communities, sectors and information providers: `kind, name`, and a column for
each language.
"""

from __future__ import annotations

from typing import Final

from broadcast.content.limits import NAME
from broadcast.content.text_rules import check_text
from broadcast.drafts.language_tags import language_tag
from broadcast.files.csv_files import escape, is_formula, read_table, unescape
from broadcast.files.nearest import did_you_mean, shown
from broadcast.groups.registered import KINDS, Group, Groups
from broadcast.levels.scales import name_key
from broadcast.problems import Problem, Rejected, refuse

MAX_BYTES: Final = 4 << 20
COLUMNS: Final = ("kind", "name")


def named(kind: str, name: str, names: dict[str, str], *, path: str = "") -> Group:
    """Return a group as somebody names it; raises Rejected for a kind, a name or a language that
    is none.
    """
    if kind not in KINDS:
        raise refuse(
            "kind_unknown",
            f"{shown(kind)} is no community, sector or provider",
            did_you_mean(kind, KINDS),
            field=path,
        )
    problems: list[Problem] = []
    words: dict[str, str] = {}
    for tag, word in names.items():
        known = language_tag(tag)
        if known is None:
            problems.append(_no_language(tag, path))
            continue
        words[known] = _word(word, path, problems)
    key, plain = name_key(name, field=path), _word(name, path, problems)
    if problems:
        raise Rejected(problems)
    return Group(kind=kind, key=key, name=plain, names=words)


def _word(text: str, path: str, problems: list[Problem]) -> str:
    word = " ".join(text.split())
    found = list(check_text(path, word, required=True, placeholders=False))
    if len(word) > NAME:
        found.append(
            Problem(
                code="text_too_long",
                detail=f"more than {NAME} characters",
                fix="shorten it",
                field=path,
            )
        )
    problems += found
    return word


def _no_language(tag: str, path: str) -> Problem:
    return Problem(
        code="language_invalid",
        detail=f"{shown(tag)} is no language tag",
        fix="write a tag of BCP 47 such as en, cy or zh-Hant",
        field=path,
    )


def read_groups(data: bytes, filename: str) -> list[Group]:
    """Return the groups of a CSV file; raises Rejected with every fault, each with "file:line".

    The columns are `kind` (community, sector or provider), `name`, and one for each language,
    headed by its tag; an empty cell says nothing of that language.
    """
    table = read_table(data, filename, expected=COLUMNS)
    header = [name.lower() if name.lower() in COLUMNS else name for name in table.header]
    problems = [
        Problem(
            code="header_missing",
            detail=f"the column {name} is missing",
            fix="name the columns kind, name, and one for each language, such as cy",
            where=f"{filename}:1",
        )
        for name in COLUMNS
        if name not in header
    ]
    tags = [name for name in header if name not in COLUMNS]
    problems += [
        _at(_no_language(tag, ""), f"{filename}:1") for tag in tags if language_tag(tag) is None
    ]
    if problems:
        raise Rejected(problems)
    found: dict[str, Group] = {}
    for line, row in table.rows:
        cells = dict(zip(header, (cell.strip() for cell in row), strict=True))
        where = f"{filename}:{line}"
        formula = [name for name, cell in cells.items() if is_formula(cell)]
        if formula:
            problems.append(
                Problem(
                    code="formula_cell",
                    detail=f"a spreadsheet would run the cell {formula[0]} as a formula",
                    fix="take out the first character, or put an apostrophe before it",
                    where=where,
                )
            )
            continue
        try:
            words = {tag: unescape(cells[tag]) for tag in tags if cells[tag]}
            group = named(cells["kind"].lower(), unescape(cells["name"]), words)
        except Rejected as exc:
            problems += [_at(problem, where) for problem in exc.problems]
            continue
        if found.setdefault(group.scope, group) is not group:
            problems.append(
                Problem(
                    code="group_twice",
                    detail=f"{group.scope} is in the file already",
                    fix="keep one row",
                    where=where,
                )
            )
    if problems:
        raise Rejected(problems)
    return list(found.values())


def columns_of(groups: Groups) -> tuple[list[str], list[list[str]]]:
    """Return header and rows of the file that `read_groups` takes again."""
    tags = sorted({tag for group in groups for tag in group.names})
    rows = [
        [group.kind, escape(group.name), *(escape(group.names.get(tag, "")) for tag in tags)]
        for group in groups
    ]
    return [*COLUMNS, *tags], rows


def _at(problem: Problem, where: str) -> Problem:
    return Problem(code=problem.code, detail=problem.detail, fix=problem.fix, where=where)
