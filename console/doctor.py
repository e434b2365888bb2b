"""What is configured, reachable, and wrong, and how to mend it: the checks of `fasttime doctor`.
Nothing here changes anything but an embedded schema.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, unquote, urlsplit

from broadcast.problems import Problem, Rejected, refuse
from config.settings import is_trial
from console import own_packages

if TYPE_CHECKING:
    from broadcast.store.database import Database
    from config.settings import Settings

REACH_SECONDS = 10.0
CLOCK_SECONDS = 5.0
UNREACHABLE = 69


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at. `detail` says what is there, `fix` how to mend it; `exit_code`
    is what it makes of the whole where it fails.
    """

    name: str
    ok: bool
    detail: str = ""
    fix: str = ""
    exit_code: int = 1

    def to_json(self) -> dict[str, Any]:
        """Return one entry of the contract's JSON."""
        return {"name": self.name, "ok": self.ok, "fix": self.fix, "detail": self.detail}


def passed(name: str, detail: str = "") -> Check:
    """Return a check that found nothing wrong."""
    return Check(name=name, ok=True, detail=detail)


def failed(name: str, problem: Problem, *, exit_code: int = 1) -> Check:
    """Return a check that found something wrong; what cannot be reached makes the exit code 69."""
    return Check(
        name=name,
        ok=False,
        detail=f"{problem.field + ': ' if problem.field else ''}{problem.detail}",
        fix=problem.fix,
        exit_code=UNREACHABLE if problem.status == 503 else exit_code,
    )


def exit_code(checks: Iterable[Check]) -> int:
    """Return 0 if all is well; else 2 for a wrong setting, before 69 for a service that is away,
    before 1.
    """
    codes = {c.exit_code for c in checks if not c.ok}
    return next((code for code in (2, UNREACHABLE, 1) if code in codes), 0)


async def examine() -> list[Check]:
    """Return every check of this installation, as the environment and `.env` describe it."""
    from config import logging as logs
    from config import settings as settings_module

    installed = [failed("packages", p) for p in own_packages.problems()] or [
        passed("packages", "as installed, and nobody else's of the same names")
    ]
    try:
        settings = settings_module.load(os.environ, Path(".env"))
    except Rejected as rejected:
        return [
            *(failed("settings", p, exit_code=2) for p in rejected.problems),
            *installed,
        ]
    logs.configure(settings.log_format, level=40)
    return [*await examine_settings(settings), *installed]


async def examine_settings(settings: Settings) -> list[Check]:
    """Return every check of an installation with these settings; services are asked side by
    side.
    """
    checks = [
        passed(
            "settings",
            (
                "embedded: one process does everything"
                if settings.embedded
                else f"a cluster on Kafka at {settings.kafka_bootstrap}"
            ),
        )
    ]
    checks += [
        *_channels(settings),
        *_dkim(settings),
        _data_folder(settings),
        _secret_key(settings),
        _contact_keys(settings),
        _answers_key(settings),
        _public_url(settings),
        _backups(settings),
    ]
    questions: list[Awaitable[list[Check]]] = [_database(settings)]
    if not settings.embedded:
        questions.append(_guarded("kafka", lambda: _kafka(settings)))
    if settings.redis_url:
        questions.append(_guarded("redis", lambda: _redis(settings.redis_url)))
    for name, url in (
        ("FASTTIME_SMTP_URL", settings.env.get("FASTTIME_SMTP_URL", "")),
        ("FASTTIME_SIMULATOR_SMTP", settings.simulator_smtp),
    ):
        if url:
            questions.append(_guarded(_short(name), partial(_smtp, name, url)))
    twilio = settings.env.get("FASTTIME_TWILIO_API_BASE", "") or "https://api.twilio.com"
    for name, url in (
        (
            "FASTTIME_TWILIO_API_BASE",
            twilio if settings.env.get("FASTTIME_TWILIO_ACCOUNT_SID", "") else "",
        ),
        ("FASTTIME_SIMULATOR_HTTP", settings.simulator_http),
    ):
        if url:
            questions.append(_guarded(_short(name), partial(_web, name, url)))
    for found in await asyncio.gather(*questions):
        checks += found
    return checks


