"""How the simulated provider behaves: everything that may be changed at start and by POST
/control.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from math import isfinite
from typing import Any, Self

from broadcast.problems import Problem, Rejected

_FRACTIONS = frozenset(
    {
        "lose_reply",
        "error_after",
        "error_before",
        "slow",
        "throttle",
        "undelivered",
        "busy",
        "no_answer",
        "press",
        "callback_twice",
        "callback_swap",
        "callback_late",
    }
)
_AT_LEAST_0 = frozenset(
    {"slow_seconds", "retry_after", "latency", "pace", "limit", "callback_delay", "late_seconds"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorSettings:
    """Fractions are shares of all attempts, 0 to 1, drawn from one generator with `seed`. Seconds
    are seconds.

    What becomes of an attempt (mails too): `lose_reply` taken, and the connection closed without
    an answer; `error_after` taken, then 500 (a mail: as lose_reply); `slow` taken, and answered
    after `slow_seconds`; `error_before` not taken, 500 (a mail: 451); `throttle` not taken, 429
    with `retry_after` (a mail: 421). `latency` before every answer; `pace` attempts a second at
    most, the others wait; `limit` attempts a second at most, the others are throttled; 0 = none.
    `numbers`: what becomes of one number, as "refuse 21610", "undelivered 30003", "busy" or
    "no-answer". What becomes of what was taken: `undelivered` texts (with 30003); `busy` and
    `no_answer` calls; `press` of the answered calls press `digit`. Callbacks: `callbacks` off =
    none; each about `callback_delay` after the last; some twice, swapped with their neighbour, or
    late by `late_seconds`. `inbound_url` "" = beside the last status callback seen. `check_auth`:
    only `account` and `token` may send; else anybody, and each account's own token signs its
    callbacks.
    """

    seed: int = 0
    lose_reply: float = 0.0
    error_after: float = 0.0
    error_before: float = 0.0
    slow: float = 0.0
    slow_seconds: float = 30.0
    throttle: float = 0.0
    retry_after: float = 1.0
    latency: float = 0.0
    pace: float = 0.0
    limit: float = 0.0
    numbers: Mapping[str, str] = field(default_factory=dict)
    undelivered: float = 0.0
    busy: float = 0.0
    no_answer: float = 0.0
    press: float = 0.0
    digit: str = "1"
    callbacks: bool = True
    callback_delay: float = 0.05
    callback_twice: float = 0.0
    callback_swap: float = 0.0
    callback_late: float = 0.0
    late_seconds: float = 2.0
    callback_workers: int = 32
    inbound_url: str = ""
    check_auth: bool = False
    account: str = ""
    token: str = field(default="", repr=False)

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """Return the settings with these changes. Raises Rejected naming every one that is unknown
        or impossible; then nothing is changed.
        """
        known = {f.name for f in fields(self)}
        problems = [
            problem
            for name, value in changes.items()
            if (problem := _problem(name, value, known)) is not None
        ]
        if (
            not problems
            and sum(
                float(changes.get(n, getattr(self, n)))
                for n in ("lose_reply", "error_after", "error_before", "slow", "throttle")
            )
            > 1 + 1e-9
        ):
            problems = [
                Problem(
                    code="number_range",
                    detail=(
                        "lose_reply, error_after, error_before, slow and throttle are more than"
                        " everything"
                    ),
                    fix="let their sum be 1 at most",
                )
            ]
        if problems:
            raise Rejected(problems)
        return replace(self, **dict(changes))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types, without the token."""
        return {**asdict(self), "numbers": dict(self.numbers), "token": "set" if self.token else ""}


def _problem(name: str, value: object, known: set[str]) -> Problem | None:
    if name not in known:
        return Problem(
            code="field_unknown",
            field=name,
            detail=f"the simulator has no setting {name}",
            fix="GET /control shows them",
        )
    if name in _FRACTIONS or name in _AT_LEAST_0:
        good = (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and isfinite(value)
            and value >= 0
            and (name in _AT_LEAST_0 or value <= 1)
        )
        fix = "give a share from 0 to 1" if name in _FRACTIONS else "give 0 or more"
        return (
            None
            if good
            else Problem(code="number_range", field=name, detail=f"{name} is out of range", fix=fix)
        )
    wanted: dict[str, type] = {
        "seed": int,
        "callback_workers": int,
        "numbers": dict,
        "callbacks": bool,
        "check_auth": bool,
    }
    kind = wanted.get(name, str)
    good = isinstance(value, kind) and (kind is not int or not isinstance(value, bool))
    if good and name == "numbers":
        assert isinstance(value, dict)
        good = all(
            isinstance(k, str)
            and isinstance(v, str)
            and (v in ("busy", "no-answer") or _is_coded(v))
            for k, v in value.items()
        )
    if good and name == "callback_workers":
        good = isinstance(value, int) and 1 <= value <= 1000
    return (
        None
        if good
        else Problem(
            code="setting_invalid",
            field=name,
            detail=f"{name} is not of the right kind",
            fix=f"see the form of {name} in GET /control",
        )
    )


def _is_coded(fate: str) -> bool:
    word, _, code = fate.partition(" ")
    return word in ("refuse", "undelivered") and code.isdigit()
