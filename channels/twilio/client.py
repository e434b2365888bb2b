"""How we speak to Twilio: the official library over our own HTTP client, and the one translation of
what Twilio answers.
"""

from __future__ import annotations

import json
import logging
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from ipaddress import ip_address
from math import isfinite
from typing import Any, NamedTuple, NoReturn
from urllib.parse import quote_plus, urlencode, urlsplit

import aiohttp
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client
from yarl import URL

from channels.contract import InDoubt, Refused, Unavailable
from channels.twilio.errors import CONFIG, ERROR_CODES, PERMANENT, TRANSIENT

PUBLIC_API = "https://api.twilio.com"
# any will do: the simulator signs its callbacks with the token that came with the request
SIMULATOR_ACCOUNT = "AC" + "0" * 32
SIMULATOR_SENDER = (  # https://www.twilio.com/docs/iam/test-credentials: the one that always works
    "+15005550006"
)
KEEP_ALIVE = (
    5.0  # seconds; a connection the peer dropped in silence costs an attempt in doubt (R17)
)
PAUSE_ON_CONFIG = 60.0  # seconds; nobody mends a setting faster
PAUSE_ON_429 = 1.0  # seconds; where Twilio does not say
CLOCK_SLACK = timedelta(seconds=5)  # the provider's clock is not ours
# Five tries on every kind of failure; the fragment is not part of the signed URL (rule R6).
CALLBACK_RETRIES = "#rc=5&rp=all"
LOOK_UP_PAGES = 20  # of 50 records: nobody gets a thousand messages while one attempt settles

# https://www.ofcom.org.uk: numbers for use in drama. Facts; each prefix is followed by three
# digits.
DRAMA_PREFIXES = frozenset(
    {
        f"+441{area}4960"
        for area in ("13", "14", "15", "16", "17", "18", "21", "31", "41", "51", "61")
    }
    | {
        "+442079460",
        "+441914980",
        "+442896496",
        "+442920180",
        "+441632960",
        "+447700900",
        "+448081570",
        "+449098790",
        "+443069990",
    }
)
_TRIAL = re.compile(r"\+999[0-9]{9}")
# Twilio's is SM or CA and 32 hexadecimal digits; its length is no promise
_SID = re.compile(r"[A-Za-z0-9_-]{2,64}")
# never To: nobody's number is kept here
_SHARED = frozenset({"Body", "From", "MessagingServiceSid"})
_PLAIN = re.compile("[A-Za-z0-9_.~%:/?#&=+-]*")
# what a number or an address of ours may hold; % is first, for the others bring it in
_QUOTED = tuple((char, quote_plus(char)) for char in "%:/?#&=+")
ENCODED_KEPT = 256
# "too late", "too early", "you went away": nobody knows (R17)
_NEVER_SURE = frozenset({408, 425, 499})
_quiet = logging.getLogger(__name__)  # handed to the library, which would log addresses at INFO
_time_left: ContextVar[float] = ContextVar("fasttime_twilio_time_left", default=15.0)


def kind_of(code: str) -> str:
    """Return "permanent", "transient" or "config" for one of Twilio's codes; an unknown one is
    permanent.
    """
    return ERROR_CODES[code][0] if code in ERROR_CODES else PERMANENT


def is_drama_number(number: str) -> bool:
    """Return whether an E.164 number is one that Ofcom keeps for drama: it reaches nobody."""
    return len(number) == 13 and number[:10] in DRAMA_PREFIXES and number[10:].isdigit()


def is_trial_number(number: str) -> bool:
    """Return whether a number is `+999` and nine digits: no country has that code."""
    return bool(_TRIAL.fullmatch(number))


def on_loopback(host: str) -> bool:
    """Return whether a host name or address means this very machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@lru_cache(maxsize=16)
def _points_at_loopback(api_base: str) -> bool:
    return on_loopback(urlsplit(api_base).hostname or "")


def check_reachable(to: str, api_base: str) -> None:
    """Raise Refused("number_not_reachable") for the numbers that this API must not be asked to
    reach.

    Drama numbers where the real Twilio is meant, +999 numbers everywhere but on loopback.
    """
    if not api_base and is_drama_number(to):
        raise Refused(
            "number_not_reachable", "kept by Ofcom for drama; only a simulator has such handsets"
        )
    if is_trial_number(to) and not _points_at_loopback(api_base):
        raise Refused(
            "number_not_reachable",
            "+999 is no country; only for trials where FASTTIME_TWILIO_API_BASE is on loopback",
        )


def provider_code(body: str) -> str:
    """Return the code that Twilio itself put into the JSON body of an error, or "" where there is
    none.

    Its codes have five digits or more; a proxy's {"code": 404} is not Twilio's word.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    code = answer.get("code") if isinstance(answer, dict) else None
    if isinstance(code, int) and not isinstance(code, bool) and 10_000 <= code <= 999_999:
        return str(code)
    return code if isinstance(code, str) and re.fullmatch("[1-9][0-9]{4,5}", code) else ""


