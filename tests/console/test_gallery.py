"""The pictures of the tutorial: there, small, told to who cannot see them, and of real pages."""

from __future__ import annotations

import re
from pathlib import Path

from tests.console import gallery

ROOT = Path(__file__).parents[2]
MOST = 600_000  # bytes, all of them together
SHOWN = re.compile(r"!\[([^\]]*)\]\(pictures/([a-z]+)\.png\)")


def test_the_tutorial_shows_each_picture_with_words_for_who_cannot_see_it() -> None:
    shown = SHOWN.findall((ROOT / "docs" / "tutorial.md").read_text())
    assert [name for _, name in shown] == list(gallery.TUTORIAL)
    assert all(len(words) > 30 for words, _ in shown)


def test_the_pictures_are_there_and_small_and_each_is_a_page_of_the_gallery() -> None:
    folder = ROOT / "docs" / "pictures"
    assert {path.name for path in folder.iterdir()} == {f"{name}.png" for name in gallery.TUTORIAL}
    width, height = gallery.TUTORIAL_SIZE
    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    for path in folder.iterdir():
        assert path.read_bytes()[16:24] == size, path.name  # the header of a PNG
    assert sum(path.stat().st_size for path in folder.iterdir()) < MOST
    source = Path(gallery.__file__).read_text()
    for page in gallery.TUTORIAL.values():
        assert f'Shot("{page}", ' in source, page
