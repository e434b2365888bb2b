"""An SMTP server that takes everything: Postfix's smtp-sink, fast enough to measure against."""

from __future__ import annotations

import re
import shutil
import socket
from email import message_from_bytes, policy
from email.message import EmailMessage

from tests.services.process import LOOPBACK, NotReady, Program, free_port

_COUNTS = re.compile(rb"sess=(\d+) quit=(\d+) mesg=(\d+)")


class SmtpSink(Program):
    """smtp-sink on a free port. It refuses nothing; `keep=True` writes the mails down for
    `mails()`.

    `options` are further words of smtp-sink(1), such as ["-w", "2"] (wait 2 s before each answer)
    or ["-r", "data"].
    """

    def __init__(
        self,
        *,
        port: int | None = None,
        keep: bool = True,
        options: tuple[str, ...] = (),
        sessions: int = 256,
    ) -> None:
        binary = shutil.which(
            "smtp-sink", path="/usr/sbin:/usr/bin:/sbin:/usr/local/sbin:/usr/local/bin"
        )
        if binary is None:
            raise NotReady("smtp-sink (Postfix) is missing: run `make services`")
        self.port = port or free_port()
        self.keep = keep
        super().__init__("smtp-sink", [], ready_within=20, user=65534)
        self.folder.chmod(0o777)
        mails = self.folder / "mails"
        mails.mkdir()
        mails.chmod(0o777)
        self.cwd = mails
        dump = ["-d", "%M."] if keep else []
        self.command = [
            binary,
            "-c",
            "-h",
            "sink.example.org",
            "-m",
            str(sessions),
            *dump,
            *options,
            f"inet:{LOOPBACK}:{self.port}",
            "1024",
        ]

    @property
    def host(self) -> str:
        """Always 127.0.0.1."""
        return LOOPBACK

    @property
    def url(self) -> str:
        """For example smtp://127.0.0.1:15002, as FASTTIME_SMTP_URL takes it."""
        return f"smtp://{LOOPBACK}:{self.port}"

    def is_ready(self) -> bool:
        """Return whether it greets."""
        with socket.create_connection((LOOPBACK, self.port), timeout=5) as wire:
            ok = wire.recv(200).startswith(b"220")
            wire.sendall(b"QUIT\r\n")
            return ok

    def mails(self) -> list[EmailMessage]:
        """Return what was taken, oldest first; X-Mail-Args and X-Rcpt-Args hold the envelope
        (smtp-sink(1), -d).
        """
        files = sorted(
            (self.folder / "mails").iterdir(), key=lambda file: (file.stat().st_mtime_ns, file.name)
        )
        return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]

    def forget(self) -> None:
        """Throw away the mails written down so far."""
        for file in (self.folder / "mails").iterdir():
            file.unlink(missing_ok=True)

    def taken(self) -> int:
        """Return how many mails it has counted since it was started last."""
        counted = _COUNTS.findall(self.log_path.read_bytes())
        return int(counted[-1][2]) if counted else 0
