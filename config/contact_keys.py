"""Where the keys of names and contact points lie: in a setting, or in a file that is not in the
data folder.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from broadcast.problems import Rejected, refuse
from config.private_folder import make_private

log = structlog.get_logger("contact_keys")

_KEY = re.compile(r"[0-9a-f]{64}", re.ASCII)
_FIX = "write 64 hexadecimal digits a key, for example from: openssl rand -hex 32"


def default_file(environ: Mapping[str, str] | None = None) -> Path:
    """Return where the file lies unless FASTTIME_CONTACT_KEYS_FILE says otherwise: with what this
    user has set up (XDG Base Directory Specification 0.8), apart from every data folder.
    """
    config = (os.environ if environ is None else environ).get("XDG_CONFIG_HOME", "")
    return (Path(config) if config else Path.home() / ".config") / "fasttime" / "contact.keys"


@dataclass(frozen=True, slots=True)
class ContactKeys:
    """The keys `given`, or the file that holds them: one key a line, the newest last; `#` begins a
    comment.

    `follows` is the secret key of a cluster; its oldest contact key is derived from it. So a
    cluster without contact keys can seal, and can still open that once it is given a key.
    """

    given: str = field(repr=False)
    file: Path
    follows: str = field(default="", repr=False)
    file_set: bool = False

    def read(self) -> Sequence[bytes]:
        """Return the keys; none where there is no file. Raises Rejected contact_keys_invalid."""
        first = []
        if self.follows:
            first = [hmac.digest(self.follows.encode(), b"fasttime contact keys", "sha256")]
        if self.given:
            return [*first, *keys_in(self.given, "FASTTIME_CONTACT_KEYS")]
        if self.follows and not self.file_set:
            return first
        return [*first, *self._in_file()]

    def _in_file(self) -> Sequence[bytes]:
        try:
            lines = self.file.read_text(encoding="ascii", errors="replace").splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise refuse(
                "contact_keys_unreadable",
                f"{self.file} cannot be read: {type(error).__name__}",
                "let this user, and nobody else, read it",
                field="FASTTIME_CONTACT_KEYS_FILE",
            ) from None
        if self.file.stat().st_mode & 0o077:
            raise refuse(
                "contact_keys_shared",
                f"others can read {self.file}",
                f"as its owner: chmod 600 {self.file}",
                field="FASTTIME_CONTACT_KEYS_FILE",
            )
        said = " ".join(line.partition("#")[0] for line in lines)
        return keys_in(said, str(self.file))

    def make(self) -> bytes:
        """Make the first key of a file that is not there, readable by its owner only. Raises
        Rejected.
        """
        if self.given:
            raise refuse(
                "contact_keys_invalid",
                "FASTTIME_CONTACT_KEYS holds no key",
                _FIX,
                field="FASTTIME_CONTACT_KEYS",
            )
        made = secrets.token_bytes(32)
        try:
            make_private(self.file.parent)
            fresh = self.file.with_name(f".{self.file.name}.{secrets.token_hex(4)}")
            _write(fresh, f"{made.hex()}\n".encode())
            try:
                self.file.hardlink_to(fresh)  # of two processes that start at once, one key wins
            except FileExistsError:
                made = self.read()[-1]
            finally:
                fresh.unlink()
        except OSError as error:
            raise self._unwritable(error) from None
        log.info("contact_keys.made", path=str(self.file), hint="back it up, apart from the data")
        return made

    def add(self) -> None:
        """Make a key and put it last in the file. Raises Rejected where keys are given by the
        setting: whoever set them adds one there.
        """
        if self.given or (self.follows and not self.file_set):
            raise refuse(
                "contact_key_old",
                "FASTTIME_CONTACT_KEYS holds no newer key than the one in force",
                "append one for every process, after a comma, from: openssl rand -hex 32; restart"
                " them, then rotate again",
                field="FASTTIME_CONTACT_KEYS",
            )
        held = self.file.read_bytes()
        made = held.rstrip(b"\n") + b"\n" + secrets.token_hex(32).encode() + b"\n"
        fresh = self.file.with_name(f".{self.file.name}.{secrets.token_hex(4)}")
        try:
            _write(fresh, made)
            fresh.replace(self.file)  # whole, or as it was
            folder = os.open(self.file.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> Rejected:
        return refuse(
            "contact_keys_unwritable",
            f"no keys can be written to {self.file}: {type(error).__name__}",
            "set FASTTIME_CONTACT_KEYS_FILE to a place outside the data folder that this user"
            " may write to, or give keys in FASTTIME_CONTACT_KEYS",
            field="FASTTIME_CONTACT_KEYS_FILE",
        )

    def where(self) -> str:
        """Return where the keys lie, for people."""
        if self.given:
            return "FASTTIME_CONTACT_KEYS"
        return str(self.file) if self.file_set or not self.follows else "FASTTIME_SECRET_KEY"


def _write(path: Path, what: bytes) -> None:
    """Write a new file for this user alone, and have it on the disk."""
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as out:
        out.write(what)
        out.flush()
        os.fsync(out.fileno())


def keys_in(text: str, where: str) -> list[bytes]:
    """Return the keys of a text, with commas or spaces between them; raises Rejected, and repeats
    nothing of them.
    """
    found = text.replace(",", " ").lower().split()
    if bad := [n for n, key in enumerate(found, 1) if not _KEY.fullmatch(key) or _weak(key)]:
        raise refuse(
            "contact_keys_invalid",
            f"key {bad[0]} in {where} is none: it is too short, too long, or easily guessed",
            _FIX,
            field="FASTTIME_CONTACT_KEYS",
        )
    return [bytes.fromhex(key) for key in found]


def fault(text: str) -> str:
    """Return what is wrong with FASTTIME_CONTACT_KEYS, "" for nothing."""
    try:
        found = keys_in(text, "it")
    except Rejected as rejected:
        return rejected.problems[0].detail
    return "" if found else "is empty"


def _weak(key: str) -> bool:
    return len(set(key)) < 8