def raise_for_answer(status: int, body: str, retry_after: str | None) -> NoReturn:
    """Translate any answer to a POST that is not a 2xx (rule R17): Refused or Unavailable only
    where it is sure, else InDoubt.
    """
    code = provider_code(body)
    if status == 429:
        raise Unavailable(
            code or "429", "too many requests", retry_after=_seconds(retry_after, PAUSE_ON_429)
        )
    if not 400 <= status < 500 or status in _NEVER_SURE or not code:
        raise InDoubt(
            f"http_{status}", "the provider's answer does not say whether it took the message"
        )
    kind, meaning = ERROR_CODES.get(code, (PERMANENT, "refused by the provider"))
    if kind == CONFIG:
        raise Unavailable(code, f"config: {meaning}", retry_after=PAUSE_ON_CONFIG)
    if kind == TRANSIENT:
        raise Unavailable(code, meaning, retry_after=_seconds(retry_after, PAUSE_ON_429))
    raise Refused(code, meaning)


def _seconds(header: str | None, default: float) -> float:
    try:
        value = float(header or "")
    except ValueError:  # an HTTP date: Twilio sends seconds
        return default
    return min(max(value, 0.0), 3600.0) if isfinite(value) else default


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Limit every call to Twilio made inside; the library has no argument to pass it by."""
    token = _time_left.set(seconds)
    try:
        yield
    finally:
        _time_left.reset(token)


@lru_cache(maxsize=16)
def _limits(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=seconds, connect=seconds / 2)


class TwilioHttp(AsyncHttpClient):
    """The HTTP client handed to the official library: one connection pool, a time-out for each
    call, no redirects, no retries.

    `api_base` replaces https://api.twilio.com ("" = the real one). Raises Refused, Unavailable or
    InDoubt in place of the library's exceptions, because only here the body of the answer is at
    hand.
    """

    def __init__(self, *, api_base: str = "", concurrency: int) -> None:
        super().__init__(_quiet, True, None)
        self._base = (api_base or PUBLIC_API).rstrip("/")
        self._concurrency = concurrency
        self._session: aiohttp.ClientSession | None = None
        self._urls: dict[str, URL] = {}
        self._authorization: dict[tuple[str, str], str] = {}
        self._encoded: dict[tuple[str, str], str] = {}

    async def request(
        self,
        method: str,
        uri: str,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        # the library's argument; never followed: aiohttp would post a 307 again
        allow_redirects: bool = False,
    ) -> Response:
        """Make one call. A POST that was not surely taken raises; a GET that fails raises
        Unavailable.
        """
        seconds = timeout or _time_left.get()
        posting = method == "POST"
        head = dict(headers or {})
        if auth is not None:
            head["Authorization"] = self._basic(auth)
        # connecting gets half of the time, so that its own time-out comes first and stays apart
        # from an answer that is late
        limits = _limits(seconds)
        body = self._form(data) if data else None
        try:
            async with self._open().request(
                method,
                self._url(uri, params),
                data=body,
                headers=head,
                timeout=limits,
                allow_redirects=False,
            ) as answer:
                text = (await answer.read()).decode("utf-8", "replace")
                status, answer_headers = answer.status, answer.headers
        except (
            aiohttp.ClientConnectorError,
            aiohttp.ConnectionTimeoutError,
        ) as exc:  # nothing was written: surely not sent
            raise Unavailable("no_connection", type(exc).__name__, retry_after=1.0) from exc
        except (
            aiohttp.ClientError,
            TimeoutError,
            OSError,
        ) as exc:  # it may have been taken: never send again on our own
            if posting:
                raise InDoubt("no_answer", type(exc).__name__) from exc
            raise Unavailable("no_answer", type(exc).__name__, retry_after=1.0) from exc
        if posting and not 200 <= status < 300:
            raise_for_answer(status, text, answer_headers.get("Retry-After"))
        if not posting and status != 200:
            raise Unavailable(
                provider_code(text) or f"http_{status}",
                "the provider's list cannot be read",
                retry_after=_seconds(answer_headers.get("Retry-After"), 1.0),
            )
        return Response(status, text, answer_headers)

    async def close(self) -> None:
        """Let go of the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:  # here, not in __init__: a session needs a running loop
            connector = aiohttp.TCPConnector(
                limit=self._concurrency, keepalive_timeout=KEEP_ALIVE, ttl_dns_cache=60
            )
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._session

    def _url(self, uri: str, params: Mapping[str, Any] | None) -> URL:
        kept = self._urls.get(uri)
        if kept is None:
            kept = URL(
                self._base + uri.removeprefix(PUBLIC_API)
                if uri.startswith((PUBLIC_API + "/", "/"))
                else uri
            )
            if (
                "?" not in uri and len(self._urls) < 16
            ):  # a handful of resources; a next page's address is used once
                self._urls[uri] = kept
        return kept.with_query({k: str(v) for k, v in params.items()}) if params else kept

    def _form(self, data: Mapping[str, Any]) -> bytes:
        """Return the form as `urlencode` would. What a thousand people get alike is encoded once:
        that is a tenth of a text message's cost.
        """
        parts = []
        for name, value in data.items():
            if name in _SHARED:
                parts.append(self._encoded_once(name, value))
            elif isinstance(value, int):
                parts.append(f"{name}={value}")
            elif isinstance(value, str) and _PLAIN.fullmatch(value):
                for char, quoted in _QUOTED:
                    value = value.replace(char, quoted)
                parts.append(f"{name}={value}")
            else:
                parts.append(urlencode({name: value}, doseq=True))
        return "&".join(parts).encode("ascii")

    def _encoded_once(self, name: str, value: str) -> str:
        encoded = self._encoded.get((name, value))
        if encoded is None:
            if len(self._encoded) >= ENCODED_KEPT:
                self._encoded.clear()
            encoded = self._encoded[name, value] = urlencode({name: value})
        return encoded

    def _basic(self, auth: tuple[str, str]) -> str:
        if auth not in self._authorization:
            self._authorization[auth] = "Basic " + b64encode(":".join(auth).encode()).decode(
                "ascii"
            )
        return self._authorization[auth]


