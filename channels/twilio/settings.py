"""The settings of Twilio's two channels, read and judged without its library: whether a channel is
switched on is asked by every command, most of which send nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

from broadcast.problems import Problem, Rejected
from channels.setting_values import EXAMPLE_SECRETS, read_rate

SMS_RATE_AT_TWILIO = 10.0  # segments there, texts here: docs/operations.md says what to set
"""Segments a second and sender in the United Kingdom, unless one buys more."""
VOICE_RATE_AT_TWILIO = 1.0
"""Calls begun a second and account, unless one asks for more."""

_PLACEHOLDERS = EXAMPLE_SECRETS | {"your_auth_token", "your-auth-token", "your_account_sid"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TwilioSettings:
    """One Twilio account and one sender. `api_base` "" is the real Twilio; `public_url` "" means
    that Twilio cannot reach us, so that no receipts come; `rate` is a second and sender, 0 = no
    limit.
    """

    account: str
    token: str = field(repr=False)
    sender: str = ""
    api_base: str = ""
    public_url: str = ""
    rate: float = 0.0


def named_senders(env: Mapping[str, str]) -> frozenset[str]:
    """Return the CAP statuses whose texts come from a name, to which nobody can reply: "reply STOP"
    would be no way out. A messaging service counts as a number.
    """
    names = {"Actual": "FASTTIME_TWILIO_FROM", "Exercise": "FASTTIME_EXERCISE_TWILIO_FROM"}
    return frozenset(
        status
        for status, name in names.items()
        if any(character.isalpha() for character in env.get(name, ""))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsSettings(TwilioSettings):
    """Text messages: `sender` (a number or a name) or `messaging_service` or both."""

    messaging_service: str = ""
    concurrency: int = 100

    @classmethod
    def from_env(cls, env: Mapping[str, str], *, exercise: bool = False) -> Self | None:
        """Read the settings of the contract; None where text messages are not configured at all.

        With `exercise` the sender is FASTTIME_EXERCISE_TWILIO_FROM. Raises Rejected (exit 2) where
        half of them are missing, or one is an example.
        """
        name = "FASTTIME_EXERCISE_TWILIO_FROM" if exercise else "FASTTIME_TWILIO_FROM"
        sender = env.get(name, "").strip()
        service = "" if exercise else env.get("FASTTIME_TWILIO_MESSAGING_SERVICE_SID", "").strip()
        keys = any(
            env.get(f"FASTTIME_TWILIO_{half}", "").strip() for half in ("ACCOUNT_SID", "AUTH_TOKEN")
        )
        if not sender and not service:
            if keys and not exercise and not env.get("FASTTIME_TWILIO_VOICE_FROM", "").strip():
                raise Rejected(
                    missing(
                        name,
                        "set it, or FASTTIME_TWILIO_MESSAGING_SERVICE_SID, or"
                        " FASTTIME_TWILIO_VOICE_FROM: a Twilio account without a sender sends"
                        " nothing",
                    )
                )
            return None
        needed_by = name if sender else "FASTTIME_TWILIO_MESSAGING_SERVICE_SID"
        common = _common(env, needed_by, rate="FASTTIME_SMS_RATE", usual=SMS_RATE_AT_TWILIO)
        return cls(**common, sender=sender, messaging_service=service)


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceSettings(TwilioSettings):
    """Calls: `sender` is the number that they come from."""

    concurrency: int = 50

    @classmethod
    def from_env(cls, env: Mapping[str, str], *, exercise: bool = False) -> Self | None:
        """Read the settings of the contract; None where calls are not configured. Raises Rejected
        (exit 2) where half of them are missing.
        """
        name = "FASTTIME_EXERCISE_TWILIO_VOICE_FROM" if exercise else "FASTTIME_TWILIO_VOICE_FROM"
        sender = env.get(name, "").strip()
        if not sender:
            return None
        common = _common(env, name, rate="FASTTIME_VOICE_RATE", usual=VOICE_RATE_AT_TWILIO)
        return cls(**common, sender=sender)


def _common(env: Mapping[str, str], needed_by: str, *, rate: str, usual: float) -> dict[str, Any]:
    """Return what both channels are set by; `usual` is the rate at Twilio itself, unless the
    setting `rate` names another. Raises Rejected.
    """
    account, token, problems = read_account(env, needed_by=needed_by)
    if problems:
        raise Rejected(problems)
    api_base = read_url(env, "FASTTIME_TWILIO_API_BASE")
    return {
        "account": account,
        "token": token,
        "api_base": api_base,
        "public_url": read_url(env, "FASTTIME_PUBLIC_URL"),
        "rate": read_rate(env, rate, 0.0 if api_base else usual, of="attempts", usual=10),
    }


def missing(name: str, why: str) -> Problem:
    """Return the problem of a setting that is not there although its neighbours are."""
    return Problem(code="setting_missing", field=name, detail=f"{name} is not set", fix=why)


def invalid(name: str, detail: str, fix: str) -> Problem:
    """Return the problem of a setting whose value cannot be used; the value itself is not
    repeated.
    """
    return Problem(code="setting_invalid", field=name, detail=detail, fix=fix)


def is_placeholder(value: str) -> bool:
    """Return whether a secret is an example's: such a value must not start a service."""
    word = value.strip().lower().strip("<>")
    return (
        word in _PLACEHOLDERS
        or (len(word) >= 4 and set(word.removeprefix("ac")) <= {"x"})
        or value.strip().startswith("<")
    )


def read_url(env: Mapping[str, str], name: str) -> str:
    """Return an http(s) address without its trailing slash, "" where unset. Raises Rejected."""
    text = env.get(name, "").strip()
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        good = (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and (parts.port is None or parts.port > 0)
            and not parts.query
            and not parts.fragment
        )
    except ValueError:
        good = False
    if not good:
        raise Rejected(
            invalid(
                name,
                f"{name} is not an http or https address",
                "write for example https://alerts.example.org",
            )
        )
    return text.rstrip("/")


def read_account(env: Mapping[str, str], *, needed_by: str) -> tuple[str, str, list[Problem]]:
    """Return (account, token, problems) of the one Twilio account; `needed_by` names the setting
    that asks for it.
    """
    problems: list[Problem] = []
    values = []
    for name in ("FASTTIME_TWILIO_ACCOUNT_SID", "FASTTIME_TWILIO_AUTH_TOKEN"):
        value = env.get(name, "").strip()
        if not value:
            problems.append(
                missing(name, f"{needed_by} is of no use without it; set both or neither")
            )
        elif is_placeholder(value):
            problems.append(
                invalid(
                    name,
                    f"{name} still holds an example",
                    "take the real one from the Twilio console",
                )
            )
        values.append(value)
    return values[0], values[1], problems
