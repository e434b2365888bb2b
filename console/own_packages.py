"""Whether what is installed under our names is ours: the packages of the wheel have everyday names,
and whoever installs another one of the same name into the same environment overwrites them.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.metadata import packages_distributions as distributions_of
from pathlib import Path

from broadcast.problems import Problem

OURS = ("broadcast", "subscribers", "channels", "config", "service", "console", "migrations")
"""What the wheel brings; a test holds that these are all."""
FIX = (
    "install fasttime into an environment of its own: python3 -m venv fasttime, then"
    " fasttime/bin/pip install …"
)
_NAMED = 3


def problems() -> list[Problem]:
    """Return what is wrong with this installation, nothing where it is whole."""
    try:
        ours = distribution("fasttime")
    except PackageNotFoundError:
        return []  # run from its sources, which nobody overwrites
    return [*shared(distributions_of()), *changed(ours)]


def shared(by_name: Mapping[str, Sequence[str]]) -> list[Problem]:
    """Return a problem for each other distribution that brings a package of our name.

    `by_name`: distributions by top-level name, as importlib.metadata tells them.
    """
    others: dict[str, list[str]] = {}
    for name in OURS:
        for other in sorted(set(by_name.get(name, ())) - {"fasttime"}):
            others.setdefault(other, []).append(name)
    return [
        Problem(
            code="package_shared",
            detail=f"the distribution {other} brings {', '.join(names)} too: which of the two is"
            " loaded is chance",
            fix=FIX,
        )
        for other, names in others.items()
    ]


def changed(ours: Distribution) -> list[Problem]:
    """Return a problem where files of ours are not as they were installed. An installation that
    points to its sources has no such files.
    """
    wrong = [
        str(file)
        for file in ours.files or ()
        if file.parts[0] in OURS
        and file.hash is not None
        and not _is_whole(Path(str(file.locate())), file.hash.mode, file.hash.value)
    ]
    if not wrong:
        return []
    more = f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
    return [
        Problem(
            code="package_overwritten",
            detail=f"not as installed: {', '.join(wrong[:_NAMED])}{more}",
            fix=FIX,
        )
    ]


def _is_whole(path: Path, algorithm: str, wanted: str) -> bool:
    try:
        found = hashlib.new(algorithm, path.read_bytes()).digest()
    except OSError:
        return False
    return base64.urlsafe_b64encode(found).rstrip(b"=").decode() == wanted
