"""The simulated mail server: takes mails as fast as they come, and loses, refuses and delays them
on demand.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from email import message_from_bytes
from email.policy import default
from typing import cast

from channels.simulator.fate import ERROR_AFTER, ERROR_BEFORE, LOST_REPLY, SLOW, THROTTLED, Fate
from channels.simulator.ledger import Entry, Ledger

MAX_SIZE = 10 * 1024 * 1024
MAX_LINE = 4096
KEPT = 200  # whole mails remembered for whoever wants to look at one

# What becomes of a local part, before any "+": at RCPT, and at the final dot
AT_RCPT = {
    "refuse": b"550 5.1.1 no such inbox\r\n",
    "later": b"451 4.7.1 greylisted\r\n",
    "closing": b"421 4.3.2 closing down\r\n",
}
AT_DOT = {"full": b"552 5.2.2 the inbox is full\r\n", "later-after-dot": b"451 4.3.0 try later\r\n"}
# the connection ends at the dot: taken or not
DROPS = {
    "drop-after-dot": True,
    "drop-before-dot": False,
}
DROP_AT_DATA = "drop-at-data"  # the connection ends in place of 354
SLOW_INBOX = "slow"  # taken, and answered after slow_seconds

_VERP = re.compile(r"bounce\+([^@]+)@")
_MESSAGE_ID = re.compile(rb"(?im)^message-id:\s*<([^@>]+)@")
_OWN_LINK = re.compile(rb"(?im)^list-unsubscribe:\s*<[^>\s]*/([a-z0-9]{16,60})>")
_ANY_LINK = b"the0end0of0a0link0of0ones0own"
_PATH = re.compile(rb"(?i)(?:from|to):\s*<([^<>\s]*)>")


class Inboxes:
    """What all connections share: the fate, the ledger, the last mails, and the texts already
    decoded.
    """

    def __init__(self, fate: Fate, ledger: Ledger) -> None:
        self.fate = fate
        self.ledger = ledger
        self.recent: deque[bytes] = deque(maxlen=KEPT)
        self.lines: set[Line] = set()
        self._texts: OrderedDict[tuple[bytes, bytes], str] = OrderedDict()

    def note(self, sender: str, to: str, data: bytes, outcome: str, *, taken: bool) -> None:
        """Write one mail into the ledger; `data` is empty where none came."""
        verp = _VERP.match(sender)
        found = None if verp else _MESSAGE_ID.search(data, 0, max(data.find(b"\r\n\r\n"), 0))
        attempt = (
            verp.group(1) if verp else found.group(1).decode("ascii", "replace") if found else ""
        )
        self.recent.append(data)
        self.ledger.add(
            "mails",
            Entry(
                to=to,
                attempt=attempt,
                body=self._text(data) if data else "",
                at=time.time(),
                outcome=outcome,
                taken=taken,
            ),
        )

    def _text(self, data: bytes) -> str:
        """Return the plain text of a mail. Thousands share a body but for the end of their own
        link: it is decoded once.
        """
        end = data.find(b"\r\n\r\n")
        head, body = (data[:end], data[end + 4 :]) if end >= 0 else (data, b"")
        link = _OWN_LINK.search(head)
        own = link.group(1) if link else b""
        shared = body.replace(own, _ANY_LINK) if own else body
        return self._decoded(head, shared).replace(_ANY_LINK.decode(), own.decode("ascii"))

    def _decoded(self, head: bytes, body: bytes) -> str:
        kind = b"\r\n".join(
            line for line in re.split(rb"\r\n(?![ \t])", head) if line[:8].lower() == b"content-"
        )
        text = self._texts.get((kind, body))
        if text is None:
            mail = message_from_bytes(
                (kind + b"\r\n\r\n" if kind else b"\r\n") + body, policy=default
            )
            part = mail.get_body(("plain", "html"))
            try:
                text = str(part.get_content()) if part is not None else ""
            except (KeyError, LookupError, ValueError):  # a charset nobody knows
                text = ""
            # as it was written, before SMTP ended its last line
            text = text.replace("\r\n", "\n").removesuffix("\n")
            self._texts[kind, body] = text
            if len(self._texts) > 1024:
                self._texts.popitem(last=False)
        return text


class Line(asyncio.Protocol):
    """One connection (RFC 5321), with pipelining (RFC 2920). Answers are collected and written once
    for each packet.
    """

    def __init__(self, inboxes: Inboxes) -> None:
        self._inboxes = inboxes
        self._fate = inboxes.fate
        self._buffer = b""
        self._out: list[bytes] = []
        self._sender: str | None = None
        self._to: list[str] = []
        self._in_data = False
        self._waiting = False  # an answer is held back; commands after it wait too
        self._login = ""
        self._transport: asyncio.Transport | None = None
        self._handlers = {
            b"EHLO": self._ehlo,
            b"HELO": self._ehlo,
            b"AUTH": self._auth,
            b"MAIL": self._mail,
            b"RCPT": self._rcpt,
            b"DATA": self._data,
            b"RSET": self._rset,
            b"NOOP": self._noop,
            b"QUIT": self._quit,
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self._transport = cast("asyncio.Transport", transport)
        self._inboxes.lines.add(self)
        self._transport.write(b"220 simulator ESMTP\r\n")

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._inboxes.lines.discard(self)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Read on."""
        self._buffer += data
        if not self._waiting:
            self._go_on()

    def drop(self) -> None:
        """End the connection without another word."""
        if self._transport is not None:
            self._transport.abort()
        self._transport = None

    def _go_on(self) -> None:
        while self._transport is not None and not self._waiting:
            if self._in_data:
                if not self._read_mail():
                    break
                continue
            end = self._buffer.find(b"\n")
            if end < 0:
                if len(self._buffer) > MAX_LINE:
                    self._say(b"500 5.5.2 line too long\r\n")
                    self._buffer = b""
                break
            line, self._buffer = self._buffer[:end].rstrip(b"\r"), self._buffer[end + 1 :]
            self._command(line)
        self._flush()

    def _say(self, answer: bytes) -> None:
        self._out.append(answer)

    def _flush(self) -> None:
        if self._out and self._transport is not None:
            self._transport.write(b"".join(self._out))
        self._out.clear()

    # ---- commands

    def _command(self, line: bytes) -> None:
        if self._login:
            self._login = self._login[1:]
            self._say(b"334 \r\n" if self._login else b"235 2.7.0 welcome\r\n")
            return
        verb = line[:4].upper()
        handler = self._handlers.get(verb)
        if handler is None:
            self._say(b"500 5.5.1 what?\r\n")
        else:
            handler(line)

    def _ehlo(self, line: bytes) -> None:
        self._reset()
        if line[:4].upper() == b"HELO":
            self._say(b"250 simulator\r\n")
            return
        self._say(
            b"250-simulator\r\n250-PIPELINING\r\n250-SIZE %d\r\n250-8BITMIME\r\n250-AUTH PLAIN"
            b" LOGIN\r\n250 ENHANCEDSTATUSCODES\r\n" % MAX_SIZE
        )

    def _auth(self, line: bytes) -> None:
        words = line.split()
        if len(words) > 2:
            self._say(b"235 2.7.0 welcome\r\n")
        else:  # LOGIN asks twice, PLAIN once
            self._login = "xx" if len(words) == 2 and words[1].upper() == b"LOGIN" else "x"
            self._say(b"334 \r\n")

    def _mail(self, line: bytes) -> None:
        found = _PATH.search(line)
        if found is None:
            self._say(b"501 5.5.4 MAIL FROM:<address>\r\n")
        elif self._sender is not None:
            self._say(b"503 5.5.1 one mail at a time\r\n")
        else:
            self._sender = found.group(1).decode("ascii", "replace")
            self._say(b"250 2.1.0 ok\r\n")

    def _rcpt(self, line: bytes) -> None:
        found = _PATH.search(line)
        if self._sender is None:
            self._say(b"503 5.5.1 MAIL first\r\n")
            return
        if found is None or b"@" not in found.group(1):
            self._say(b"501 5.1.3 RCPT TO:<address>\r\n")
            return
        to = found.group(1).decode("ascii", "replace")
        refusal = AT_RCPT.get(_inbox(to))
        if refusal is not None:
            self._inboxes.note(
                self._sender, to, b"", f"refused {refusal[:3].decode()}", taken=False
            )
            self._say(refusal)
            if refusal.startswith(b"421"):
                self._hang_up()
            return
        self._to.append(to)
        self._say(b"250 2.1.5 ok\r\n")

    def _data(self, line: bytes) -> None:
        if not self._to:
            self._say(
                b"503 5.5.1 RCPT first\r\n"
                if self._sender is None
                else b"554 5.5.1 no valid recipients\r\n"
            )
            return
        if any(_inbox(to) == DROP_AT_DATA for to in self._to):
            self._inboxes.note(self._sender or "", self._to[0], b"", "dropped", taken=False)
            self.drop()
            return
        self._in_data = True
        self._say(b"354 end with a dot\r\n")

    def _rset(self, line: bytes) -> None:
        self._reset()
        self._say(b"250 2.0.0 ok\r\n")

    def _noop(self, line: bytes) -> None:
        self._say(b"250 2.0.0 ok\r\n")

    def _quit(self, line: bytes) -> None:
        self._say(b"221 2.0.0 bye\r\n")
        self._hang_up()

    def _hang_up(self) -> None:
        self._flush()
        if self._transport is not None:
            self._transport.close()
        self._transport = None

    def _reset(self) -> None:
        self._sender = None
        self._to = []
        self._in_data = False

    # ---- the mail itself

    def _read_mail(self) -> bool:
        """Take one whole mail from the buffer; False while it is not complete."""
        if self._buffer.startswith(b".\r\n"):
            data, self._buffer = b"", self._buffer[3:]
        else:
            end = self._buffer.find(b"\r\n.\r\n")
            if end < 0:
                if len(self._buffer) > MAX_SIZE:
                    self._say(b"552 5.3.4 too big\r\n")
                    self._hang_up()
                return False
            data, self._buffer = self._buffer[: end + 2], self._buffer[end + 5 :]
        self._in_data = False
        if data.startswith(b".") or b"\r\n." in data:
            data = re.sub(rb"(?m)^\.", b"", data)
        if delay := self._fate.delay():
            self._hold(delay, lambda: self._take(data))
        else:
            self._take(data)
        return True

    def _take(self, data: bytes) -> None:
        sender, people = self._sender or "", self._to
        self._reset()
        inbox = _inbox(people[0])
        fate = self._fate.draw()
        answer = b"250 2.0.0 ok\r\n"
        outcome, taken, drop = fate, True, False
        if inbox in AT_DOT:
            answer, taken = AT_DOT[inbox], False
            outcome = f"refused {answer[:3].decode()}"
        elif inbox in DROPS:
            taken, drop = DROPS[inbox], True
            outcome = LOST_REPLY if taken else "dropped"
        elif fate in (THROTTLED, ERROR_BEFORE):
            answer, taken = (
                b"421 4.3.2 too busy\r\n" if fate == THROTTLED else b"451 4.3.0 not now\r\n",
                False,
            )
        elif fate in (LOST_REPLY, ERROR_AFTER):
            outcome, drop = LOST_REPLY, True
        elif inbox == SLOW_INBOX:
            outcome = fate = SLOW
        for to in people:
            self._inboxes.note(sender, to, data, outcome, taken=taken)
        if drop:
            self.drop()
        elif fate == SLOW and outcome == SLOW:
            self._hold(self._fate.settings.slow_seconds, lambda: self._say(answer))
        else:
            self._say(answer)
            if answer.startswith(b"421"):
                self._hang_up()

    def _hold(self, seconds: float, then: Callable[[], None]) -> None:
        """Go on after a while; until then no other command is looked at."""
        self._waiting = True

        def go_on() -> None:
            self._waiting = False
            then()  # a mail that was written is taken even if its sender has died since
            self._go_on()

        asyncio.get_running_loop().call_later(seconds, go_on)


def _inbox(address: str) -> str:
    return address.partition("@")[0].partition("+")[0].lower()
