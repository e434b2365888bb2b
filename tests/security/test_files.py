"""A file that never ends, or whose line never does, is refused with little memory."""

from __future__ import annotations

import json
import math
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from broadcast.places.files.reading import parse_area_file
from broadcast.problems import Rejected

MEMORY = 1200 << 20  # of addresses, libraries included
BIG = 512 << 20


def run(
    folder: Path, *arguments: str | Path, stdin: Path | None = None
) -> tuple[int, list[str], int]:
    """Run a command with bounded memory; return its exit code, the codes of its refusal, and its
    peak in MiB.
    """
    # Not ru_maxrss: of a process that was just forked it is its parent's.
    peak_of = "int(re.findall('VmHWM:[^0-9]*([0-9]+)', Path('/proc/self/status').read_text())[0])"
    script = (
        "import re, sys; from pathlib import Path; from console.cli import main\n"
        "try: sys.exit(main())\n"
        f"finally: sys.stderr.write('\\npeak ' + str({peak_of} >> 10))"
    )
    environment = {**os.environ, "FASTTIME_DATA": str(folder / "data")}
    with (stdin or Path(os.devnull)).open("rb") as given:
        done = subprocess.run(
            [sys.executable, "-c", script, *map(str, arguments), "--json"],
            check=False,
            stdin=given,
            capture_output=True,
            text=True,
            timeout=60,
            cwd=folder,
            env=environment,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
        )
    peak = int(done.stderr.rpartition("peak ")[2] or 0)
    problems = json.loads(done.stdout)["problems"] if done.stdout.startswith("{") else []
    return done.returncode, [p["code"] for p in problems], peak


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("files")
    with (made / "line.csv").open("wb") as out:  # sparse: it takes no room
        out.write(b"external_id,name\n" + b"x" * (2 << 20))
        out.truncate(BIG)
    for name in ("zero.csv", "zero.json", "zero.geojson", "zero.xml"):
        (made / name).symlink_to("/dev/zero")
    return made


@pytest.mark.parametrize(
    "command,file,code",
    [
        (("subscribers", "import", "--basis", "x"), "zero.csv", "bad_encoding"),
        (("subscribers", "import", "--basis", "x"), "line.csv", "line_too_long"),
        (("areas", "import", "--level", "ward"), "zero.geojson", "bad_encoding"),
        (("areas", "import", "--level", "ward"), "zero.csv", "bad_encoding"),
        (("areas", "postcodes"), "line.csv", "header_missing"),
        (("areas", "locate", "--file"), "line.csv", "file_too_large"),
        (("level", "import"), "zero.csv", "bad_encoding"),
        (("level", "import"), "line.csv", "file_too_large"),
        (("sms", "segments", "--file"), "zero.csv", "file_too_large"),
        (("cap", "import"), "zero.xml", "cap_too_large"),
    ],
)
def test_a_file_without_end_is_refused_with_flat_memory(
    folder: Path, command: tuple[str, ...], file: str, code: str
) -> None:
    exit_code, codes, peak = run(folder, *command, folder / file)
    assert exit_code in (1, 2)
    assert codes == [code]
    assert 0 < peak < 400


def crossing(corners: int) -> bytes:
    turns = [2 * math.pi * i * (corners // 2) / corners for i in range(corners)]
    ring = [[-0.1 + 0.1 * math.cos(t), 51.5 + 0.1 * math.sin(t)] for t in turns]
    geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    feature = {
        "type": "Feature",
        "properties": {"code": "E05000001", "name": "Star"},
        "geometry": geometry,
    }
    return json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()


def test_a_ring_of_20_000_points_that_crosses_everywhere_is_not_repaired() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Rejected) as refused:
        parse_area_file(crossing(20_001), "star.geojson", "ward")
    assert [p.code for p in refused.value.problems] == ["geometry_too_complex"]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 << 10  # KiB


def test_a_ring_that_crosses_a_few_times_is_still_repaired() -> None:
    records, warnings = parse_area_file(crossing(7), "star.geojson", "ward")
    assert len(records) == 1
    assert [p.code for p in warnings] == ["geometry_repaired"]


@pytest.mark.parametrize("name", ["Soho\u202e", "So\x1b[31mho", "So\nho", "x" * 5000, "S\u043eho"])
def test_a_name_that_hides_or_turns_text_is_refused_at_import(name: str) -> None:
    rows = f'code,name\nE05000001,"{name}"\n'.encode()
    with pytest.raises(Rejected) as refused:
        parse_area_file(rows, "wards.csv", "ward")
    assert [p.code for p in refused.value.problems] == ["area_name"]
    assert all(c.isprintable() for c in refused.value.problems[0].line())
