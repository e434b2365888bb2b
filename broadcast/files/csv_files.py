"""CSV files as people send them: encoding, separator, header and quotes checked, every row with its
line number; formula-safe writing.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from broadcast.problems import Problem, Rejected

MAX_FILE_BYTES = 1 << 30
# a subscriber has a few hundred; a whole row of a boundary as WKT gets its own limit
MAX_LINE_CHARS = 64 * 1024
_FORMULA_START = ("=", "+", "-", "@", "\t", "\r")
_ESCAPED = (*_FORMULA_START, "'")
_SEPARATORS = {";": "semicolon", "\t": "tab", "|": "bar"}
_PIECE = 1 << 20  # bytes read at a time
_BYTES_OF_A_CHARACTER = 4  # at most, in UTF-8
_NOT_WESTERN = (b"\x81", b"\x8d", b"\x8f", b"\x90", b"\x9d")
"""Bytes that stand for no character in Windows-1252."""
_UTF8 = "save it as CSV in UTF-8"


@dataclass(frozen=True, slots=True)
class Table:
    """A read file: the header as written (trimmed), and its rows as (line number, cells); rows of
    blanks only are left out.
    """

    filename: str
    header: tuple[str, ...]
    rows: list[tuple[int, list[str]]]


def name_of(path: Path) -> str:
    """Return how a file is called in what people read: its last name, or stdin for `-`."""
    return "stdin" if str(path) == "-" else path.name


def read_file(path: Path, *, max_bytes: int = MAX_FILE_BYTES, max_line: int | None = None) -> bytes:
    """Return a file's bytes (those of stdin for `-`); raise Rejected if it is missing, no file, or
    larger than `max_bytes`.

    Reads piece by piece and no further than the limit: a device or a pipe tells no size. With
    `max_line` (characters) a longer line is refused where it stands, and so is what begins as no
    text.
    """
    with opened(path, max_bytes=max_bytes) as file, _readable(name_of(path)):
        return bounded(file, name_of(path), max_bytes=max_bytes, max_line=max_line)


@contextlib.contextmanager
def opened(path: Path, *, max_bytes: int = MAX_FILE_BYTES) -> Iterator[BinaryIO]:
    """Give a file to read from (stdin for `-`); raise Rejected where it is missing, no file, or
    larger than `max_bytes`. A device or a pipe tells no size: whoever reads it counts.
    """
    if str(path) == "-":
        yield sys.stdin.buffer
        return
    with _readable(path.name):
        size = path.stat().st_size
        if size > max_bytes:
            raise _refused(
                path.name, "file_too_large", f"{size} bytes, more than {max_bytes}", "split it"
            )
        file = path.open("rb")
    with file:
        yield file


@contextlib.contextmanager
def _readable(name: str) -> Iterator[None]:
    """Refuse by name a file that the system does not let us read."""
    try:
        yield
    except OSError as exc:
        raise _refused(
            name,
            "file_unreadable",
            exc.strerror or type(exc).__name__,
            "check the path and who may read it",
        ) from exc


def count_lines(file: BinaryIO) -> int | None:
    """Return how many lines a file has from its beginning, and go back there; None for what is no
    plain file: a pipe is read once only, and a device may have no end.
    """
    try:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return None
    except OSError:  # bytes in memory
        return None
    lines = 1
    while piece := file.read(_PIECE):
        lines += piece.count(b"\n")
    file.seek(0)
    return lines


def bounded(stream: BinaryIO, name: str, *, max_bytes: int, max_line: int | None = None) -> bytes:
    """Return what a stream holds, at most `max_bytes`; raises Rejected (file_too_large,
    line_too_long, and for NUL bytes bad_encoding).
    """
    data = bytearray()
    line_start, lines = 0, 1
    while piece := stream.read(_PIECE):
        if max_line is not None:
            if not data:
                _check_head(piece, name)
            last = piece.rfind(b"\n")
            longest = len(data) + (piece.find(b"\n") if last >= 0 else len(piece)) - line_start
            if longest > max_line * _BYTES_OF_A_CHARACTER:
                raise _refused(
                    f"{name}:{lines}",
                    "line_too_long",
                    f"more than {max_line} characters",
                    "is a line break or a closing quote missing?",
                )
            if last >= 0:
                lines += piece.count(b"\n")
                line_start = len(data) + last + 1
        if len(data) + len(piece) > max_bytes:
            raise _refused(name, "file_too_large", f"more than {max_bytes} bytes", "split it")
        data += piece
    return bytes(data)


def decode(data: bytes, filename: str) -> str:
    """Return the text of a UTF-8 file, its byte-order mark taken off; refuse what is another
    encoding or no text, naming it.
    """
    _check_text(data, filename)
    return data.decode("utf-8-sig")


def _check_text(data: bytes, filename: str) -> None:
    _check_kind(data, filename)
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise _no_utf8(filename, line, data[exc.start], western=_is_western(data)) from exc


def _no_utf8(filename: str, line: int, byte: int, *, western: bool) -> Rejected:
    name = "Windows-1252 (or Latin-1)" if western else "not UTF-8"
    return _refused(
        f"{filename}:{line}",
        "bad_encoding",
        f"the file is {name}, byte 0x{byte:02x} is no UTF-8",
        _UTF8,
    )


def _check_kind(data: bytes, filename: str) -> None:
    if data.startswith(b"PK\x03\x04"):
        raise _refused(
            filename,
            "file_is_spreadsheet",
            "a workbook or zip archive, which may hold hidden sheets and is not read",
            "export the one sheet as CSV in UTF-8",
        )
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise _refused(
            filename,
            "file_is_spreadsheet",
            "an old Excel workbook, which may hold hidden sheets and is not read",
            "export the one sheet as CSV in UTF-8",
        )
    if data.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf")):
        raise _refused(
            filename,
            "file_is_compressed",
            "a compressed file, whose size nobody knows before it is open",
            "unpack it first",
        )
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _refused(filename, "bad_encoding", "the file is UTF-16", _UTF8)
    _check_head(data, filename)


def _check_head(data: bytes, filename: str) -> None:
    head = data[:4096]
    if b"\x00" not in head:
        return
    even, odd = head[0::2].count(0), head[1::2].count(0)
    name = (
        "UTF-16"
        if len(head) // 4 < max(even, odd) and min(even, odd) == 0
        else "no text: it holds NUL bytes"
    )
    raise _refused(filename, "bad_encoding", f"the file is {name}", _UTF8)


def read_table(
    data: bytes, filename: str, *, max_line: int = MAX_LINE_CHARS, expected: Sequence[str] = ()
) -> Table:
    """Return a whole CSV file, its header and rows. RFC 4180, comma, with or without byte-order
    mark.

    `expected` are the columns to name when the header is missing. Raises Rejected: bad_encoding,
    file_is_spreadsheet, file_is_compressed, file_empty, header_missing, header_duplicated,
    separator_guess, unclosed_quote, line_too_long, cells_missing, cells_too_many (the last two for
    every row).
    """
    problems: list[Problem] = []
    header, rows = open_table(data, filename, problems, max_line=max_line, expected=expected)
    table = Table(filename, header, list(rows))
    if problems:
        raise Rejected(problems)
    return table


def open_table(
    data: bytes | BinaryIO,
    filename: str,
    problems: list[Problem],
    *,
    max_line: int = MAX_LINE_CHARS,
    expected: Sequence[str] = (),
) -> tuple[tuple[str, ...], Iterator[tuple[int, list[str]]]]:
    """Return the header and an iterator of (line number, cells), for files too large to hold as
    rows.

    What is wrong with the file as a whole raises Rejected (see `read_table`); what is wrong with a
    row is added to `problems` while iterating. Of an open file no more than a piece is held at a
    time; where it ceases to be text, or grows larger than a file may be, is then told like a row.
    """
    if isinstance(data, bytes):
        _check_text(data, filename)
    if csv.field_size_limit() < max_line:
        # the csv module's own limit is for the whole process; ours is checked line by line
        csv.field_size_limit(max_line)
    text = (
        io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline="")
        if isinstance(data, bytes)
        else _lines_of(data, filename, max_line)
    )
    reader = csv.reader(_not_longer(text, filename, max_line), strict=True)
    rows = _rows(reader, filename, problems)
    first = next(rows, None)
    if problems:
        raise Rejected(problems)
    if first is None:
        raise _refused(
            filename,
            "file_empty",
            "there is nothing in it",
            f"begin with the header {','.join(expected)}" if expected else "begin with a header",
        )
    header = _header(first[1], filename, first[0], expected)
    return header, _of_width(rows, len(header), filename, problems)


def _rows(reader: Any, filename: str, problems: list[Problem]) -> Iterator[tuple[int, list[str]]]:
    line = 1
    try:
        for row in reader:
            here, line = line, reader.line_num + 1
            if any(row) and any(cell.strip() for cell in row):
                yield here, row
    except csv.Error:
        detail = "a quote that opens in this row is not closed, or closes in the middle of a cell"
        problems.append(
            Problem(
                code="unclosed_quote",
                detail=detail,
                fix='close it, and write a quote inside a cell twice ("")',
                where=f"{filename}:{line}",
            )
        )
    except Rejected as exc:
        problems += exc.problems


def _of_width(
    rows: Iterator[tuple[int, list[str]]], width: int, filename: str, problems: list[Problem]
) -> Iterator[tuple[int, list[str]]]:
    for line, row in rows:
        if len(row) == width:
            yield line, row
        else:
            problems.append(_wrong_width(filename, line, len(row), width))


def _not_longer(lines: Iterable[str], filename: str, limit: int) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        if len(line) > limit:
            raise _refused(
                f"{filename}:{number}",
                "line_too_long",
                f"{len(line)} characters, more than {limit}",
                "is a line break or a closing quote missing?",
            )
        yield line


def _lines_of(file: BinaryIO, filename: str, limit: int) -> Iterator[str]:
    """Yield the lines of an open file, each with its end, as a file of text gives them with
    `newline=""`; of a line longer than the limit perhaps its beginning alone.
    """
    rest = ""
    for piece in _decoded(file, filename):
        lines = io.StringIO(rest + piece, newline="").readlines()
        # the last may go on in the next piece, and a \r there may be the first half of an end
        whole = lines and (lines[-1].endswith("\n") or len(lines[-1]) > limit)
        rest = "" if whole or not lines else lines.pop()
        yield from lines
    if rest:
        yield rest


def _decoded(file: BinaryIO, filename: str) -> Iterator[str]:
    """Yield the text of an open file, piece by piece. Raises Rejected as `_check_text` does, and
    for a file that is too large.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    size = lines = 0
    western = more = True
    while more:
        with _readable(filename):
            piece = file.read(_PIECE)
        if not size:
            _check_kind(piece, filename)
        more = bool(piece)
        size += len(piece)
        if size > MAX_FILE_BYTES:
            detail = f"more than {MAX_FILE_BYTES} bytes"
            raise _refused(filename, "file_too_large", detail, "split it")
        western = western and _is_western(piece)
        try:
            text = decoder.decode(piece, final=not more)
        except UnicodeDecodeError as exc:
            line = lines + exc.object.count(b"\n", 0, exc.start) + 1
            byte = exc.object[exc.start]
            raise _no_utf8(filename, line, byte, western=western) from exc
        lines += piece.count(b"\n")
        yield text


