"""Our own styles and scripts: how much they weigh, and what of them is served."""

from __future__ import annotations

import re
from pathlib import Path

from console.pages.frame import asset as public
from console.pages.frame import read_asset
from console.room.frame import ASSETS, asset

ROOT = Path(__file__).parents[2]


def test_our_own_style_and_script_stay_small() -> None:
    own = [asset(name) for name in ASSETS if name.endswith((".css", ".js"))]
    assert sum(map(len, [*own, public("face.css")])) <= 30_000


def test_a_served_script_has_lost_nothing_but_comments_and_blanks(tmp_path: Path) -> None:
    kept = tmp_path / "a.js"
    kept.write_text(
        "// why\n\n  const a = 1; // how many\n    /* one */\n  f(a);\n", encoding="utf-8"
    )
    assert read_asset(kept) == b"const a = 1; // how many\nf(a);\n"
    folder = ROOT / "console" / "room" / "assets"
    for script in folder.glob("*.js"):  # a text over several lines would lose its blanks
        assert all(line.count("`") % 2 == 0 for line in script.read_text("utf-8").splitlines())


def test_a_served_style_sheet_has_lost_nothing_but_what_means_nothing(tmp_path: Path) -> None:
    kept = tmp_path / "a.css"
    kept.write_text(
        "/* why */\n@media (min-width: 4rem) {\n"
        "  .a :hover, b > i { margin: 0 calc(1px + 2px); }\n}\n",
        encoding="utf-8",
    )
    served = read_asset(kept).decode()
    assert served == "@media (min-width:4rem){.a :hover,b>i{margin:0 calc(1px + 2px)}}"
    for sheet in (ROOT / "console").glob("*/assets/*.css"):  # a text in it would lose its blanks
        texts = re.findall(r'"([^"\n]*)"', sheet.read_text("utf-8"))
        assert not [text for text in texts if set("{};:,>") & set(text)], sheet