# what can be seen without asking anybody


def _channels(settings: Settings) -> list[Check]:
    from broadcast.content.model import PERSONAL_CHANNELS
    from config import wiring

    try:
        channels = wiring.planned(settings)
    except Rejected as rejected:
        return [failed("channels", p, exit_code=2) for p in rejected.problems]
    found = []
    for status in ("Actual", "Exercise", "Test"):
        on = channels.on(status)
        off = [c for c in PERSONAL_CHANNELS if c not in on]
        said = [f"on: {', '.join(sorted(on))}"] if on else []
        said += [f"off, their people are no_channel: {', '.join(off)}"] if off else []
        found.append(passed(f"channels {status}", "; ".join(said)))
    return found


def _dkim(settings: Settings) -> list[Check]:
    """Say what to publish for each key that signs, and whether readers see the domain that does."""
    from channels.smtp_settings import SmtpSettings

    found: dict[str, Check] = {}
    for status in ("Actual", "Exercise"):
        try:
            sender = SmtpSettings.from_env(
                settings.env, exercise=status == "Exercise", trial=is_trial(settings.env)
            )
        except Rejected:
            continue  # the channels' check says what is wrong
        if sender is None:
            continue
        signer = sender.signer
        if signer is None:
            found["dkim"] = passed("dkim", "not set: e-mail goes unsigned")
            continue
        for key, (record, data) in zip(signer.keys, signer.records(), strict=True):
            name = f"dkim {record.removesuffix('.')}"
            found[name] = _key_mode(name, key.file) or passed(
                name, f"{key.kind}; publish: {record} TXT {data}"
            )
        name = f"dkim {status}"
        found[name] = passed(name, f"{signer.domain} signs for {sender.mail_from}")
        if not signer.is_aligned_with(sender.mail_from):
            found[name] = failed(
                name,
                Problem(
                    code="dkim_not_aligned",
                    field="FASTTIME_DKIM_DOMAIN",
                    detail=f"{signer.domain} signs, but readers see {sender.mail_from}:"
                    " the signature speaks for nobody",
                    fix="sign with the sender's domain, or send from the domain that signs",
                ),
            )
    return list(found.values())


def _key_mode(name: str, file: Path) -> Check | None:
    mode = file.stat().st_mode & 0o777
    if not mode & 0o027:
        return None
    return failed(
        name,
        Problem(
            code="dkim_key_open",
            detail=f"{file} has mode {mode:04o}: others can sign as we do",
            fix=f"chmod 600 {file}",
        ),
    )


def _data_folder(settings: Settings) -> Check:
    from console.processes.data_folder import check_usable, is_running

    if not settings.embedded:
        return passed("data_folder", "not used by a cluster")
    try:
        check_usable(settings.data, mend=False)
    except Rejected as rejected:
        return failed("data_folder", rejected.problems[0], exit_code=2)
    return passed(
        "data_folder",
        f"{settings.data}; `fasttime up` is"
        f" {'running' if is_running(settings.data) else 'not running'} here",
    )


def _secret_key(settings: Settings) -> Check:
    if settings.given_key:
        return passed("secret_key", "from FASTTIME_SECRET_KEY")
    path = settings.data / "secret_key"
    try:
        mode = path.stat().st_mode & 0o777
    except FileNotFoundError:
        return passed("secret_key", f"will be made in {settings.data}")
    except OSError as error:
        return failed(
            "secret_key",
            Problem(
                code="secret_key", detail=f"{path}: {error.strerror}", fix="let this user read it"
            ),
        )
    if mode & 0o077:
        return failed(
            "secret_key",
            Problem(
                code="secret_key_open",
                detail=f"{path} has mode {mode:04o}: others can sign as we do",
                fix=f"chmod 600 {path}",
            ),
        )
    return passed("secret_key", str(path))


