"""The verdict on a CAP document: accepted, accepted with warnings, or rejected, and by which
rules.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Literal

from broadcast.cap.model import CapAlert
from broadcast.cap.validation.check_alert import check_alert
from broadcast.cap.validation.check_info import check_infos
from broadcast.cap.validation.check_structure import check_structure
from broadcast.cap.validation.reading import Element, read_root
from broadcast.cap.validation.rules import RULES, RuleHit, hit
from broadcast.cap.validation.tree import read_alert
from broadcast.problems import Problem

_MOST_HITS = 100
_SHAPE_RULES = frozenset({"element_unexpected", "element_missing", "text_unexpected"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What we say of one document. `rules` names at most 100 hits, the rejecting ones first."""

    verdict: Literal["accept", "warn", "reject"]
    rules: tuple[RuleHit, ...] = ()

    def to_json(self, file: str) -> dict[str, Any]:
        """Return one entry of the JSON of `fasttime cap validate`."""
        return {
            "file": file,
            "verdict": self.verdict,
            "rules": [asdict(rule) for rule in self.rules],
        }

    def rejecting(self) -> tuple[RuleHit, ...]:
        """Return the rejecting hits."""
        return tuple(rule for rule in self.rules if rule.severity == "reject")

    def problems(self) -> tuple[Problem, ...]:
        """Return the rejecting hits as Problems; empty unless the verdict is reject."""
        return tuple(
            Problem(
                code=RULES[rule.rule].code,
                status=RULES[rule.rule].status,
                where=rule.where,
                detail=f"{rule.rule}: found {rule.found}",
                fix=f"expected {rule.expected}",
            )
            for rule in self.rejecting()
        )


def validate(data: bytes) -> Verdict:
    """Return the verdict on one document. Needs nothing but the bytes, and raises nothing whatever
    they are.
    """
    return judge(data)[0]


def judge(data: bytes, *, shapes: bool = True) -> tuple[Verdict, CapAlert | None]:
    """Return the verdict and, unless it is reject, the document. Without `shapes` polygons and
    circles are not looked at.
    """
    root, refused = read_root(data)
    if root is None:
        return _verdict(refused), None
    hits = list(islice(check_structure(root), 10 * _MOST_HITS))
    if any(found.rule in _SHAPE_RULES for found in hits):
        # what stands in the wrong place cannot be judged by what it means
        return (
            _verdict(hits),
            None,
        )
    alert = read_alert(root)
    verdict = _verdict(
        [*hits, *_encoding(root), *check_alert(alert), *check_infos(alert, shapes=shapes)]
    )
    return verdict, None if verdict.verdict == "reject" else alert


def _encoding(root: Element) -> Iterable[RuleHit]:
    encoding = str(root.getroottree().docinfo.encoding or "UTF-8")
    if encoding.upper() not in ("UTF-8", "US-ASCII", "ASCII"):
        yield hit("encoding_not_utf8", "", encoding)


def _verdict(hits: Iterable[RuleHit]) -> Verdict:
    ordered = sorted(hits, key=lambda found: found.severity != "reject")
    if not ordered:
        return Verdict(verdict="accept")
    shown = ordered[:_MOST_HITS]
    if len(ordered) > _MOST_HITS:
        shown.append(hit("more_hits", "", f"{len(ordered) - _MOST_HITS} more"))
    return Verdict(verdict=ordered[0].severity, rules=tuple(shown))
