"""The plain pages: one frame, no script, everything from people escaped."""

from __future__ import annotations

from html import escape

from starlette.responses import HTMLResponse

_STYLE = (
    "body{font:16px/1.5 Arial,sans-serif;max-width:44em;margin:0"
    " auto;padding:1em;color:#000;background:#fff}article{border:1px solid"
    " #767676;padding:1em;margin:1em 0}.over{background:#f3f3f3}.mark{border:3px solid"
    " #000;padding:.3em .6em;font-weight:bold}.exercise{border:6px dashed #000}.level{border:3px"
    " solid #000;padding:.6em;font-size:1.2em}a{color:#0b3d91}button{font-size:1.1em;padding:.5em"
    " 1.2em}"
)


def page(
    title: str, body: str, *, status: int = 200, language: str = "en", cached: int = 0
) -> HTMLResponse:
    """Return a whole page. `title` is text, `body` is HTML that was escaped already; `cached`
    seconds anybody may keep it.
    """
    document = (
        f'<!DOCTYPE html>\n<html lang="{escape(language)}">\n<head><meta charset="utf-8"><meta'
        ' name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="alternate" type="application/atom+xml"'
        f' href="/feed.atom" title="Messages"><style>{_STYLE}</style></head>\n'
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )
    headers = {"Cache-Control": f"public, max-age={cached}" if cached else "no-store"}
    return HTMLResponse(document, status, headers)


def paragraph(text: str, css: str = "") -> str:
    """Return a paragraph of text; `css` is a class."""
    return f'<p class="{escape(css)}">{escape(text)}</p>' if css else f"<p>{escape(text)}</p>"
