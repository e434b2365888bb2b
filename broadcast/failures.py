"""What a log may say of an exception: its type and where it was raised. Its words may hold what a
person wrote, their number or their address, and so may the values that a traceback shows.
"""

from __future__ import annotations

from typing import Final, TypedDict

FRAMES: Final = 12
"""So many of the innermost places are told."""


class Told(TypedDict, total=False):
    """`error`: the type, and behind it those of what caused it, ";" between; of a group, the types
    of its members in brackets. `at`: file:line function, the outermost first.
    """

    error: str
    at: list[str]


def told(error: BaseException) -> Told:
    """Return what a log line says of it: no word of its message, no value of its arguments."""
    chain: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in chain:
        chain.append(one)
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return {"error": "; ".join(map(_named, chain)), "at": _places(error)[-FRAMES:]}


def _named(error: BaseException) -> str:
    name = type(error).__name__
    if isinstance(error, BaseExceptionGroup):
        return f"{name}[{', '.join(map(_named, error.exceptions))}]"
    return name


def _places(error: BaseException) -> list[str]:
    found, at = [], error.__traceback__
    while at is not None:
        code = at.tb_frame.f_code
        file = "/".join(code.co_filename.rsplit("/", 2)[-2:])
        found.append(f"{file}:{at.tb_lineno} {code.co_name}")
        at = at.tb_next
    return found
