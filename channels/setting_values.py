"""How the settings of several channels are judged: rates, and secrets copied from an example."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from broadcast.problems import Problem, Rejected

EXAMPLE_SECRETS = frozenset(
    {"changeme", "change-me", "change_me", "example", "placeholder", "password", "todo"}
)


def read_rate(env: Mapping[str, str], name: str, default: float, *, of: str, usual: int) -> float:
    """Return a rate a second and sender; 0 is no limit. `of`: what is counted, such as mails;
    `usual`: a number that the error names as an example. Raises Rejected.
    """
    text = env.get(name, "").strip()
    if not text:
        return default
    try:
        rate = float(text)
    except ValueError:
        rate = -1.0
    if not isfinite(rate) or rate < 0:
        raise Rejected(
            Problem(
                code="setting_invalid",
                field=name,
                detail=f"{name} is not a number of {of} a second",
                fix=f"write for example {usual}, or 0 for no limit",
            )
        )
    return rate
