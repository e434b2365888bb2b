"""The public key that answers are sealed to: given by a setting, or made by `up` beside the data of
the embedded default. What opens them is in `config.answer_private_keys`, which no web process
imports.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from broadcast.answers.sealing import SealingKey, key_from
from broadcast.problems import refuse

PUBLIC_FILE = "answers.pub"
_KEY = re.compile(r"[0-9a-f]{64}", re.ASCII)


def default_private_file(environ: Mapping[str, str] | None = None) -> Path:
    """Return where the private keys lie unless FASTTIME_ANSWERS_PRIVATE_KEY says
    otherwise: with what this
    user has set up (XDG Base Directory Specification 0.8).
    """
    config = (os.environ if environ is None else environ).get("XDG_CONFIG_HOME", "")
    return (Path(config) if config else Path.home() / ".config") / "fasttime" / "answers.key"


def fault(value: str) -> str:
    """Return what is wrong with a public key, "" for nothing."""
    return "" if _KEY.fullmatch(value.strip().lower()) else "is not 64 hexadecimal digits"


@dataclass(frozen=True, slots=True)
class AnswersKey:
    """Where the public key comes from: the setting, else the file in the data folder."""

    given: str
    file: Path

    def sealing(self, secret: bytes) -> SealingKey:
        """Return the key that answers are sealed to.

        While there is none, it is a stand-in made from the secret key: answers are never in clear
        and never lost, but every process that signs could open them. Raises Rejected
        answers_key_invalid where the file holds none.
        """
        public = self.public()
        if public is None:
            return SealingKey(key_from(secret).public, interim=True)
        return SealingKey(public)

    def public(self) -> bytes | None:
        """Return the public key, None where none was made. Raises Rejected answers_key_invalid."""
        if self.given:
            return bytes.fromhex(self.given)
        try:
            held = self.file.read_text(encoding="ascii", errors="replace").strip()
        except FileNotFoundError:
            return None
        if wrong := fault(held):
            raise refuse(
                "answers_key_invalid",
                f"the key in {self.file} {wrong}",
                "restore it, or remove it: `fasttime up` writes it anew from the private key",
                field="FASTTIME_ANSWERS_KEY",
            )
        return bytes.fromhex(held)
