"""The settings: every name there is, where they are read from, and what refuses to start."""

from __future__ import annotations

import difflib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from ipaddress import ip_network
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from broadcast.messages.versions import Margin
from broadcast.problems import Problem, Rejected
from broadcast.wording.times import DEFAULT_ZONE
from config import answer_keys
from config.answer_keys import AnswersKey, default_private_file
from config.contact_keys import ContactKeys, default_file, fault
from config.private_folder import make_private

PREFIX = "FASTTIME_"

NAMES: dict[str, str] = {
    "DATA": "folder of the embedded default's database, key and lock (default ./.fasttime)",
    "DATABASE_URL": (
        "sqlite:///path or postgresql://user:password@host:port/name (default SQLite under DATA)"
    ),
    "KAFKA_BOOTSTRAP": "host:port[,host:port] of Kafka; unset = embedded",
    "REDIS_URL": "redis://host:port/db for rates shared by several processes; unset = in memory",
    "SHARDS": (
        "how many parts an audience is frozen in, and partitions of the topic alerts (default 1)"
    ),
    "PARTITIONS": "partitions of the other topics (default 4)",
    "REPLICATION": "replication factor of the topics (default 1)",
    "SMTP_URL": "smtp://user:pass@host:port, smtps://…, ?starttls=1",
    "MAIL_FROM": "address that e-mail comes from",
    "DISCREET_MAIL_FROM": (
        "sender of e-mail to who asked that it gives nothing away (default Updates, at MAIL_FROM)"
    ),
    "MAIL_RATE": "e-mails a second and sender; 0 = no limit",
    "DKIM_KEYS": "selector:file[,selector:file] of the keys that sign e-mail; unset = unsigned",
    "DKIM_DOMAIN": "domain that signs e-mail (default that of the sender)",
    "TWILIO_ACCOUNT_SID": "Twilio account",
    "TWILIO_AUTH_TOKEN": "its token; signs the webhooks too",
    "TWILIO_API_BASE": "another base URL than Twilio's own, for the simulator",
    "TWILIO_FROM": "number or name that text messages come from",
    "TWILIO_MESSAGING_SERVICE_SID": "instead of TWILIO_FROM",
    "TWILIO_VOICE_FROM": "number that calls come from",
    "EXERCISE_TWILIO_FROM": "sender of exercise text messages",
    "EXERCISE_TWILIO_VOICE_FROM": "number that exercise calls come from",
    "EXERCISE_MAIL_FROM": "address that exercise e-mail comes from",
    "SMS_RATE": "text messages a second and sender; 0 = no limit",
    "VOICE_RATE": "calls a second and sender; 0 = no limit",
    "SMS_PRICE": (
        "pence that your provider asks for one part of a text message; unset = a preview names no"
        " cost"
    ),
    "VOICE_PRICE": "pence that your provider asks for one call; unset = a preview names no cost",
    "PUBLIC_URL": (
        "where the web process is reached from outside: callbacks, unsubscribe links, public page"
    ),
    "TRUSTED_PROXY": (
        "addresses or networks of the proxies in front, whose X-Forwarded-For is believed; unset ="
        " none"
    ),
    "LISTEN": "address at which docker compose publishes the web port; no process of ours reads it",
    "METRICS_LISTEN": (
        "host:port of /metrics and /healthz of this process (default 127.0.0.1:9464), or off"
    ),
    "TRACES": (
        "where traces are sent by OTLP, such as http://127.0.0.1:4318/v1/traces; wants the extra"
        " fasttime[otel]; unset = none"
    ),
    "SENDER": "CAP sender of this installation (default fasttime.local)",
    "SENDER_NAME": "name of the authority, said in every message (default Police)",
    "ADVICE_LINE": (
        "who gives advice and reassurance, with number and hours: stands on the page What to do,"
        " apart from the lines for reports"
    ),
    "TIMEZONE": "time zone of the times that people read (default Europe/London)",
    "MAP_TILES": (
        "where the control room's map to draw on gets its background, with {z}, {x} and {y};"
        " unset = nowhere, so that nobody else learns where is looked"
    ),
    "SIMULATOR_HTTP": (
        "base URL of the simulator: status Test goes there, and Exercise without senders; unset ="
        " refused"
    ),
    "SIMULATOR_SMTP": "smtp://host:port of the simulator, likewise",
    "SIMULATOR_TOKEN": (
        "what the controls of fasttime simulator want; unset = a new one, printed at its start"
    ),
    "SECRET_KEY": "signs attempt ids and links; made in DATA if embedded, required in a cluster",
    "CODE_BUDGET": (
        "pounds a day that the codes for registering and signing in may cost in all (default 100)"
    ),
    "CONTACT_KEYS": (
        "keys that names and contact points are sealed with: 64 hexadecimal digits each, commas"
        " between, the newest last; a cluster without any takes one that follows from SECRET_KEY"
    ),
    "CONTACT_KEYS_FILE": (
        "or the file that holds them, outside DATA (default fasttime/contact.keys in"
        " XDG_CONFIG_HOME or ~/.config; made if embedded)"
    ),
    "ANSWERS_KEY": (
        "public key that people's answers are sealed to, 64 hexadecimal digits from `fasttime"
        " answers keygen`; made in DATA if embedded"
    ),
    "ANSWERS_PRIVATE_KEY": (
        "file of the private key, for `fasttime answers read` alone (default fasttime/answers.key"
        " in XDG_CONFIG_HOME or ~/.config)"
    ),
    "ANSWERS_DAYS": (
        "after so many days the words and the sender of an answer are erased (default 0: never)"
    ),
    "BACKUP_DAYS": (
        "after so many days no backup, and no WAL of PostgreSQL that is kept, holds what was"
        " deleted; people are told so (default 0: no day is stated)"
    ),
    "TWO_PERSON": "always, or actual: one person suffices unless the status is Actual",
    "AUDIENCE_MARGIN_PERCENT": (
        "by what share of the approved count an audience may differ (default 2)"
    ),
    "AUDIENCE_MARGIN_PEOPLE": "or by how many people, whichever is more (default 20)",
    "TOKEN": "personal token of the operator at the command line",
    "LOG_FORMAT": "auto, json or console (default auto: console on a terminal, else json)",
    "LOG_LEVEL": "debug, info, warning or error: the least that is logged (default info)",
}
"""Every setting, without its prefix FASTTIME_; docs/operations.md names each, and a test says
so.
"""

