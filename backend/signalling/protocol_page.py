"""`GET /docs/signalling`: the signalling document as a page, without any script."""

from functools import cache
from itertools import pairwise

from aiohttp import hdrs, web
from markdown_it import MarkdownIt

from backend.signalling.document import protocol_document
from shared.operations import Media, operation

_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The signalling protocol</title>
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/protocol.css">
<main>
{}
</main>
</html>
"""


@operation({200: Media("text/html")})
async def protocol_page(_request: web.Request) -> web.Response:
    """`GET /docs/signalling`: what goes over the WebSocket, for people."""
    headers = {"Content-Security-Policy": _POLICY, hdrs.CACHE_CONTROL: "no-cache"}
    return web.Response(text=_page(), content_type="text/html", headers=headers)


@cache
def _page() -> str:
    markdown = MarkdownIt("commonmark").enable("table")
    tokens = markdown.parse(protocol_document())
    for opening, title in pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrSet("id", _anchor(title.content))
    return _PAGE.format(markdown.renderer.render(tokens, markdown.options, {}))


def _anchor(title: str) -> str:
    """Name a heading as those who show Markdown do, so that the document's links lead to it."""
    kept = (character for character in title.lower() if character.isalnum() or character in " -")
    return "".join(kept).replace(" ", "-")
