"""The private keys that open answers: a file of its own, apart from every data folder, which no web
process reads. `up` makes the first one before its processes start; commands of people read it.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import structlog

from broadcast.answers.sealing import OpeningKey, key_from, new_key
from broadcast.problems import Rejected, refuse
from config.answer_keys import AnswersKey, fault
from config.private_folder import make_private

log = structlog.get_logger("answer_keys")


def read(file: Path) -> list[OpeningKey]:
    """Return the keys of a file, the newest last; none where there is no file. Raises Rejected."""
    try:
        mode = file.stat().st_mode & 0o777
        lines = file.read_text(encoding="ascii", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _unusable(
            file, f"cannot be read: {type(error).__name__}", "check who owns it"
        ) from None
    if mode & 0o077:
        raise _unusable(file, f"has mode {mode:04o}: others can read it", f"chmod 600 {file}")
    held = [line.partition("#")[0].strip() for line in lines]
    keys = [line for line in held if line]
    if any(fault(key) for key in keys):
        raise _unusable(file, "holds a line that is no key", "restore it from its backup")
    return [OpeningKey(bytes.fromhex(key)) for key in keys]


def add(file: Path) -> OpeningKey:
    """Make a key and put it last in the file, which keeps the older ones: they open what was sealed
    before. Raises Rejected.
    """
    made = new_key()
    lines = [key.private.hex() for key in [*read(file), made]]
    try:
        make_private(file.parent)
        fresh = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as opened:
            opened.write("\n".join(lines) + "\n")
            opened.flush()
            os.fsync(opened.fileno())
        fresh.replace(file)  # whole, or as it was
    except OSError as error:
        fix = "set FASTTIME_ANSWERS_PRIVATE_KEY to a place outside the data folder"
        raise _unusable(file, f"cannot be written: {type(error).__name__}", fix) from None
    return made


def prepare(key: AnswersKey, file: Path) -> None:
    """Make the pair of the embedded default where there is none: the private half in its own place,
    the public one in the data folder. Where its place cannot be written to, warn: answers are
    sealed to the stand-in meanwhile.
    """
    if key.public() is not None:
        return
    try:
        held = read(file)
        newest = held[-1] if held else add(file)
    except Rejected as rejected:
        problem = rejected.problems[0]
        log.warning("answers_key.missing", reason=problem.detail, hint=problem.fix)
        return
    fresh = key.file.with_name(f".{key.file.name}.{secrets.token_hex(4)}")
    fresh.write_text(newest.public.hex() + "\n")
    fresh.chmod(0o600)
    fresh.replace(key.file)
    if not held:
        log.info("answers_key.made", path=str(file), hint="back it up, apart from the data")


def opening(file: Path, secret: bytes) -> list[OpeningKey]:
    """Return every key that may open an answer: those of the file, and the stand-in's."""
    return [*read(file), key_from(secret)]


def _unusable(file: Path, what: str, fix: str) -> Rejected:
    return refuse(
        "answers_key_unusable", f"{file} {what}", fix, field="FASTTIME_ANSWERS_PRIVATE_KEY"
    )