_TILES = re.compile(r"https?://[A-Za-z0-9.-]+(:\d+)?/[A-Za-z0-9._~/?&=%@{}-]+")
"""Nothing that could end a directive of the pages' policy."""

LEVELS = {"info": 20, "debug": 10, "warning": 30, "error": 40}
"""The least that is logged, by name; the first is the default."""

IGNORED_PREFIX = PREFIX + "TEST_"  # the test suite's own variables


def is_trial(env: Mapping[str, str]) -> bool:
    """Return whether the installation is connected to a simulator in place of its providers: then
    it may send to invented numbers and addresses too.
    """
    return bool(env.get("FASTTIME_TWILIO_API_BASE", "").strip())


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one process, checked. Adapters read their own settings from `env`."""

    data: Path
    database_url: str
    kafka_bootstrap: str
    redis_url: str
    shards: int
    partitions: int
    replication: int
    public_url: str
    trusted_proxy: str
    metrics_listen: tuple[str, int] | None
    traces: str
    sender: str
    sender_name: str
    timezone: str
    map_tiles: str
    simulator_http: str
    simulator_smtp: str
    simulator_token: str = field(repr=False)
    two_person: str
    code_budget: int
    sms_price: Decimal | None
    voice_price: Decimal | None
    answers_days: int
    backup_days: int
    margin: Margin
    token: str = field(repr=False)
    log_format: str
    log_level: int
    env: Mapping[str, str] = field(repr=False)
    given_key: str = field(repr=False)
    contact_keys: ContactKeys
    answers_key: AnswersKey
    answers_private_file: Path

    @property
    def embedded(self) -> bool:
        """Whether there is no Kafka: one process does everything."""
        return not self.kafka_bootstrap

    @property
    def allows_trial_numbers(self) -> bool:
        """Whether +999 numbers are accepted: only where TWILIO_API_BASE is on loopback."""
        from urllib.parse import urlsplit

        host = urlsplit(self.env.get("FASTTIME_TWILIO_API_BASE", "")).hostname or ""
        return host in ("localhost", "::1") or host.startswith("127.")

    def key(self) -> bytes:
        """Return the key that signs attempt ids and links; embedded it is made in the data folder,
        readable by its owner only.
        """
        if self.given_key:
            return self.given_key.encode()
        path = self.data / "secret_key"
        try:
            return _strong(path)
        except FileNotFoundError:
            make_private(self.data)
        made = secrets.token_hex(32).encode()
        fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        fresh.touch(mode=0o600, exist_ok=False)
        fresh.write_bytes(made)
        try:
            path.hardlink_to(fresh)  # of two processes that start at once, one key wins
        except FileExistsError:
            made = _strong(path)
        finally:
            fresh.unlink()
        return made


KEY_LENGTH = 32
KEY_FIX = "use 32 random characters or more, for example from: openssl rand -hex 32"
_EXAMPLES = (
    "changeme",
    "change-me",
    "change_me",
    "secret",
    "example",
    "password",
    "yoursecret",
    "your-secret",
    "fasttime",
)


def key_fault(value: str) -> str:
    """Return what is wrong with a secret key, "" for nothing: too short, an example, or hardly any
    different characters.
    """
    if not value:
        return "is empty"
    if len(value) < KEY_LENGTH:
        return f"is too short: {len(value)} characters where {KEY_LENGTH} or more belong"
    if value.casefold().startswith(_EXAMPLES):
        return "is an example that everybody knows"
    if len(set(value)) < 8:
        return "is easily guessed: it repeats a few characters"
    return ""


def _strong(path: Path) -> bytes:
    """Return the key of a file; raises Rejected (exit 2) where nobody should sign with it, and
    FileNotFoundError.
    """
    key = path.read_bytes()
    if fault := key_fault(key.decode("latin-1")):
        fix = (
            f"restore it from the backup; where there is none, remove {path}: a new one is made,"
            " and links sent so far are void"
        )
        raise Rejected(
            Problem(
                code="secret_key_weak",
                field="FASTTIME_SECRET_KEY",
                detail=f"the key in {path} {fault}",
                fix=fix,
            )
        )
    return key


def read_env_file(path: Path) -> dict[str, str]:
    """Return the assignments of a `.env` file: NAME=value lines, `#` comments, optional quotes.
    Raises Rejected.
    """
    found: dict[str, str] = {}
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise Rejected(
            Problem(
                code="env_file",
                detail=f"cannot be read: {type(error).__name__}",
                fix="make it a UTF-8 text file that this user may read",
                where=str(path),
            )
        ) from None
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip().removeprefix("export ")
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals or not name.strip().isidentifier():
            raise Rejected(
                Problem(
                    code="env_file",
                    detail="not NAME=value",
                    fix="write NAME=value, or # before a comment",
                    where=f"{path}:{number}",
                )
            )
        value = value.strip()
        found[name.strip()] = (
            value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value
        )
    return found


def load(environ: Mapping[str, str], env_file: Path | None = None) -> Settings:
    """Read the settings; the environment wins over `.env`. Raises Rejected naming every wrong
    one.
    """
    env = {**(read_env_file(env_file) if env_file else {}), **environ}
    env = {
        k: v for k, v in env.items() if k.startswith(PREFIX) and not k.startswith(IGNORED_PREFIX)
    }
    problems = [_unknown(name) for name in sorted(env) if name.removeprefix(PREFIX) not in NAMES]
    read = _Reader(env, problems)
    data = Path(read.text("DATA", "./.fasttime"))
    settings = Settings(
        data=data,
        database_url=read.database_url(f"sqlite:///{data.absolute() / 'fasttime.db'}"),
        kafka_bootstrap=read.text("KAFKA_BOOTSTRAP"),
        redis_url=read.url("REDIS_URL", ("redis", "rediss", "unix")),
        shards=read.whole("SHARDS", 1),
        partitions=read.whole("PARTITIONS", 4),
        replication=read.whole("REPLICATION", 1),
        public_url=read.url("PUBLIC_URL", ("http", "https")).rstrip("/"),
        trusted_proxy=read.networks("TRUSTED_PROXY"),
        metrics_listen=read.listen("METRICS_LISTEN", "127.0.0.1:9464"),
        traces=read.url("TRACES", ("http", "https")),
        sender=read.sender(),
        sender_name=read.text("SENDER_NAME", "Police"),
        timezone=read.zone("TIMEZONE", DEFAULT_ZONE),
        map_tiles=read.tiles("MAP_TILES"),
        simulator_http=read.url("SIMULATOR_HTTP", ("http", "https")).rstrip("/"),
        simulator_smtp=read.url("SIMULATOR_SMTP", ("smtp",)),
        simulator_token=read.text("SIMULATOR_TOKEN"),
        two_person=read.one_of("TWO_PERSON", ("always", "actual")),
        code_budget=read.number("CODE_BUDGET", 100, 1_000_000),
        sms_price=read.price("SMS_PRICE"),
        voice_price=read.price("VOICE_PRICE"),
        answers_days=read.number("ANSWERS_DAYS", 0, 36_500),
        backup_days=read.number("BACKUP_DAYS", 0, 36_500),
        margin=Margin(
            percent=read.number("AUDIENCE_MARGIN_PERCENT", 2, 100),
            people=read.number("AUDIENCE_MARGIN_PEOPLE", 20, 1_000_000),
        ),
        token=read.text("TOKEN"),
        log_format=read.one_of("LOG_FORMAT", ("auto", "json", "console")),
        log_level=LEVELS[read.one_of("LOG_LEVEL", tuple(LEVELS))],
        env=env,
        given_key=read.secret_key(),
        contact_keys=read.contact_keys(),
        answers_key=read.answers_key(data),
        answers_private_file=read.answers_private_file(),
    )
    if settings.kafka_bootstrap and not settings.given_key:
        problems.append(
            Problem(
                code="setting_missing",
                field="FASTTIME_SECRET_KEY",
                detail="a cluster's processes must share one key",
                fix="set the same random value of 32 characters or more for all of them",
            )
        )
    if settings.kafka_bootstrap and settings.database_url.startswith("sqlite"):
        problems.append(
            Problem(
                code="setting_missing",
                field="FASTTIME_DATABASE_URL",
                detail="a cluster needs PostgreSQL",
                fix="set postgresql://user:password@host:port/name",
            )
        )
    if problems:
        raise Rejected(problems)
    return settings


def _unknown(name: str) -> Problem:
    near = difflib.get_close_matches(name.removeprefix(PREFIX), NAMES, n=1, cutoff=0.5)
    return Problem(
        code="setting_unknown",
        field=name,
        detail="there is no such setting",
        fix=(
            f"did you mean {PREFIX}{near[0]}?" if near else "see docs/operations.md for all of them"
        ),
    )


def _is_zone(name: str) -> bool:
    """Return whether this machine knows a time zone. The list of all of them takes 30 ms to read,
    and every command reads its settings.
    """
    if name.startswith(("posix/", "right/")):
        return False
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Reader:
    env: Mapping[str, str]
    problems: list[Problem]

    def text(self, name: str, default: str = "") -> str:
        return self.env.get(PREFIX + name, "").strip() or default

    def _bad(self, name: str, detail: str, fix: str) -> None:
        self.problems.append(
            Problem(code="setting_invalid", field=PREFIX + name, detail=detail, fix=fix)
        )

    def whole(self, name: str, default: int) -> int:
        value = self.text(name, str(default))
        if not (value.isascii() and value.isdigit() and 1 <= int(value) <= 1024):
            self._bad(name, "must be a whole number from 1 to 1024", f"for example {default}")
            return default
        return int(value)

    def number(self, name: str, default: int, most: int) -> int:
        value = self.text(name, str(default))
        if not (value.isascii() and value.isdigit() and len(value) < 10 and int(value) <= most):
            self._bad(name, f"must be a whole number from 0 to {most}", f"the default is {default}")
            return default
        return int(value)

    def price(self, name: str) -> Decimal | None:
        value = self.text(name)
        try:
            price = Decimal(value or "0")
            good = price.is_finite() and 0 <= price <= 10_000
        except InvalidOperation:
            good = False
        if not good:
            self._bad(name, "must be a number of pence from 0 to 10000", "for example 3.5")
        return price if value and good else None

    def one_of(self, name: str, values: tuple[str, ...]) -> str:
        value = self.text(name, values[0])
        if value not in values:
            self._bad(name, f"must be {' or '.join(values)}", f"the default is {values[0]}")
            return values[0]
        return value

    def url(self, name: str, schemes: tuple[str, ...]) -> str:
        value = self.text(name)
        if value and value.partition("://")[0] not in schemes:
            self._bad(
                name,
                f"must begin with {' or '.join(s + '://' for s in schemes)}",
                "write the whole address",
            )
        return value

    def tiles(self, name: str) -> str:
        value = self.text(name)
        parts = all(value.count(each) == 1 for each in ("{z}", "{x}", "{y}"))
        if value and not (parts and _TILES.fullmatch(value)):
            self._bad(
                name,
                "is no address of tiles",
                "for example https://tiles.example.org/{z}/{x}/{y}.png",
            )
        return value

    def networks(self, name: str) -> str:
        value = self.text(name)
        try:
            for part in value.split(",") if value else ():
                ip_network(part.strip())
        except ValueError:
            self._bad(
                name,
                "must be addresses or networks with commas between",
                "for example 10.0.0.5,10.1.0.0/16",
            )
            return ""
        return value

    def listen(self, name: str, default: str) -> tuple[str, int] | None:
        value = self.text(name, default)
        if value == "off":
            return None
        host, colon, port = value.rpartition(":")
        if (
            not colon
            or not host
            or not (port.isascii() and port.isdigit() and len(port) < 6 and int(port) < 65536)
        ):
            self._bad(
                name, "must be host:port or off", f"for example {default}; port 0 picks a free one"
            )
            return None
        return host.strip("[]"), int(port)

    def database_url(self, default: str) -> str:
        value = self.text("DATABASE_URL", default)
        if value.partition("://")[0] not in ("sqlite", "postgresql"):
            self._bad(
                "DATABASE_URL",
                "must begin with sqlite:/// or postgresql://",
                "or leave it out for SQLite under DATA",
            )
            return default
        return value

    def sender(self) -> str:
        value = self.text("SENDER", "fasttime.local")
        if any(c in value for c in " ,<&"):
            self._bad(
                "SENDER",
                "a CAP sender holds no space, comma, < or &",
                "use a name such as alerts.police.example",
            )
        return value

    def zone(self, name: str, default: str) -> str:
        value = self.text(name, default)
        if not _is_zone(value):
            near = difflib.get_close_matches(value, available_timezones(), n=1, cutoff=0.5)
            self._bad(
                name,
                "is no time zone that this machine knows",
                f"did you mean {near[0]}?" if near else f"the default is {default}",
            )
            return default
        return value

    def secret_key(self) -> str:
        value = self.text("SECRET_KEY")
        if PREFIX + "SECRET_KEY" in self.env and (fault := key_fault(value)):
            self._bad("SECRET_KEY", fault, KEY_FIX)
        return value

    def contact_keys(self) -> ContactKeys:
        value, file = self.text("CONTACT_KEYS"), self.text("CONTACT_KEYS_FILE")
        if PREFIX + "CONTACT_KEYS" in self.env and value and (wrong := fault(value)):
            self._bad("CONTACT_KEYS", wrong, "use 64 digits, from: openssl rand -hex 32")
        if value and file:
            self._bad("CONTACT_KEYS_FILE", "is set beside CONTACT_KEYS", "set one of them")
        # a cluster's secret key is a setting: it lies neither in the database nor in a data folder
        follows = self.text("SECRET_KEY") if self.text("KAFKA_BOOTSTRAP") else ""
        place = Path(file).absolute() if file else default_file()
        return ContactKeys(value, place, follows, file_set=bool(file))

    def answers_key(self, data: Path) -> AnswersKey:
        value = self.text("ANSWERS_KEY").lower()
        if value and (wrong := answer_keys.fault(value)):
            self._bad("ANSWERS_KEY", wrong, "use what `fasttime answers keygen` printed")
            value = ""
        return AnswersKey(value, data / answer_keys.PUBLIC_FILE)

    def answers_private_file(self) -> Path:
        file = self.text("ANSWERS_PRIVATE_KEY")
        return Path(file).absolute() if file else default_private_file()
