"""The shape of a draft: which fields there are and of what type. What they mean is decided in
reading.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Strict, ValidationError

from broadcast.drafts.source import Path, Source, Unquoted, unquoted_problem
from broadcast.files.nearest import nearest, shown
from broadcast.files.safe_json import MAX_PROBLEMS, field_path
from broadcast.problems import Problem, Rejected

Words = Annotated[str, Strict()]


class TextIn(BaseModel):
    """The words of one language; `sms` and `voice` are made by rule where they are left out."""

    model_config = ConfigDict(extra="forbid")

    headline: Words | None = None
    description: Words | None = None
    instruction: Words | None = None
    sms: Words | None = None
    voice: Words | None = None


class AudienceIn(BaseModel):
    """Who of the people there; a list that is absent or empty selects everybody."""

    model_config = ConfigDict(extra="forbid")

    kinds: list[Words] | None = None
    sectors: list[Words] | None = None
    communities: list[Words] | None = None
    trades: list[Words] | None = None
    sizes: list[Words] | None = None


class DraftIn(BaseModel):
    """A message as written in YAML or JSON. Everything may be
    missing here, so that all faults are found in one pass.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Words | None = None
    status: Words | None = None
    level: Words | None = None
    scope: Words | None = None
    urgency: Words | None = None
    severity: Words | None = None
    certainty: Words | None = None
    areas: list[Words] | None = None
    polygons: Any = None
    circles: Any = None
    audience: AudienceIn | None = None
    channels: list[Words] | None = None
    expires: Words | None = None
    languages: dict[Words, TextIn] | None = None
    hotlines: list[Words] | None = None
    source: Words | None = None
    note: Words | None = None
    incidents: list[Words] | None = None
    visibility: Words | None = None
    include_perhaps: bool | None = None
    exercise: Words | None = None
    provider: Words | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaped:
    """A draft whose fields have their types. `bad` are the paths of what was left out because it
    had not; nothing more is said of them.
    """

    draft: DraftIn
    problems: tuple[Problem, ...]
    bad: frozenset[Path]


# by depth: audience.kinds, languages.en.headline
_FIELDS: Final[dict[int, type[BaseModel]]] = {
    0: DraftIn,
    1: AudienceIn,
    2: TextIn,
}
_WANTED: Final = {
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


def shape(source: Source) -> Shaped:
    """Return the draft with every field that has its type, and a problem (field_unknown with the
    nearest name, field_type) for every one that has not.

    Raises Rejected where the document is no mapping at all.
    """
    tree = source.value
    if not isinstance(tree, dict):
        raise Rejected(
            source.problem(
                (),
                "field_type",
                "a message is a mapping of fields",
                "begin with `kind: incident` and `status: Actual`",
            )
        )
    tree = {key: _copy(value) for key, value in tree.items()}
    if isinstance(tree.get("expires"), Unquoted) and tree["expires"].looks_like == "a date":
        tree["expires"] = tree["expires"].text  # the one field where YAML's dates are meant
    problems: list[Problem] = []
    bad: set[Path] = set()
    while True:
        try:
            return Shaped(
                draft=DraftIn.model_validate(tree), problems=tuple(problems), bad=frozenset(bad)
            )
        except ValidationError as error:
            for fault in error.errors(include_url=False, include_context=False):
                path: Path = tuple(fault["loc"])
                if path in bad:
                    continue
                bad.add(path)
                if len(problems) < MAX_PROBLEMS:
                    problems.append(_problem(source, fault["type"], path, fault["input"]))
                _drop(tree, path)


def _problem(source: Source, fault: str, path: Path, value: Any) -> Problem:
    if fault == "extra_forbidden":
        known = list(_FIELDS[len(path) - 1].model_fields)
        best = nearest(str(path[-1]), known)
        fix = f"did you mean {best}?" if best else f"the fields here are {', '.join(known)}"
        return source.problem(
            path, "field_unknown", f"there is no field {shown(str(path[-1]))} here", fix
        )
    if isinstance(value, Unquoted):
        return source.placed(unquoted_problem(field_path(*path), value), path)
    wanted = _WANTED.get(fault, "something else")
    fix = (
        "put it in quotes"
        if wanted == "text" and isinstance(value, bool | int | float)
        else f"write {wanted}"
    )
    return source.problem(path, "field_type", f"{_name(value)} where {wanted} belongs", fix)


def _name(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    for kind, name in (
        (str, "text"),
        (int | float, "a number"),
        (list, "a list"),
        (dict, "a mapping"),
    ):
        if isinstance(value, kind):
            return name
    return "something else"


def _copy(value: Any) -> Any:
    """Return the value with its mappings copied: audience, languages and each language are dropped
    from; nothing else is.
    """
    return (
        {key: dict(item) if isinstance(item, dict) else item for key, item in value.items()}
        if isinstance(value, dict)
        else value
    )


def _drop(tree: dict[str, Any], path: Path) -> None:
    """Remove what stands at `path`; an item of a list takes its list with it, so that no position
    shifts.
    """
    at: Any = tree
    for part in path[:-1]:
        if not isinstance(at.get(part), dict):
            at.pop(part, None)
            return
        at = at[part]
    at.pop(path[-1], None)