_FORM_HEADERS = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


class TwilioClient(Client):
    """The official client, knowing its constant headers by heart instead of asking the platform
    before each call.
    """

    def __init__(self, *, account: str, token: str, http: TwilioHttp) -> None:
        # an environment of our own: the library would read TWILIO_EDGE and TWILIO_REGION, which are
        # no settings of ours
        super().__init__(account, token, http_client=http, environment={"TWILIO_EDGE": ""})
        self._known: dict[str, dict[str, str]] = {}

    def get_headers(self, method: str, headers: dict[str, str] | None) -> dict[str, str]:
        """Return the library's headers for one call."""
        if method not in self._known:
            self._known[method] = dict(super().get_headers(method, None))
        return {**self._known[method], **(headers or {})}

    async def create(self, resource: str, fields: Mapping[str, Any], *, timeout: float) -> Created:
        """Make a resource of the account ("Messages") by the library's own request, within
        `timeout` seconds; `fields` are named as Twilio names them.

        The library's resource classes would turn the dates and numbers of each answer into objects
        that nobody looks at: a fifth of a text message's cost.
        """
        uri = f"{PUBLIC_API}/2010-04-01/Accounts/{self.username}/{resource}.json"
        answer = await self.request_async(
            "POST", uri, data=dict(fields), headers=_FORM_HEADERS, timeout=timeout
        )
        return Created(json.loads(answer.text)["sid"])


class Created(NamedTuple):
    """What we want to know of what the provider made."""

    sid: Any


async def sid_of(creating: Awaitable[Any]) -> str:
    """Await the library's `create_async` and return the provider's id; InDoubt where a 2xx does not
    name one.
    """
    try:
        sid = (await creating).sid
    except (Refused, Unavailable, InDoubt):
        raise
    except Exception as exc:
        # The wire was used: whatever the library stumbles over, the message may have been taken.
        raise InDoubt("answer_unreadable", type(exc).__name__) from exc
    if not isinstance(sid, str) or not _SID.fullmatch(sid):
        raise InDoubt("answer_unreadable", "a success without the provider's id")
    return sid


def status_callback(public_url: str, attempt: str) -> str:
    """Return the address at which Twilio tells of an attempt."""
    return f"{public_url}/hooks/twilio/status/{attempt}{CALLBACK_RETRIES}"


async def outbound_since(
    resource: Any, to: str, since: datetime
) -> AsyncIterator[tuple[Any, datetime]]:
    """Yield what Twilio lists of ours for a number, and when it was created (UTC), from five
    seconds before `since` on. `resource` is its list of messages or of calls.
    """
    entries = await resource.stream_async(to=to, page_size=50, limit=50 * LOOK_UP_PAGES)
    async for entry in entries:
        created = entry.date_created
        if created is None or created < since - CLOCK_SLACK:
            continue
        if str(entry.direction or "").startswith("outbound"):
            yield entry, created.astimezone(UTC)
