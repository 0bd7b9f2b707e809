"""Every key of the session: one list a place. Each binding has an id, by which the user's file gives it other keys.

A binding's tooltip is the help screen's text. Ids are a promise: users have them in their files.
"""

from __future__ import annotations

from textual.binding import Binding


def key(
    keys: str, action: str, name: str, tooltip: str, *, is_: str, show: bool = False, display: str | None = None
) -> Binding:
    """A binding and its id, `is_`. `name` stands in the last line, `tooltip` in the help."""
    return Binding(keys, action, name, id=is_, tooltip=tooltip, show=show, key_display=display)


TABLE_KEYS = (
    key("down,j", "move(1)", "down", "To the next row", is_="row.down", display="↓ j"),
    key("up,k", "move(-1)", "up", "To the row above", is_="row.up", display="↑ k"),
    key("pagedown,ctrl+f", "page(1)", "page down", "A screen down", is_="row.page-down"),
    key("pageup,ctrl+b", "page(-1)", "page up", "A screen up", is_="row.page-up"),
    key("home,g", "end(False)", "first", "To the first row", is_="row.first"),
    key("end,G", "end(True)", "last", "To the last row", is_="row.last"),
    key("enter", "open", "open", "Opens what the row is about", is_="open", show=True, display="enter"),
    key("space", "mark", "mark", "Marks the row, or takes its mark away", is_="mark"),
)

MAIN_KEYS = (
    key("d", "demo", "demo", "Opens a bundled mesh, where nothing else can be read", is_="demo", show=True),
    key("slash", "filter", "filter", "Filters this part: text, !text for without, -l app=web by labels",
        is_="filter", show=True, display="/"),
    key("n", "namespace", "namespace", "Chooses the namespaces to look at", is_="namespace", show=True),
    key("s", "sort", "sort", "Takes this part's next order", is_="sort"),
    key("ctrl+z", "problems", "problems", "Shows only rows with errors, warnings or something unread",
        is_="problems", show=True, display="^z"),
    key("1", "part('pods')", "pods", "To the pods", is_="view.pods"),
    key("2", "part('hosts')", "hosts", "To the external hosts", is_="view.hosts"),
    key("3", "part('findings')", "findings", "To the findings", is_="view.findings"),
    key("tab", "next_part(1)", "next part", "To the next part", is_="part.next"),
    key("shift+tab", "next_part(-1)", "part before", "To the part before", is_="part.previous"),
    key("r", "refresh(False)", "refresh", "Looks again, at this pod above all", is_="refresh.pod"),
    key("R", "refresh(True)", "refresh all", "Looks again at everything", is_="refresh.all"),
    key("escape", "widen", "widen", "Takes the newest filter or choice back", is_="back"),
)  # fmt: skip

FILTER_KEYS = (
    key("escape", "leave", "no filter", "Takes the filter back", is_="filter.leave", show=True, display="esc"),
)  # fmt: skip

DETAIL_KEYS = (
    key("escape", "back", "back", "Back to where you came from", is_="back", show=True, display="esc"),
)  # fmt: skip

APP_KEYS = (
    key("colon,ctrl+p", "command_palette", "command", "Finds a command by its name",
        is_="palette", show=True, display=":"),
    key("question_mark", "help", "help", "The keys of this screen", is_="help", show=True, display="?"),
    key("q", "quit", "quit", "Leaves meshdoctor", is_="quit", show=True),
    key("ctrl+q", "quit", "quit", "Leaves meshdoctor", is_="quit.now"),
)  # fmt: skip