def _contact_keys(settings: Settings) -> Check:
    """Say where the keys of names and contact points lie, and whether they lie apart from what they
    seal.
    """
    keys = settings.contact_keys
    try:
        there = len(keys.read())
    except Rejected as rejected:
        return failed("contact_keys", rejected.problems[0], exit_code=2)
    if keys.given:
        return passed("contact_keys", f"{there} from FASTTIME_CONTACT_KEYS")
    if keys.follows and not keys.file_set:
        return passed(
            "contact_keys",
            "follows from FASTTIME_SECRET_KEY: whoever changes that one loses everybody's address;"
            " better set FASTTIME_CONTACT_KEYS and run `fasttime keys rotate`",
        )
    folders = [settings.data.absolute()]
    url = urlsplit(settings.database_url)
    if url.scheme == "sqlite":
        folders.append(Path(unquote(url.path.removeprefix("/"))).parent)
    place = keys.file.resolve()
    if any(place.is_relative_to(folder.resolve()) for folder in folders):
        return failed(
            "contact_keys",
            Problem(
                code="contact_keys_with_data",
                field="FASTTIME_CONTACT_KEYS_FILE",
                detail=f"{keys.file} lies with the data that it seals: who steals one has both",
                fix="move the file out of the data folder and set FASTTIME_CONTACT_KEYS_FILE",
            ),
        )
    return passed(
        "contact_keys",
        f"{there} in {keys.file}; back it up, apart from the database"
        if there
        else f"will be made at {keys.file}",
    )


def _answers_key(settings: Settings) -> Check:
    """Say what answers are sealed to, and where lies what opens them."""
    from config import answer_private_keys

    private = settings.answers_private_file
    try:
        key = settings.answers_key.sealing(settings.key() if settings.given_key else b"")
        held = answer_private_keys.read(private)
    except Rejected as rejected:
        return failed("answers_key", rejected.problems[0], exit_code=2)
    if private.resolve().is_relative_to(settings.data.resolve()):
        return failed(
            "answers_key",
            Problem(
                code="answers_key_with_data",
                field="FASTTIME_ANSWERS_PRIVATE_KEY",
                detail=f"{private} lies with the answers that it opens: who steals one has both",
                fix="move the file out of the data folder and set FASTTIME_ANSWERS_PRIVATE_KEY",
            ),
        )
    if key.interim and settings.embedded and not settings.answers_key.file.exists():
        return passed("answers_key", f"`fasttime up` will make it; the private half at {private}")
    if key.interim:
        return failed(
            "answers_key",
            Problem(
                code="answers_key_missing",
                field="FASTTIME_ANSWERS_KEY",
                detail="not set: answers are sealed to a key that the web processes could open",
                fix="run `fasttime answers keygen` where people read answers, and set what it"
                " prints",
            ),
        )
    here = any(one.public == key.public for one in held)
    where = f"{private}; back it up, apart from the data" if here else "not on this machine"
    return passed("answers_key", f"sealed to {key.id}; the private half: {where}")


def _public_url(settings: Settings) -> Check:
    if settings.public_url:
        return passed("public_url", settings.public_url)
    if settings.env.get("FASTTIME_TWILIO_ACCOUNT_SID", ""):
        fix = "set it to where the web process is reached from outside"
        return failed(
            "public_url",
            Problem(
                code="public_url_missing",
                field="FASTTIME_PUBLIC_URL",
                detail="not set, so Twilio sends us no receipt and no STOP",
                fix=fix,
            ),
        )
    return passed(
        "public_url",
        (
            "not set: mails carry no link to unsubscribe"
            if settings.env.get("FASTTIME_SMTP_URL", "")
            else "not set, and no channel needs it"
        ),
    )


