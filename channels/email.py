"""E-mail over SMTP (RFC 5321): pooled connections by aiosmtplib, and a conversation of our own that
always knows whether a mail was taken.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import NamedTuple, cast

import aiosmtplib

from broadcast.wording.rendered import Rendered
from channels.contract import (
    Accepted,
    ChannelError,
    Delivery,
    InDoubt,
    ProviderRecord,
    Refused,
    Unavailable,
    check_status,
)
from channels.mail import Template, build_template, own_headers
from channels.smtp_settings import ADDRESS, DISCREET_NAME, SmtpSettings

CONNECT_SECONDS = 10.0
# an idle connection older than this is not trusted; most servers hang up after 60 to 300 s
IDLE_SECONDS = 30.0
LATER_SECONDS = 60.0  # after a 4yz: greylisting and full queues last at least that long
PAUSE_ON_CONFIG = 60.0
TEMPLATES_KEPT = 128  # renderings whose bytes are remembered: (versions under way) x (languages)
MAX_REPLY = 64 * 1024  # bytes; a server that talks without end is hung up on

# RFC 2606 section 3, and the same name under any country
_RESERVED = re.compile(r"(?:^|\.)example(?:\.[a-z]{2,})?$")
_QUEUED_AS = re.compile(rb"queued as ([A-Za-z0-9._-]{1,64})", re.IGNORECASE)
GONE = frozenset({"550 5.1.1", "550 5.1.6", "550 5.2.1", "551 5.1.6", "553 5.1.3"})
"""Answers that say that there is no such mailbox (RFC 3463 section 3.2, 3.3). Without an enhanced
code a 550 may as well be a policy against us, and counts for nothing.
"""
_ENHANCED = re.compile(rb"[245]\.\d{1,3}\.\d{1,3}")


def is_reserved(address: str) -> bool:
    """Return whether an address is under example.*, which reaches nobody (RFC 2606)."""
    return bool(_RESERVED.search(address.rpartition("@")[2].lower()))


def envelope_address(address: str) -> str:
    """Return an address as it may stand in a command and a header: ASCII, the domain in its IDNA
    form. Raises Refused("address_invalid").
    """
    if not address.isascii():
        local, _, domain = address.rpartition("@")
        try:
            address = f"{local}@{domain.encode('idna').decode('ascii')}"
        except UnicodeError:
            address = ""
    if len(address) > 254 or not ADDRESS.fullmatch(address):
        raise Refused("address_invalid", "no mail server would know where to take it")
    return address


class Reply(NamedTuple):
    """One answer of the server: the code and its whole text."""

    code: int
    text: bytes

    @property
    def detail(self) -> str:
        """The enhanced status code (RFC 3463), else nothing: the text may repeat the address, which
        belongs in no log.
        """
        found = _ENHANCED.search(self.text)
        return found.group().decode("ascii") if found else ""


class _Gone(Exception):
    """The connection ended, or the time did."""


class _Line(asyncio.Protocol):
    """One connection after its greeting: writes several commands at once and collects their answers
    (RFC 2920).

    aiosmtplib's own protocol reads one answer per command and throws the rest away, so it opens the
    connection (TLS, STARTTLS, EHLO, AUTH) and hands the transport over to this one.
    """

    def __init__(self, transport: asyncio.Transport, *, pipelining: bool) -> None:
        self.transport = transport
        self.pipelining = pipelining
        self.gone = False
        self.must_reset = False
        self.idle_since = 0.0
        self.used = 0
        self._buffer = b""
        self._text = b""
        self._replies: list[Reply] = []
        self._wanted = 0
        self._waiter: asyncio.Future[None] | None = None
        transport.set_protocol(self)

    def exchange(self, data: bytes, wanted: int) -> asyncio.Future[None]:
        """Write commands whose `wanted` answers `replies` will hold when the future is done. The
        future raises _Gone.
        """
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.gone or self.transport.is_closing():
            self.gone = True
            waiter.set_exception(_Gone("connection lost"))
            return waiter
        self._replies = []
        self._wanted = wanted
        self._waiter = waiter
        self.transport.write(data)
        return waiter

    @property
    def replies(self) -> list[Reply]:
        """The answers to the last exchange, as far as they came."""
        return self._replies

    def data_received(self, data: bytes) -> None:
        if (
            self._waiter is None
            # nobody asked: a farewell such as 421; what follows would be matched to the wrong
            # command
        ):
            self.close()
            return
        data = self._buffer + data if self._buffer else data
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            line = data[start:end].rstrip(b"\r")
            start = end + 1
            if not line[:3].isdigit() or len(line[:3]) < 3:
                self._end("not SMTP")
                return
            self._text += line[4:] + b"\n" if self._text or line[3:4] == b"-" else line[4:]
            if len(self._text) > MAX_REPLY:
                self._end("too long an answer")
                return
            if line[3:4] != b"-":
                self._replies.append(Reply(int(line[:3]), self._text))
                self._text = b""
        self._buffer = data[start:]
        if len(self._buffer) > MAX_REPLY or len(self._replies) > self._wanted:
            self._end("more answers than commands")
        elif len(self._replies) == self._wanted:
            waiter, self._waiter = self._waiter, None
            if not waiter.done():
                waiter.set_result(None)

    def eof_received(self) -> bool:
        self._end("connection closed")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._end("connection lost")

    def expire(self) -> None:
        """End it because the time is up."""
        self._end("out of time")

    def close(self) -> None:
        """End it without waiting for anything."""
        self._end("closed")

    def _end(self, why: str) -> None:
        self.gone = True
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(_Gone(why))
        self.transport.abort()


class EmailChannel:
    """Mails of one sender through one server, one person in each envelope. Keeps
    channels.contract.Channel.

    A mail is surely not taken until the server has answered 354; after that only its own 4yz or 5yz
    to the final dot is a refusal (rule R17, RFC 1047).
    """

    name = "email"
    gone = GONE

    def __init__(
        self,
        settings: SmtpSettings,
        *,
        serves: frozenset[str] = frozenset({"Actual"}),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.sender = settings.mail_from
        self.provider = f"smtp:{settings.host}"
        self.serves = serves
        self.concurrency = settings.concurrency
        self.rate = settings.rate
        self._settings = settings
        self._now = now
        self._domain = settings.mail_from.rpartition("@")[2]
        self._idle: list[_Line] = []  # last in, first out: the surplus grows old and is dropped
        self._room = asyncio.Semaphore(settings.concurrency)
        self._templates: OrderedDict[Rendered, Template] = OrderedDict()
        self._date = (0, b"")
        self._tls: ssl.SSLContext | None = None
        self._closed = False

    async def send(self, delivery: Delivery, *, timeout: float) -> Accepted:
        """Send one mail; see the contract."""
        check_status(delivery, self.serves, "a mail")
        to = envelope_address(delivery.to)
        if not self._settings.reserved_too and is_reserved(to):
            raise Refused(
                "address_reserved", "example.* reaches nobody; only a simulator has such inboxes"
            )
        now = self._now()
        if (delivery.expires_at - now).total_seconds() < 1:
            raise Refused("expired", "the message ends before the mail could be read")
        message = self._message(delivery, to, now)
        returns_to = f"bounce+{delivery.attempt}" if delivery.attempt else "bounce"
        commands = (
            f"MAIL FROM:<{returns_to}@{self._domain}>\r\n".encode("ascii"),
            f"RCPT TO:<{to}>\r\n".encode("ascii"),
            b"DATA\r\n",
        )
        deadline = asyncio.get_running_loop().time() + timeout
        if self._room.locked():
            try:
                async with asyncio.timeout_at(deadline):
                    await self._room.acquire()
            except TimeoutError:
                raise Unavailable("busy", "all connections are in use", retry_after=1.0) from None
        else:
            await self._room.acquire()
        try:
            line = await self._line(deadline)
            fresh = not line.used
            try:
                return await self._hand_over(line, commands, message, deadline)
            except (
                _Gone
            ):  # before 354, so surely not sent; an old connection may just have been hung up on
                if fresh:
                    raise Unavailable(
                        "no_connection", "the server hung up before the mail", retry_after=1.0
                    ) from None
            try:
                return await self._hand_over(
                    await self._connect(deadline), commands, message, deadline
                )
            except _Gone:
                raise Unavailable(
                    "no_connection", "the server hung up before the mail, twice", retry_after=1.0
                ) from None
        finally:
            self._room.release()

    async def look_up(self, to: str, since: datetime) -> list[ProviderRecord] | None:
        """Return None: a mail server keeps no list that we could ask."""
        return None

    async def close(self) -> None:
        """Say QUIT on what is idle and let go of it."""
        self._closed = True
        while self._idle:
            line = self._idle.pop()
            if not line.gone:
                line.transport.write(b"QUIT\r\n")
                line.transport.close()
        await asyncio.sleep(0)  # lets the transports close their sockets

    # ---- the message

    def _message(self, delivery: Delivery, to: str, now: datetime) -> bytes:
        template = self._templates.get(delivery.rendered)
        if template is None:
            known = self._settings
            template = self._templates[delivery.rendered] = build_template(
                delivery.rendered,
                *(
                    (known.discreet_from or known.mail_from, known.discreet_name or DISCREET_NAME)
                    if delivery.rendered.discreet
                    else (known.mail_from, known.display_name)
                ),
            )
            if len(self._templates) > TEMPLATES_KEPT:
                self._templates.popitem(last=False)
        second = int(now.timestamp())
        if self._date[0] != second:
            self._date = (
                second,
                b"Date: " + format_datetime(now.replace(microsecond=0)).encode("ascii") + b"\r\n",
            )
        own = own_headers(delivery, to, self._domain)
        links = (
            delivery.unsubscribe_url or delivery.rendered.unsubscribe,
            delivery.answer_url or delivery.rendered.answer,
        )
        head, body = self._date[1] + own.encode("ascii"), template.body_for(*links)
        signer = self._settings.signer
        signatures = template.signed(signer, head, *links) if signer else b""
        return b"".join((signatures, head, template.head, b"\r\n", body, b".\r\n"))

    # ---- the conversation

    async def _hand_over(
        self, line: _Line, commands: tuple[bytes, bytes, bytes], message: bytes, deadline: float
    ) -> Accepted:
        """Have one mail taken on a line. Raises the contract's errors, or _Gone while it is sure
        that nothing was taken.
        """
        alarm = asyncio.get_running_loop().call_at(deadline, line.expire)
        keep = False
        try:
            await self._open_envelope(line, commands)
            # 354 was read. From here on the mail may have been taken, whatever happens.
            try:
                await line.exchange(message, 1)
            except _Gone as exc:
                raise InDoubt("no_answer", str(exc)) from None
            answer = line.replies[0]
            if 200 <= answer.code < 300:
                keep = True
                queued = _QUEUED_AS.search(answer.text)
                return Accepted(provider_id=queued.group(1).decode("ascii") if queued else "")
            if not 400 <= answer.code < 600:
                raise InDoubt(str(answer.code), "no answer that SMTP knows")
            if answer.code == 421:
                line.close()
            raise _error(answer)
        except (Refused, Unavailable):
            keep = not line.gone
            raise
        finally:
            alarm.cancel()
            line.used += 1
            if keep and not line.gone and not self._closed:
                line.idle_since = asyncio.get_running_loop().time()
                self._idle.append(line)
            else:
                line.close()

    async def _open_envelope(self, line: _Line, commands: tuple[bytes, bytes, bytes]) -> None:
        """Return once 354 was read. Raises Refused or Unavailable by the first command refused, or
        _Gone.
        """
        reset = line.must_reset
        line.must_reset = (
            True  # until all of it went well, the next mail on this line starts with RSET
        )
        if line.pipelining:
            await line.exchange(
                (b"RSET\r\n" if reset else b"") + b"".join(commands), 4 if reset else 3
            )
            answers = line.replies[-3:]
        else:
            answers = []
            for command in (b"RSET\r\n", *commands) if reset else commands:
                await line.exchange(command, 1)
                answers.append(line.replies[0])
                if not 200 <= answers[-1].code < 400:
                    break
            answers = answers[1:] if reset and len(answers) > 1 else answers
        if any(
            answer.code == 421 for answer in answers
        ):  # it is closing down: RFC 5321 section 3.8
            line.close()
            if line.used:
                raise _Gone("421")  # perhaps only this connection had enough
            raise Unavailable("421", "the server is closing down", retry_after=LATER_SECONDS / 2)
        bad = next((answer for answer in answers[:2] if not 200 <= answer.code < 300), None)
        last = answers[-1]
        if bad is None and last.code == 354 and len(answers) == 3:
            line.must_reset = False
            return
        if bad is not None and len(answers) == 3 and last.code == 354:
            await self._take_back(line, sender_refused=bad is answers[0])
        elif last.code < 400:
            line.close()  # neither yes nor no: we no longer agree on where we are
        if bad is answers[0] and bad.code in (530, 535, 538):
            raise Unavailable(
                str(bad.code),
                "config: the server wants other credentials: check FASTTIME_SMTP_URL",
                retry_after=PAUSE_ON_CONFIG,
            )
        raise _error(bad or last)

    async def _take_back(self, line: _Line, *, sender_refused: bool) -> None:
        """End a DATA that was accepted although the only recipient was refused: a lone dot, never
        the body (RFC 2920 section 3.1).
        """
        if sender_refused:
            # no server should do that: whom it would send the empty mail to is anybody's guess
            line.close()
            return
        try:
            await line.exchange(b".\r\n", 1)
        except _Gone:
            return
        if line.replies[0].code < 400:
            line.close()

    # ---- the connections

    async def _line(self, deadline: float) -> _Line:
        """Return an idle connection that still looks alive, else a new one."""
        oldest = asyncio.get_running_loop().time() - IDLE_SECONDS
        while self._idle:
            line = self._idle.pop()
            if not line.gone and line.idle_since >= oldest and not line.transport.is_closing():
                return line
            line.close()
        return await self._connect(deadline)

    async def _connect(self, deadline: float) -> _Line:
        """Open, greet, encrypt and log in. Raises Unavailable: nothing was sent."""
        settings = self._settings
        seconds = min(CONNECT_SECONDS, deadline - asyncio.get_running_loop().time())
        if seconds <= 0:
            raise Unavailable("no_connection", "no time left", retry_after=1.0)
        if settings.tls and self._tls is None:
            self._tls = await asyncio.to_thread(ssl.create_default_context)
        client = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.username or None,
            password=settings.password or None,
            use_tls=settings.tls == "tls",
            start_tls=settings.tls == "starttls",
            tls_context=self._tls,
            local_hostname=self._domain,  # the machine's own name would cost a DNS look-up
            timeout=seconds,
        )
        try:
            async with asyncio.timeout(seconds):
                await client.connect()
                if client.last_ehlo_response is None:
                    try:
                        await client.ehlo()
                    except aiosmtplib.SMTPHeloError:
                        await client.helo()
        except aiosmtplib.SMTPAuthenticationError as exc:
            raise Unavailable(
                str(exc.code),
                "config: the server refused user and password: check FASTTIME_SMTP_URL",
                retry_after=PAUSE_ON_CONFIG,
            ) from None
        except aiosmtplib.SMTPResponseException as exc:
            client.close()
            raise Unavailable(
                str(exc.code), "the server does not want to talk", retry_after=LATER_SECONDS / 2
            ) from None
        except (
            aiosmtplib.SMTPException,
            OSError,
            TimeoutError,
            ValueError,
        ) as exc:  # ssl errors are OSErrors; some unusable names are ValueErrors
            client.close()
            raise Unavailable("no_connection", type(exc).__name__, retry_after=1.0) from exc
        except BaseException:
            client.close()
            raise
        return _Line(
            cast("asyncio.Transport", client.transport),
            pipelining=client.supports_extension("pipelining"),
        )


def _error(answer: Reply) -> ChannelError:
    """Translate a refusal: 5yz is final, everything else may be tried again; before the body both
    are sure. Where it says that there is no such mailbox, the enhanced code is part of the code.
    """
    if 500 <= answer.code < 600:
        whole = f"{answer.code} {answer.detail}"
        return Refused(whole if whole in GONE else str(answer.code), answer.detail)
    return Unavailable(str(answer.code), answer.detail, retry_after=LATER_SECONDS, only_this=True)
