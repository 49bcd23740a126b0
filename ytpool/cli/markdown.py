"""Markdown as a terminal shows it: Rich's, with code that can be copied and colours that fit any background."""

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.constrain import Constrain
from rich.markdown import CodeBlock, Heading, Markdown
from rich.padding import Padding
from rich.text import Text
from rich.theme import Theme

_WIDEST = 100
_STYLES = Theme(
    {
        "markdown.h1": "bold",
        "markdown.h2": "bold underline",
        "markdown.h3": "bold",
        "markdown.code": "bold cyan",
        "markdown.code_block": "cyan",
        "markdown.table.header": "bold",
        "markdown.table.border": "dim",
        "markdown.item.bullet": "dim",
    }
)


class _Code(CodeBlock):
    """Lines as they are, without a box, a background or a guess what they mean."""

    def __rich_console__(self, _: Console, __: ConsoleOptions) -> RenderResult:
        yield Padding(Text(str(self.text).rstrip(), style="cyan", overflow="fold"), (0, 0, 0, 2))


class _Heading(Heading):
    """At the left, where reading begins."""

    LEVEL_ALIGN = dict.fromkeys(Heading.LEVEL_ALIGN, "left")


class _Page(Markdown):
    elements = {**Markdown.elements, "fence": _Code, "code_block": _Code, "heading_open": _Heading}  # noqa: RUF012


class _Styled:
    def __init__(self, page: RenderableType) -> None:
        self._page = page

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        with console.use_theme(_STYLES):
            yield from console.render(self._page, options)


def drawn(text: str) -> RenderableType:
    """Draw a page, no wider than reads well."""
    return _Styled(Constrain(_Page(text, hyperlinks=False), _WIDEST))