# what is asked


def _backups(settings: Settings) -> Check:
    days = settings.backup_days
    if days:
        return passed("backups", f"people are told that backups are gone after {days} days")
    return passed("backups", "no day is stated: set FASTTIME_BACKUP_DAYS to how long they are kept")


async def _guarded(name: str, ask: Callable[[], Awaitable[list[Check]]]) -> list[Check]:
    try:
        async with asyncio.timeout(REACH_SECONDS):
            return await ask()
    except Rejected as rejected:
        return [failed(name, p) for p in rejected.problems]
    except (OSError, TimeoutError) as error:
        return [
            failed(
                name,
                Problem(
                    code="unreachable",
                    detail=f"no answer ({type(error).__name__})",
                    fix="start it, or correct the setting",
                    status=503,
                ),
            )
        ]


async def _database(settings: Settings) -> list[Check]:
    from broadcast.store.database import TROUBLE
    from config import wiring
    from service.installation import database_trouble

    try:
        db = wiring.database(settings)
        try:
            async with asyncio.timeout(REACH_SECONDS):
                return await _ask_database(settings, db)
        finally:
            await db.close()
    except Rejected as rejected:
        return [failed("database", p, exit_code=2) for p in rejected.problems]
    except TROUBLE as trouble:
        return [
            failed("database", p, exit_code=2) for p in database_trouble(settings, trouble).problems
        ]


async def _ask_database(settings: Settings, db: Database) -> list[Check]:
    from broadcast.store import checkup
    from broadcast.store.database import database_now
    from console.processes import migrate

    before = datetime.now(UTC)
    theirs = await db.read(database_now)
    after = datetime.now(UTC)
    checks = [passed("database", f"{db.dialect} answers")]
    away = max(timedelta(), theirs - after, before - theirs).total_seconds()
    if away > CLOCK_SECONDS:
        fix = "set both machines' clocks by NTP: expiry and deadlines count on them"
        checks.append(
            failed(
                "clock",
                Problem(
                    code="clock_off",
                    detail=f"this machine and the database are {away:.0f} s apart",
                    fix=fix,
                ),
            )
        )
    else:
        checks.append(passed("clock", "as the database's"))
    unsafe = await db.read(checkup.unsafe_settings)
    checks += [failed("durability", p) for p in unsafe] or [
        passed("durability", "a commit survives a power cut")
    ]
    try:
        await (migrate.upgrade(db) if settings.embedded else migrate.check(db))
    except Rejected as rejected:
        return [*checks, *(failed("schema", p, exit_code=2) for p in rejected.problems)]
    checks.append(passed("schema", "is that of this version"))
    try:
        await migrate.check_keys(db)
    except Rejected as rejected:
        checks += [failed("contact_keys_needed", p, exit_code=2) for p in rejected.problems]
    operators = await db.read(checkup.operator_count)
    checks.append(
        passed(
            "operators",
            f"{operators} may act" if operators else "none yet: see `fasttime operators add`",
        )
    )
    if not settings.embedded:
        roles = await db.read(checkup.live_roles)
        missing = [role for role in ("match", "urgent", "routine", "log") if role not in roles]
        checks.append(
            passed(
                "workers",
                "running:"
                f" {', '.join(sorted(roles)) or 'none'}"
                f"{'; not running: ' + ', '.join(missing) if missing else ''}",
            )
        )
    return checks


async def _kafka(settings: Settings) -> list[Check]:
    from broadcast.events.kafka_topics import check_topics

    problems = await check_topics(settings)
    wrong = [
        failed("kafka_topics", Problem(code=p.code, detail=f"{p.where}: {p.detail}", fix=p.fix))
        for p in problems
    ]
    return [
        passed("kafka", f"{settings.kafka_bootstrap} answers"),
        *(wrong or [passed("kafka_topics", "each has its partitions")]),
    ]


