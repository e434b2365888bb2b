"""The documentation names what the code has: it fails here when it is stale."""

from __future__ import annotations

import importlib
import re
import shlex
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import typer.main

from broadcast.content.model import CHANNELS, KINDS
from broadcast.drafts import unfinished
from broadcast.drafts.reading import DEFAULTS
from broadcast.events.topics import ROLES, TOPICS
from broadcast.ledger.evidence import LINES, SUPPRESSION_REASONS
from broadcast.messages.states import STATES, TRANSITIONS
from broadcast.operators.operators import PERMISSIONS
from broadcast.sessions import store as sessions
from broadcast.store import replies
from broadcast.store.database import metadata
from config.settings import NAMES, PREFIX
from config.wiring import ADAPTERS
from console.cli import build
from console.server.limits import Limits
from service.idempotency import HEADER
from subscribers.people_file.record import COLUMNS
from subscribers.registration import pending
from subscribers.weekly import using

ROOT = Path(__file__).parents[1]
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
}
ALL = "\n".join(PAGES.values())
OPERATIONS, INTERFACES, ARCHITECTURE, README = (
    PAGES[name]
    for name in ("docs/operations.md", "docs/interfaces.md", "docs/architecture.md", "README.md")
)
PACKAGES = ("broadcast", "subscribers", "channels", "config", "service", "console")
SOURCES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}
CODE = "\n".join(SOURCES.values())


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command that does something, with its words."""
    groups = getattr(command, "commands", None)
    if groups is None:
        yield path, command
        return
    for name, sub in groups.items():
        yield from commands(sub, (*path, name))


COMMANDS = dict(commands(typer.main.get_command(build())))


def missing(names: set[str], page: str) -> set[str]:
    return {name for name in names if f"`{name}`" not in page}


# settings, topics, channels, words


def test_every_setting_has_its_row_and_no_row_names_another() -> None:
    rows = re.findall(rf"^\| `{PREFIX}([A-Z_]+)` \|", OPERATIONS, flags=re.MULTILINE)
    assert sorted(rows) == sorted(NAMES)


@pytest.mark.parametrize("page", sorted(PAGES))
def test_a_page_names_only_settings_that_exist(page: str) -> None:
    named = {
        name
        for name in re.findall(rf"\b{PREFIX}([A-Z][A-Z_]*[A-Z])\b", PAGES[page])
        if not name.startswith("TEST_")
    }
    prefixes = {
        name.rstrip("_") for name in named if any(known.startswith(name) for known in NAMES)
    }
    assert named - set(NAMES) - prefixes - {"TEST"} == set()


def test_every_topic_is_named() -> None:
    assert missing(set(TOPICS), INTERFACES) == set()
    assert missing(set(TOPICS), OPERATIONS) == set()


def test_every_role_of_a_worker_is_named() -> None:
    assert {role for role in ROLES if f"`fasttime worker --role {role}`" not in OPERATIONS} == set()


def test_every_channel_is_named() -> None:
    assert missing(set(ADAPTERS), ARCHITECTURE) == set()
    assert {
        channel for channel in CHANNELS if not re.search(rf"\b{channel}\b", INTERFACES)
    } == set()


def test_every_line_and_every_reason_is_named() -> None:
    assert {
        word for word in (*LINES, *SUPPRESSION_REASONS) if not re.search(rf"\b{word}\b", INTERFACES)
    } == set()


def test_every_role_of_an_operator_is_named() -> None:
    assert {
        role
        for role in PERMISSIONS
        if not re.search(rf"^\| {role} \|", INTERFACES, flags=re.MULTILINE)
    } == set()


def test_the_defaults_of_each_kind_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| (\w+) \| (\w+) \| (\w+) \| (\w+) \|$", INTERFACES, flags=re.MULTILINE)
    assert {kind: tuple(words) for kind, *words in rows if kind in KINDS} == dict(DEFAULTS)


def test_the_columns_of_the_people_s_file_are_those_of_the_code() -> None:
    assert f"`{', '.join(COLUMNS)}`" in INTERFACES


# states and tables


def test_the_table_of_transitions_is_that_of_the_code() -> None:
    table = ARCHITECTURE.partition("<!-- transitions")[2].partition("<!-- end of transitions -->")[
        0
    ]
    rows = re.findall(r"^\| (\w+) \| (\w+) \| (\w+) \|$", table, flags=re.MULTILINE)
    assert {
        (action, state): target
        for action, state, target in rows
        if (action, state) != ("action", "from")
    } == TRANSITIONS


def test_every_state_is_named() -> None:
    assert {state for state in STATES if not re.search(rf"\b{state}\b", ARCHITECTURE)} == set()


def test_every_table_has_its_row_and_no_row_names_another() -> None:
    importlib.import_module("migrations.tables")
    section = ARCHITECTURE.partition("## The tables")[2].partition("\n## ")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE)) == sorted(
        metadata.tables
    )


PERSONAL = re.compile(
    r"^(subscriber|person|holder|operator|owner|author|submitter|approver)_id$|_by$"
    r"|^(person|actor|members|addressed|asked|email|sealed|mark|secret_hash|network)$"
)
"""Columns that name a person or an operator, or are about one."""


def kept_in(text: str) -> list[str]:
    """Return the tables that a text of the page names."""
    return [name for name in re.findall(r"`(\w+)`", text) if name in metadata.tables]


def test_every_table_says_how_long_it_is_kept_or_that_nobody_is_in_it() -> None:
    importlib.import_module("migrations.tables")
    section = OPERATIONS.partition("<!-- retention -->")[2].partition("<!-- end of retention")[0]
    rows, _, nobody = section.partition("<!-- no person -->")
    cells = [row.split("|")[1:-1] for row in rows.strip().splitlines()[2:]]
    named = [name for row in cells for name in kept_in(row[0])]
    assert sorted(named + kept_in(nobody)) == sorted(metadata.tables)
    assert [row[0] for row in cells if not (row[2].strip() and row[4].strip())] == []
    assert {
        f"{name}.{column}"
        for name in kept_in(nobody)
        for column in metadata.tables[name].columns.keys()  # noqa: SIM118 - no mapping
        if PERSONAL.search(column)
    } == set()


@pytest.mark.parametrize(
    "table,stays",
    [
        ("registration", pending.LASTS),
        ("idempotency", replies.KEPT),
        ("unfinished", unfinished.KEPT),
        ("session", sessions.KEPT),
        ("one_time_link", sessions.KEPT),
        ("weekly_use", using.WEEK),
    ],
)
def test_what_the_sweep_deletes_is_kept_as_long_as_the_page_says(
    table: str, stays: timedelta
) -> None:
    [row] = re.findall(rf"^\| `{table}` \|(.*)\|$", OPERATIONS, flags=re.MULTILINE)
    number, unit = re.findall(r"(\d+) (hour|day)", row.split("|")[1])[0]
    assert timedelta(**{f"{unit}s": int(number)}) == stays


# what is seen from outside a process


def test_every_log_event_has_its_row_and_no_row_names_another() -> None:
    used = set(
        re.findall(
            r"\blog\.(?:debug|info|warning|error|exception)\((?:\s*#[^\n]*)?\s*\"([a-z_]+(?:\.[a-z_]+)+)\"",
            CODE,
        )
    )
    used |= set(re.findall(r"get_logger\(\"\w+\"\)\.\w+\(\s*\"([a-z_]+(?:\.[a-z_]+)+)\"", CODE))
    rows = re.findall(
        r"^\| `([a-z_]+\.[a-z_]+)` \| (?:debug|info|warning|error) \|",
        OPERATIONS,
        flags=re.MULTILINE,
    )
    assert sorted(rows) == sorted(used)


def test_every_metric_has_its_row_and_no_row_names_another() -> None:
    used = set(re.findall(r"\"(fasttime_[a-z_]+)\"", SOURCES["console/server/metrics.py"]))
    rows = re.findall(r"^\| `(fasttime_[a-z_]+)` \|", OPERATIONS, flags=re.MULTILINE)
    assert sorted(rows) == sorted(used)


def test_every_type_of_event_is_named() -> None:
    used = set(
        re.findall(
            r"\"((?:batch|slice|receipt|response)\.[a-z_]+)\"",
            "\n".join(text for name, text in SOURCES.items() if name.startswith("broadcast/")),
        )
    )
    used |= set(
        re.findall(
            r"\"(message\.[a-z_]+)\"",
            SOURCES["broadcast/messages/publishing.py"] + SOURCES["broadcast/ledger/releasing.py"],
        )
    )
    used |= {
        f"message.{action}"
        for action in re.findall(
            r"_done\(conn, v, \"(\w+)\"", SOURCES["broadcast/messages/publishing.py"]
        )
    }
    used |= {f"message.{action}" for action in ("supersede", "correct", "stand_down")}
    assert missing(used, INTERFACES) == set()


def test_every_route_is_named() -> None:
    routes = set(
        re.findall(
            r"@api\.(?:get|post|put)\(\"([^\"]*)\"",
            "\n".join(text for name, text in SOURCES.items() if name.startswith("console/")),
        )
    )
    words = {re.sub(r"\{[^}]*\}", "", route).rstrip("/").rpartition("/")[2] for route in routes} - {
        ""
    }
    assert {word for word in words if f"/{word}" not in INTERFACES} == set()


def test_the_header_that_makes_a_post_safe_is_named() -> None:
    assert HEADER in INTERFACES
    assert HEADER in README


# commands


def test_every_command_has_its_row() -> None:
    rows = [
        shlex.split(words.replace("[", " ").replace("]", " ").replace("…", ""))[1:]
        for words in re.findall(r"^\| `(fasttime [^`]+)`", INTERFACES, flags=re.MULTILINE)
    ]
    told = {
        tuple(row[: len(path)])
        for path in COMMANDS
        for row in rows
        if tuple(row[: len(path)]) == path
    }
    assert set(COMMANDS) - told == set()


def lines_with_commands(page: str) -> list[str]:
    """Return everything on a page that somebody might type: in code blocks and between
    backticks.
    """
    blocks = re.findall(r"^```\w*\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    typed = [line.strip().removeprefix("$ ") for block in blocks for line in block.splitlines()]
    typed += re.findall(
        r"`([^`\n]+)`", re.sub(r"^```\w*\n.*?^```", "", page, flags=re.MULTILINE | re.DOTALL)
    )
    return [
        found[0]
        for line in typed
        if (found := re.search(r"(?:^|\s)fasttime\s[a-z].*", line)) is not None
        and not line.startswith(("cp ", "docker", "{"))
    ]


@pytest.mark.parametrize("page", sorted(PAGES))
def test_the_commands_of_a_page_exist_with_their_options(page: str) -> None:
    for line in lines_with_commands(PAGES[page]):
        words = re.split(
            r"\s+", line.partition(" #")[0].replace("[", " ").replace("]", " ").strip()
        )[1:]
        path = max(
            (path for path in COMMANDS if tuple(words[: len(path)]) == path), key=len, default=None
        )
        groups = {path[0] for path in COMMANDS if len(path) > 1}
        if path is None:
            assert words[0] in groups, f"{page}: fasttime has no command {' '.join(words[:2])}"
            assert len(words) == 1 or not words[1].isalpha(), (
                f"{page}: fasttime {words[0]} has no command {words[1]}"
            )
            continue
        known = {option for parameter in COMMANDS[path].params for option in parameter.opts} | {
            "--help"
        }
        options = {
            word.rstrip(".,:;)")
            for word in re.findall(
                r"(?<![\w-])--?[a-z][a-z-]*", line.partition(" #")[0].partition(" | ")[0]
            )
        }
        assert options <= known, (
            f"{page}: fasttime {' '.join(path)} has no option {', '.join(sorted(options - known))}"
        )


def test_every_target_of_the_makefile_is_named() -> None:
    targets = re.search(
        r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    assert targets is not None
    assert {target for target in targets[1].split() if f"make {target}" not in ALL} == set()


@pytest.mark.parametrize("page", sorted(PAGES))
def test_a_page_names_only_targets_that_exist(page: str) -> None:
    targets = set(
        re.findall(
            r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE
        )
    )
    code = " ".join(
        [
            *re.findall(r"`([^`\n]+)`", PAGES[page]),
            *re.findall(r"^```\w*\n(.*?)^```", PAGES[page], flags=re.MULTILINE | re.DOTALL),
        ]
    )
    assert set(re.findall(r"\bmake ([a-z-]+)", code)) - targets == set()


# pages among themselves


def anchors(page: str) -> set[str]:
    return {
        re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-")
        for title in re.findall(r"^#+ (.+)$", page, flags=re.MULTILINE)
    }


@pytest.mark.parametrize("page", sorted(PAGES))
def test_the_links_of_a_page_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGES[page]):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = unquote(target).partition("#")
        there = (ROOT / page).parent / path if path else ROOT / page
        assert there.exists(), f"{page}: {target} leads nowhere"
        if anchor:
            assert anchor in anchors(there.read_text(encoding="utf-8")), (
                f"{page}: {target} has no such heading"
            )


def test_every_page_of_docs_is_in_its_list() -> None:
    assert {
        name
        for name in PAGES
        if name.startswith("docs/")
        and name != "docs/README.md"
        and f"({name.removeprefix('docs/')})" not in PAGES["docs/README.md"]
    } == set()


def test_every_function_on_the_way_of_a_message_exists() -> None:
    told = re.findall(
        r"`((?:broadcast|subscribers|channels|config|console)/[\w/]+\.py):([\w.]+)`", ARCHITECTURE
    )
    assert len(told) > 20
    for path, name in told:
        *classes, function = name.split(".")
        source = SOURCES[path]
        assert all(f"class {each}" in source for each in classes), f"{path} has no {name}"
        assert re.search(
            rf"(?:def|class) {function}\b|^{function}\b", source, flags=re.MULTILINE
        ), f"{path} has no {name}"


def test_every_file_that_a_page_names_exists() -> None:
    ours = "|".join((*PACKAGES, "tests", "docs"))
    named = {
        name
        for page in (ARCHITECTURE, OPERATIONS, INTERFACES, README)
        for name in re.findall(rf"`((?:{ours})/[\w./]+)`", page)
    }
    to_come = {"channels/pager.py", "tests/channels/test_pager.py"}  # the example of a new channel
    assert {name for name in named - to_come if not (ROOT / name).exists()} == set()


@pytest.mark.parametrize("page", sorted(PAGES))
def test_a_page_holds_no_path_of_a_machine_and_no_real_person_s_number(page: str) -> None:
    assert re.findall(r"(?<![\w.])/(?:home|root|work|Users|tmp)/", PAGES[page]) == []
    numbers = {
        re.sub(r"\s", "", found)
        for found in re.findall(r"(?:\+44|\b0)\s?\d{2,4}\s?\d{3}\s?\d{3,4}\b", PAGES[page])
    }
    # Ofcom's drama ranges, and two public hotlines
    invented = re.compile(r"(?:\+44|0)7700900\d{3}|(?:\+44|0)2079460\d{3}|0800789321|0800555111")
    assert {number for number in numbers if not invented.fullmatch(number)} == set()


def test_every_test_that_the_security_page_names_exists() -> None:
    page = PAGES["docs/security.md"]
    named = set(re.findall(r"`(test_\w+)`", page))
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    assert len(named) > 40
    assert named - set(re.findall(r"def (test_\w+)\(", sources)) == set()


def test_the_limits_of_the_doors_are_those_of_the_code() -> None:
    table = OPERATIONS.partition("<!-- limits:")[2].partition("<!-- end of limits -->")[0]
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| ([0-9]+) \|", table, flags=re.MULTILINE))
    assert rows == {
        name: f"{value:g}" if value < 1e5 else str(value)
        for name, value in asdict(Limits()).items()
    }


def test_every_browser_check_names_tests_that_exist() -> None:
    found = 0
    for line in PAGES["docs/browser-checks.md"].splitlines():
        file = ""
        for word in re.findall(r"`([^` ]+)`", line):
            if word.endswith(".py"):
                file = (ROOT / word).read_text(encoding="utf-8")
            elif word.startswith("test_"):
                assert f"def {word}(" in file, word
                found += 1
    assert found > 60
