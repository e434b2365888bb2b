"""The wiring: the only place where real adapters meet the code. A new channel is one line in
ADAPTERS (docs/architecture.md).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

from broadcast.problems import Rejected, refuse
from broadcast.store.database import Database
from channels.contract import Channel
from channels.dispatch.rates import Limiter, MemoryLimiter
from config.settings import Settings, is_trial
from subscribers.contact import keys
from subscribers.contact.keys import KeyRing

SIMULATED_ACCOUNT = "ACfa57712e000000000000000000000000"
SIMULATED_SENDER = "+447700900999"  # Ofcom's drama range: nobody's number
EXERCISE_MAIL = "EXERCISE <exercise@example.org>"
TEST_MAIL = "TEST <test@example.org>"


@dataclass(frozen=True, slots=True)
class Adapters:
    """Which channel carries which CAP status. What is not there is off: its people are
    `no_channel`.

    `simulated` are the (status, channel) that go to the simulator as Test does, whatever Actual
    does.
    """

    by_status: Mapping[str, Mapping[str, Channel]]
    simulated: frozenset[tuple[str, str]] = frozenset()

    def on(self, status: str) -> frozenset[str]:
        """Return the names of the channels that carry this status; the web page carries what people
        may see.
        """
        return frozenset(self.by_status.get(status, {}))

    def all(self) -> list[Channel]:
        """Return every adapter."""
        return [channel for channels in self.by_status.values() for channel in channels.values()]

    def is_simulated(self, channel: Channel) -> bool:
        """Return whether what this adapter sends reaches nobody: its opt-outs are none."""
        return any((status, channel.name) in self.simulated for status in channel.serves)

    def rates(self, status: str) -> dict[str, float]:
        """Return how many attempts a second each channel of this status may make; 0 = no limit."""
        return {name: rate_of(channel) for name, channel in self.by_status.get(status, {}).items()}

    async def close(self) -> None:
        """Close every adapter."""
        for channel in self.all():
            await channel.close()


@dataclass(frozen=True, slots=True)
class Make:
    """Makes an adapter, whose rate is known before: 0 = no limit."""

    make: Callable[[], Channel]
    rate: float = 0.0

    def __call__(self) -> Channel:
        """Return a new adapter."""
        return self.make()


@dataclass(frozen=True, slots=True)
class Planned:
    """Which channels the settings ask for, by CAP status. No adapter is made yet: a command that
    sends nothing need not load the code that sends.
    """

    by_status: Mapping[str, Mapping[str, Make]]
    simulated: frozenset[tuple[str, str]] = frozenset()

    def on(self, status: str) -> frozenset[str]:
        """Return the names of the channels that would carry this status."""
        return frozenset(self.by_status.get(status, {}))

    def rates(self, status: str) -> dict[str, float]:
        """Return the attempts a second that each channel of this status would be granted; 0 = no
        limit.
        """
        return {name: make.rate for name, make in self.by_status.get(status, {}).items()}

    def made(self) -> Adapters:
        """Make the adapters."""
        return Adapters(
            {
                status: {name: make() for name, make in makes.items()}
                for status, makes in self.by_status.items()
            },
            self.simulated,
        )


def _sms(env: Mapping[str, str], status: str, *, exercise: bool) -> Make | None:
    from channels.twilio.settings import SmsSettings

    settings = SmsSettings.from_env(env, exercise=exercise)

    def make() -> Channel:
        from channels.twilio.sms import SmsChannel

        assert settings is not None
        return SmsChannel(settings, serves=frozenset({status}))

    return Make(make, settings.rate) if settings else None


def _voice(env: Mapping[str, str], status: str, *, exercise: bool) -> Make | None:
    from channels.twilio.settings import VoiceSettings

    settings = VoiceSettings.from_env(env, exercise=exercise)

    def make() -> Channel:
        from channels.twilio.voice import VoiceChannel

        assert settings is not None
        return VoiceChannel(settings, serves=frozenset({status}))

    return Make(make, settings.rate) if settings else None


def _email(env: Mapping[str, str], status: str, *, exercise: bool) -> Make | None:
    from channels.smtp_settings import SmtpSettings

    settings = SmtpSettings.from_env(env, exercise=exercise, trial=is_trial(env))

    def make() -> Channel:
        from channels.email import EmailChannel

        assert settings is not None
        return EmailChannel(settings, serves=frozenset({status}))

    return Make(make, settings.rate) if settings else None


Build = Callable[..., Make | None]

ADAPTERS: Mapping[str, Build] = {
    "sms": _sms,
    "voice": _voice,
    "email": _email,
}


def _other_people_s() -> dict[str, Build]:
    """Return channels that other packages bring: entry points of the group `fasttime.channels`
    (env, status, *, exercise) -> Channel | None.
    """

    def planned(build: Callable[..., Channel | None]) -> Build:
        def plan(env: Mapping[str, str], status: str, *, exercise: bool) -> Make | None:
            channel = build(env, status, exercise=exercise)
            return None if channel is None else Make(lambda: channel, rate_of(channel))

        return plan

    return {point.name: planned(point.load()) for point in entry_points(group="fasttime.channels")}


def adapters(settings: Settings) -> Adapters:
    """Build the adapters that the settings ask for; half-configured raises Rejected (exit 2)."""
    return planned(settings).made()


def planned(settings: Settings) -> Planned:
    """Return which adapters the settings ask for; half-configured raises Rejected (exit 2).

    Actual and Exercise never share one: each refuses every status but its own. Exercise without
    senders of its own, and Test, go to the simulator, or nowhere.
    """
    builders = {**ADAPTERS, **_other_people_s()}
    live = _build(builders, settings.env, "Actual", exercise=False)
    simulated = _simulated_env(settings)
    exercise = _build(builders, settings.env, "Exercise", exercise=True)
    own = frozenset(exercise)
    if simulated:
        stand_in = _build(
            builders,
            (
                {**simulated, "FASTTIME_MAIL_FROM": EXERCISE_MAIL}
                if "FASTTIME_SMTP_URL" in simulated
                else simulated
            ),
            "Exercise",
            exercise=False,
        )
        exercise = {**stand_in, **exercise}
    test = (
        _build(
            builders,
            (
                {**simulated, "FASTTIME_MAIL_FROM": TEST_MAIL}
                if "FASTTIME_SMTP_URL" in simulated
                else simulated
            ),
            "Test",
            exercise=False,
        )
        if simulated
        else {}
    )
    reach_nobody = {("Exercise", name) for name in exercise if name not in own} | {
        ("Test", name) for name in test
    }
    return Planned({"Actual": live, "Exercise": exercise, "Test": test}, frozenset(reach_nobody))


def _build(
    builders: Mapping[str, Build], env: Mapping[str, str], status: str, *, exercise: bool
) -> dict[str, Make]:
    built: dict[str, Make] = {}
    problems: list[Any] = []
    for name, build in builders.items():
        try:
            make = build(env, status, exercise=exercise)
        except Rejected as rejected:
            problems += rejected.problems
            continue
        if make is not None:
            built[name] = make
    if problems:
        raise Rejected({p.line(): p for p in problems}.values())
    return built


def _simulated_env(settings: Settings) -> dict[str, str]:
    """Return the environment of adapters that talk to the simulator only."""
    env: dict[str, str] = {}
    if settings.simulator_http:
        env |= {
            "FASTTIME_TWILIO_API_BASE": settings.simulator_http,
            "FASTTIME_TWILIO_ACCOUNT_SID": SIMULATED_ACCOUNT,
            "FASTTIME_TWILIO_AUTH_TOKEN": simulated_token(settings),
            "FASTTIME_TWILIO_FROM": SIMULATED_SENDER,
            "FASTTIME_TWILIO_VOICE_FROM": SIMULATED_SENDER,
        }
    if settings.simulator_smtp:
        env |= {"FASTTIME_SMTP_URL": settings.simulator_smtp}
    if env and settings.public_url:
        env["FASTTIME_PUBLIC_URL"] = settings.public_url
    return env


def simulated_token(settings: Settings) -> str:
    """Return the token that the simulator learns from our requests and signs its webhooks with;
    nobody else can know it.
    """
    return hmac.new(settings.key(), b"simulator", hashlib.sha256).hexdigest()[:32]


def webhook_accounts(settings: Settings) -> dict[str, str]:
    """Return account → token of whoever may call our webhooks."""
    accounts = {SIMULATED_ACCOUNT: simulated_token(settings)} if settings.simulator_http else {}
    account, token = (
        settings.env.get("FASTTIME_TWILIO_ACCOUNT_SID", ""),
        settings.env.get("FASTTIME_TWILIO_AUTH_TOKEN", ""),
    )
    if account and token:
        accounts[account] = token
    return accounts


def simulated_accounts(settings: Settings) -> frozenset[str]:
    """Return which of those accounts is the simulator's own: what it tells changes nobody's
    subscription and no Actual message.

    A simulator that stands in for the real provider (TWILIO_API_BASE) calls by the installation's
    own account, and counts as the real one.
    """
    return (
        frozenset({SIMULATED_ACCOUNT}) - {settings.env.get("FASTTIME_TWILIO_ACCOUNT_SID", "")}
        if settings.simulator_http
        else frozenset()
    )


def limiter(settings: Settings) -> Limiter:
    """Return the shared token buckets (Redis), or those of this process."""
    if not settings.redis_url:
        return MemoryLimiter()
    from channels.dispatch.shared_rates import RedisLimiter

    return RedisLimiter.from_url(settings.redis_url)


def database(settings: Settings, *, pool_size: int = 10) -> Database:
    """Return the database of the settings; opens nothing yet."""
    try:
        return Database(
            settings.database_url,
            pool_size=pool_size,
            # the secret key is for the migration of what it marked once
            options={keys.OPTION: KeyRing(settings.contact_keys), "secret_key": settings.key},
        )
    except ValueError as error:
        raise refuse(
            "setting_invalid", str(error), "see docs/operations.md", field="FASTTIME_DATABASE_URL"
        ) from None


def rate_of(channel: Channel) -> float:
    """Return the adapter's granted rate a second; 0 = no limit."""
    return float(getattr(channel, "rate", 0.0))