def unescape(cell: str) -> str:
    """Take off the apostrophe that `escape` put before what a spreadsheet would run."""
    return cell[1:] if len(cell) > 1 and cell[0] == "'" and cell[1] in _ESCAPED else cell


def escape(cell: str) -> str:
    """Put an apostrophe before what a spreadsheet would run as a formula (OWASP ASVS 5.0, 1.2.10);
    `unescape` gives the cell back.
    """
    return (
        "'" + cell
        if cell
        and (
            cell[0] in _FORMULA_START or (cell[0] == "'" and len(cell) > 1 and cell[1] in _ESCAPED)
        )
        else cell
    )


def is_formula(cell: str) -> bool:
    """Return whether a spreadsheet would run the cell."""
    return cell.startswith(_FORMULA_START)


def write_rows(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a CSV file (RFC 4180: CRLF, quotes where needed). The cells come escaped
    already where they must be.
    """
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(header)
    for row in rows:
        writer.writerow(row)
        if buffer.tell() > 65_536:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _header(row: list[str], filename: str, line: int, expected: Sequence[str]) -> tuple[str, ...]:
    where = f"{filename}:{line}"
    names = tuple(cell.strip() for cell in row)
    if len(names) == 1:
        for separator, name in _SEPARATORS.items():
            if separator in names[0]:
                raise _refused(
                    where,
                    "separator_guess",
                    f"the columns look separated by {name}s",
                    "save it with commas",
                )
    if expected and not {n.casefold() for n in names} & {e.casefold() for e in expected}:
        raise _refused(
            where,
            "header_missing",
            "the first row names no column that is known",
            f"begin with a header of {', '.join(expected)}",
        )
    seen: set[str] = set()
    double = sorted({n for n in (x.casefold() for x in names) if n in seen or seen.add(n)})  # type: ignore[func-returns-value]
    if double:
        raise _refused(
            where,
            "header_duplicated",
            f"twice in the header: {', '.join(d or '(a column without a name)' for d in double)}",
            "name every column once",
        )
    return names


def _wrong_width(filename: str, line: int, found: int, wanted: int) -> Problem:
    code = "cells_missing" if found < wanted else "cells_too_many"
    fix = (
        "put quotes round a cell that holds a comma"
        if found > wanted
        else "give every row all its commas"
    )
    return Problem(
        code=code,
        detail=f"{found} cells where the header has {wanted}",
        fix=fix,
        where=f"{filename}:{line}",
    )


def _is_western(data: bytes) -> bool:
    return not any(byte in data for byte in _NOT_WESTERN)


def _refused(where: str, code: str, detail: str, fix: str) -> Rejected:
    return Rejected(Problem(code=code, detail=detail, fix=fix, where=where))