async def _redis(url: str) -> list[Check]:
    """Say PING in Redis' own protocol
    (https://redis.io/docs/latest/develop/reference/protocol-spec/), so that only the limits know
    the library.
    """
    parts = urlsplit(url)
    if parts.scheme == "unix":
        reader, writer = await asyncio.open_unix_connection(parts.path)
    else:
        reader, writer = await _connect(
            parts, 6379, tls=parts.scheme == "rediss", name="FASTTIME_REDIS_URL", what="Redis"
        )
    try:
        if parts.password:
            words = [
                "AUTH",
                *([unquote(parts.username)] if parts.username else []),
                unquote(parts.password),
            ]
            answer = await _resp(reader, writer, words)
            if not answer.startswith(b"+"):
                raise refuse(
                    "redis_refused",
                    "Redis refuses user or password",
                    "correct FASTTIME_REDIS_URL",
                    field="FASTTIME_REDIS_URL",
                )
        answer = await _resp(reader, writer, ["PING"])
    finally:
        writer.close()
    if answer.startswith(b"+"):
        return [passed("redis", f"{parts.hostname or parts.path} answers")]
    raise refuse(
        "redis_refused",
        f"Redis says {answer[:60].decode('utf-8', 'replace').strip()}",
        "correct FASTTIME_REDIS_URL",
        field="FASTTIME_REDIS_URL",
    )


async def _resp(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, words: list[str]
) -> bytes:
    encoded = [word.encode() for word in words]
    writer.write(
        b"*%d\r\n" % len(encoded)
        + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)
    )
    await writer.drain()
    answer = await reader.readline()
    if not answer:
        raise ConnectionResetError
    return answer


async def _smtp(name: str, url: str) -> list[Check]:
    """Read the mail server's greeting (RFC 5321 section 3.1) and take leave."""
    parts = urlsplit(url)
    tls = parts.scheme == "smtps"
    reader, writer = await _connect(
        parts, 465 if tls else 25, tls=tls, name=name, what="the mail server"
    )
    try:
        greeting = await reader.readline()
        writer.write(b"QUIT\r\n")
        await writer.drain()
    finally:
        writer.close()
    if greeting.startswith(b"220"):
        return [
            passed(_short(name), f"{parts.hostname}:{parts.port or (465 if tls else 25)} answers")
        ]
    said = greeting[:60].decode("utf-8", "replace").strip() or "nothing"
    raise refuse(
        "smtp_refused",
        f"the mail server at {parts.hostname} says {said}",
        "see its log",
        field=name,
        status=503,
    )


async def _web(name: str, url: str) -> list[Check]:
    """Connect, with TLS where the URL says so; nothing is asked for, so nothing can be sent."""
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    _, writer = await _connect(parts, 443 if tls else 80, tls=tls, name=name, what="it")
    writer.close()
    return [passed(_short(name), f"{parts.hostname} can be reached")]


def _short(name: str) -> str:
    """Return what a check of a setting's service is called."""
    return name.removeprefix("FASTTIME_").removesuffix("_URL").removesuffix("_API_BASE").lower()


async def _connect(
    parts: SplitResult, port: int, *, tls: bool, name: str, what: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection within ten seconds; raises Rejected (503) that names host and port."""
    try:
        host, number = parts.hostname or "localhost", parts.port or port
    except ValueError:
        raise refuse(
            "setting_invalid", "the port is no number", "write host:port", field=name
        ) from None
    try:
        async with asyncio.timeout(REACH_SECONDS - 0.5):
            return await asyncio.open_connection(
                host, number, ssl=ssl.create_default_context() if tls else None
            )
    except (OSError, TimeoutError) as error:
        raise refuse(
            "unreachable",
            f"{what} at {host}:{number} cannot be reached ({type(error).__name__})",
            f"start it, or correct {name}",
            field=name,
            status=503,
        ) from None
