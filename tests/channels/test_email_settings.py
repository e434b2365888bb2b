"""The settings of e-mail: whole, off or refused by name; example addresses go to a sink only."""

from __future__ import annotations

import pytest

from broadcast.problems import Rejected
from channels.smtp_settings import SmtpSettings
from config.settings import is_trial
from tests.channels.mail_server import (
    FROM,
)

# label, settings, what is wrong (None = off, "" = configured)
CONFIGURED: list[tuple[str, dict[str, str], str | None]] = [
    ("nothing", {}, None),
    ("whole", {"FASTTIME_SMTP_URL": "smtp://127.0.0.1:25", "FASTTIME_MAIL_FROM": FROM}, ""),
    (
        "a bare sender",
        {
            "FASTTIME_SMTP_URL": "smtp://127.0.0.1",
            "FASTTIME_MAIL_FROM": "alerts@police.example.org",
        },
        "",
    ),
    ("no sender", {"FASTTIME_SMTP_URL": "smtp://127.0.0.1:25"}, "FASTTIME_MAIL_FROM"),
    ("no server", {"FASTTIME_MAIL_FROM": FROM}, "FASTTIME_SMTP_URL"),
    (
        "another protocol",
        {"FASTTIME_SMTP_URL": "http://127.0.0.1:25", "FASTTIME_MAIL_FROM": FROM},
        "FASTTIME_SMTP_URL",
    ),
    ("no host", {"FASTTIME_SMTP_URL": "smtp://", "FASTTIME_MAIL_FROM": FROM}, "FASTTIME_SMTP_URL"),
    (
        "a bad port",
        {"FASTTIME_SMTP_URL": "smtp://h:port", "FASTTIME_MAIL_FROM": FROM},
        "FASTTIME_SMTP_URL",
    ),
    (
        "an unknown option",
        {"FASTTIME_SMTP_URL": "smtp://h?tls=1", "FASTTIME_MAIL_FROM": FROM},
        "FASTTIME_SMTP_URL",
    ),
    (
        "TLS twice",
        {"FASTTIME_SMTP_URL": "smtps://h?starttls=1", "FASTTIME_MAIL_FROM": FROM},
        "FASTTIME_SMTP_URL",
    ),
    (
        "a user without password",
        {"FASTTIME_SMTP_URL": "smtp://ada@h", "FASTTIME_MAIL_FROM": FROM},
        "FASTTIME_SMTP_URL",
    ),
    (
        "an example password",
        {"FASTTIME_SMTP_URL": "smtp://ada:changeme@h", "FASTTIME_MAIL_FROM": FROM},
        "FASTTIME_SMTP_URL",
    ),
    (
        "a sender that is none",
        {"FASTTIME_SMTP_URL": "smtp://h", "FASTTIME_MAIL_FROM": "alerts"},
        "FASTTIME_MAIL_FROM",
    ),
    (
        "a sender with a line break",
        {
            "FASTTIME_SMTP_URL": "smtp://h",
            "FASTTIME_MAIL_FROM": "A\r\nBcc: b@c.example <a@b.example>",
        },
        "FASTTIME_MAIL_FROM",
    ),
    (
        "a discreet sender",
        {
            "FASTTIME_SMTP_URL": "smtp://h",
            "FASTTIME_MAIL_FROM": FROM,
            "FASTTIME_DISCREET_MAIL_FROM": "News <news@Police.example.org>",
        },
        "",
    ),
    (
        "a discreet sender of another domain",
        {
            "FASTTIME_SMTP_URL": "smtp://h",
            "FASTTIME_MAIL_FROM": FROM,
            "FASTTIME_DISCREET_MAIL_FROM": "news@example.com",
        },
        "FASTTIME_DISCREET_MAIL_FROM",
    ),
    (
        "a rate in words",
        {"FASTTIME_SMTP_URL": "smtp://h", "FASTTIME_MAIL_FROM": FROM, "FASTTIME_MAIL_RATE": "fast"},
        "FASTTIME_MAIL_RATE",
    ),
]


@pytest.mark.parametrize(
    ("env", "wrong"), [row[1:] for row in CONFIGURED], ids=[row[0] for row in CONFIGURED]
)
def test_settings_are_whole_or_off_or_refused_by_name(
    env: dict[str, str], wrong: str | None
) -> None:
    if not wrong:
        assert (SmtpSettings.from_env(env) is None) == (wrong is None)
        return
    with pytest.raises(Rejected) as rejected:
        SmtpSettings.from_env(env)
    assert [problem.field for problem in rejected.value.problems] == [wrong]
    assert rejected.value.exit_code == 2
    assert "ada" not in str(rejected.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://h", ("h", 25, "", "", "")),
        ("smtp://h:2525/", ("h", 2525, "", "", "")),
        ("smtp://ada:p%40ss@h:587?starttls=1", ("h", 587, "starttls", "ada", "p@ss")),
        ("smtp://h?starttls=1", ("h", 587, "starttls", "", "")),
        ("smtps://ada:s3cure@h", ("h", 465, "tls", "ada", "s3cure")),
        ("smtp://[::1]:25", ("::1", 25, "", "", "")),
    ],
)
def test_the_server_is_read_from_its_address(
    url: str, expected: tuple[str, int, str, str, str]
) -> None:
    settings = SmtpSettings.from_url(url, FROM)
    assert (
        settings.host,
        settings.port,
        settings.tls,
        settings.username,
        settings.password,
    ) == expected
    assert (settings.mail_from, settings.display_name) == (
        "alerts@police.example.org",
        "Police Alerts",
    )
    assert not settings.password or settings.password not in repr(settings)


@pytest.mark.parametrize(
    ("more", "may"),
    [
        ({"FASTTIME_SMTP_URL": "smtp://127.0.0.1"}, True),
        ({"FASTTIME_SMTP_URL": "smtp://mail.police.uk"}, False),
        (
            {
                "FASTTIME_SMTP_URL": "smtp://simulator:2525",
                "FASTTIME_SIMULATOR_SMTP": "smtp://simulator:2525",
            },
            True,
        ),
        (
            {
                "FASTTIME_SMTP_URL": "smtp://simulator:2525",
                "FASTTIME_TWILIO_API_BASE": "http://simulator:8080",
            },
            True,
        ),
    ],
)
def test_example_addresses_go_only_to_a_sink(more: dict[str, str], may: bool) -> None:
    env = {"FASTTIME_MAIL_FROM": FROM, **more}
    settings = SmtpSettings.from_env(env, trial=is_trial(env))
    assert settings is not None
    assert settings.reserved_too is may


def test_exercises_have_a_sender_of_their_own_or_none() -> None:
    env = {"FASTTIME_SMTP_URL": "smtp://127.0.0.1", "FASTTIME_MAIL_FROM": FROM}
    assert SmtpSettings.from_env(env, exercise=True) is None
    settings = SmtpSettings.from_env(
        {**env, "FASTTIME_EXERCISE_MAIL_FROM": "drill@police.example.org"}, exercise=True
    )
    assert settings is not None
    assert settings.mail_from == "drill@police.example.org"
