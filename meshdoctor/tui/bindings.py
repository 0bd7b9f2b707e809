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
    key("enter", "open", "open", "Open what the row is about", is_="open", show=True, display="enter"),
)

MAIN_KEYS = (
    key("a", "fix", "fix", "The first fix of this finding, or of the one about this pod or host",
        is_="main.fix", show=True),
    key("t", "trace", "trace", "Trace a connection of this pod, to this host", is_="trace", show=True),
    key("slash", "filter", "filter", "Filter this panel: text, !text for without, -l app=web by labels",
        is_="filter", show=True, display="/"),
    key("d", "details", "details", "All that is known of this pod, host or finding", is_="details", show=True),
    key("d", "demo", "demo", "Open a bundled mesh, where nothing else can be read", is_="demo", show=True),
    key("n", "namespace", "namespace", "Choose the namespaces to check", is_="namespace", show=True),
    key("0", "all_namespaces", "all namespaces", "Check all namespaces", is_="namespace.all"),
    key("ctrl+z", "problems", "problems", "Show only rows with errors, warnings or something unread",
        is_="problems", show=True, display="^z"),
    key("w", "watch", "watch", "Refresh regularly, and mark what is new or gone; once more: off",
        is_="watch", show=True),
    key("y", "raw", "raw", "What was read of this row: its objects, or the finding as JSON", is_="main.raw", show=True),
    key("e", "export", "export", "Write this finding, or all that are marked, as Markdown",
        is_="main.export", show=True),
    key("space", "mark", "mark", "Mark or unmark the row; marked rows narrow the other panels",
        is_="mark"),
    key("s", "sort", "sort", "Sort this panel by the next column", is_="sort"),
    key("1", "part('pods')", "pods", "To the pods", is_="view.pods"),
    key("2", "part('hosts')", "hosts", "To the external hosts", is_="view.hosts"),
    key("3", "part('findings')", "findings", "To the findings", is_="view.findings"),
    key("4", "matrix", "matrix", "Pod × host matrix", is_="view.matrix"),  # noqa: RUF001
    key("tab,right,l", "next_part(1)", "next panel", "To the next panel", is_="part.next", display="tab l"),
    key("shift+tab,left,h", "next_part(-1)", "panel before", "To the panel before", is_="part.previous",
        display="shift+tab h"),
    key("r", "refresh(False)", "refresh", "Refresh, this pod or those that are marked first",
        is_="refresh.pod"),
    key("R", "refresh(True)", "refresh all", "Refresh everything", is_="refresh.all"),
    key("u", "undo", "undo", "Undo the last fix", is_="undo"),
    key("escape", "widen", "widen", "Clear the newest filter or choice, and its marks", is_="back"),
    key("q", "app.quit", "quit", "Quit meshdoctor; on other screens q goes back", is_="quit", show=True),
)  # fmt: skip

FILTER_KEYS = (
    key("escape", "leave", "no filter", "Clear the filter", is_="filter.leave", show=True, display="esc"),
)  # fmt: skip

SEARCH_KEYS = (
    key("escape", "leave", "no search", "Clear the search", is_="search.leave", show=True, display="esc"),
)  # fmt: skip

TEXT_KEYS = (
    key("down,j", "move(1)", "down", "A line down", is_="text.down", display="↓ j"),
    key("up,k", "move(-1)", "up", "A line up", is_="text.up", display="↑ k"),
    key("pagedown,ctrl+f", "page(1)", "page down", "A screen down", is_="text.page-down"),
    key("pageup,ctrl+b", "page(-1)", "page up", "A screen up", is_="text.page-up"),
    key("home,g", "end(False)", "first", "To the first line", is_="text.first"),
    key("end,G", "end(True)", "last", "To the last line", is_="text.last"),
)

FIX_LIST_KEYS = (
    key("down,j", "choose(1)", "next fix", "Choose the next fix", is_="fixes.down", display="↓ j"),
    key("up,k", "choose(-1)", "previous fix", "Choose the previous fix", is_="fixes.up", display="↑ k"),
    key("enter", "screen.fix", "open fix", "Preview the chosen fix", is_="fixes.open"),
)

DOCUMENT_KEYS = (
    key("enter,space", "fold", "fold", "Fold or unfold what is below the line", is_="document.fold"),
    key("z", "fold_all", "fold all", "Fold or unfold everything", is_="document.fold-all"),
    key("right,l", "shift(20)", "right", "Show the right of long lines", is_="document.right", display="→ l"),
    key("left,h", "shift(-20)", "left", "Show the left of long lines", is_="document.left", display="← h"),
    key("slash", "search", "search", "Search in the document", is_="document.search", show=True, display="/"),
    key("n", "hit(1)", "next hit", "To the next hit", is_="document.next"),
    key("N", "hit(-1)", "previous hit", "To the previous hit", is_="document.previous"),
)

DETAIL_KEYS = (
    key("escape", "back", "back", "Back to where you came from", is_="back", show=True, display="esc"),
    key("q", "back", "back", "Back to where you came from", is_="back-too"),
)

PATH_KEYS = (
    key("down,j", "move(1)", "down", "To the next step", is_="step.down", display="↓ j"),
    key("up,k", "move(-1)", "up", "To the step above", is_="step.up", display="↑ k"),
    key("home,g", "end(False)", "first", "To the first step", is_="step.first"),
    key("end,G", "end(True)", "last", "To the last step", is_="step.last"),
)  # fmt: skip

GRID_KEYS = (
    key("down,j", "move(1, 0)", "down", "To the next pod", is_="grid.down", display="↓ j"),
    key("up,k", "move(-1, 0)", "up", "To the pod above", is_="grid.up", display="↑ k"),
    key("right,l", "move(0, 1)", "right", "To the next host", is_="grid.right", display="→ l"),
    key("left,h", "move(0, -1)", "left", "To the host before", is_="grid.left", display="← h"),
    key("pagedown,ctrl+f", "page(1, 0)", "page down", "A screen down", is_="grid.page-down"),
    key("pageup,ctrl+b", "page(-1, 0)", "page up", "A screen up", is_="grid.page-up"),
    key("ctrl+right,L", "page(0, 1)", "page right", "A screen to the right", is_="grid.page-right"),
    key("ctrl+left,H", "page(0, -1)", "page left", "A screen to the left", is_="grid.page-left"),
    key("g", "end(-1, 0)", "first", "To the first pod", is_="grid.first"),
    key("G", "end(1, 0)", "last", "To the last pod", is_="grid.last"),
    key("home", "end(0, -1)", "first host", "To the first host", is_="grid.home"),
    key("end", "end(0, 1)", "last host", "To the last host", is_="grid.end"),
    key("enter", "open", "trace", "Trace the connection of this cell", is_="grid.open", show=True, display="enter"),
)  # fmt: skip

MATRIX_KEYS = (
    key("escape", "back", "back", "Clear the filters, then go back", is_="matrix.back", show=True, display="esc"),
    key("q", "back", "back", "Clear the filters, then go back", is_="matrix.back-too"),
    key("slash", "filter('pods')", "filter pods", "Filter the pods", is_="matrix.filter", show=True, display="/"),
    key("c", "filter('hosts')", "filter hosts", "Filter the hosts (the columns)", is_="matrix.filter-hosts", show=True),
    key("n", "namespace", "namespace", "Choose the namespaces to check", is_="matrix.namespace", show=True),
    key("ctrl+z", "problems", "problems only", "Show only rows and columns with a problem",
        is_="matrix.problems", show=True, display="^z"),
    key("a", "everything", "all hosts", "Show also the verdicts of hosts that a pod does not use",
        is_="matrix.all", show=True),
    key("t", "trace", "trace", "Trace the connection of this cell", is_="matrix.trace"),
    key("1", "part('pods')", "pods", "To the pods", is_="matrix.pods"),
    key("2", "part('hosts')", "hosts", "To the external hosts", is_="matrix.hosts"),
    key("3", "part('findings')", "findings", "To the findings", is_="matrix.findings"),
)  # fmt: skip

DETAILS_KEYS = (
    key("t", "trace", "trace", "Trace the connection of this line", is_="details.trace", show=True),
    key("y", "raw", "raw", "The document behind this line, else the object itself", is_="details.raw", show=True),
)  # fmt: skip

CHOICE_KEYS = (
    key("right,l,space", "next(1)", "next", "Choose the next one", is_="choice.next", show=True, display="←→"),
    key("left,h", "next(-1)", "previous", "Choose the previous one", is_="choice.previous"),
)  # fmt: skip

COMPLETION_KEYS = (
    key("down", "offer(1)", "next name", "To the next name that fits", is_="offer.down", show=True, display="↑↓"),
    key("up", "offer(-1)", "name above", "To the name above that fits", is_="offer.up"),
)  # fmt: skip

TRACE_KEYS = (
    key("escape", "back", "back", "Leave a field, then the screen", is_="trace.back", show=True, display="esc"),
    key("q", "back", "back", "Leave the screen; in a field q is a letter", is_="trace.back-too"),
    key("tab", "app.focus_next", "next field", "To the next field", is_="field.next", show=True),
    key("shift+tab", "app.focus_previous", "previous field", "To the previous field", is_="field.previous"),
    key("i", "go('to')", "edit", "Change the destination: host:port, or a whole URL", is_="trace.to", show=True),
    key("o", "go('pod')", "other pod", "Change the pod", is_="trace.pod", show=True),
    key("p", "protocol", "protocol", "Choose the next protocol: tcp, server-first, tls, http",
        is_="trace.protocol", show=True),
    key("y", "raw", "raw", "The document behind this step, as it was read", is_="raw", show=True),
)  # fmt: skip

FINDING_KEYS = (
    key(
        "a",
        "fix",
        "fix",
        "Preview the chosen fix: changes and impact",
        is_="finding.fix",
        show=True,
    ),
    *(key(str(n), f"choose({n})", f"fix {n}", f"Choose fix {n}", is_=f"finding.fix-{n}") for n in range(1, 10)),
    key("y", "raw", "yaml", "The finding and its objects as JSON and YAML", is_="finding.raw", show=True),
    key("e", "export", "export", "Write the finding as Markdown and copy it", is_="finding.export", show=True),
    key("t", "trace", "trace", "Trace the connection of this pod", is_="finding.trace", show=True),
    key("p", "pod", "pod", "Show the connection of another pod", is_="finding.pod", show=True),
    key("u", "undo", "undo", "Undo the last fix of this finding", is_="finding.undo", show=True),
    key("tab", "next_part(1)", "next panel", "To the next panel", is_="finding.next-part"),
    key("shift+tab", "next_part(-1)", "previous panel", "To the previous panel", is_="finding.previous-part"),
)

QUESTION_KEYS = (
    key("y", "answer(True)", "yes", "Does it", is_="question.yes", show=True),
    key("n,escape,q", "answer(False)", "no", "Leaves it", is_="question.no", show=True, display="n"),
)

RAW_KEYS = (key("c", "copy", "copy", "Copy all of it", is_="raw.copy", show=True),)

FIX_KEYS = (
    key("a", "apply", "apply", "Apply the fix, or continue it", is_="fix.apply", show=True),
    key("enter", "apply", "apply", "Apply the fix", is_="fix.apply-too"),
    key("s", "save", "save as file", "Write the fix to files", is_="fix.save", show=True),
    key("u", "undo", "undo", "Undo the fix", is_="fix.undo", show=True),
    key("tab", "next_part(1)", "next panel", "To the next panel", is_="fix.next-part"),
    key("shift+tab", "next_part(-1)", "previous panel", "To the previous panel", is_="fix.previous-part"),
)

HELP_KEYS = (
    key("escape,q,question_mark", "back", "back", "Close the help", is_="help.close", show=True, display="esc"),
)  # fmt: skip

APP_KEYS = (
    key("colon", "command_palette", "command", "Find a command by its name", is_="palette", show=True, display=":"),
    key("ctrl+p", "command_palette", "command", "Find a command by its name, while typing too", is_="palette-too"),
    key("question_mark", "help", "help", "The keys of this screen", is_="help", show=True, display="?"),
    key("ctrl+q", "quit", "quit", "Quit meshdoctor, from any screen", is_="quit.now"),
    key("ctrl+c", "interrupt", "interrupt", "Quit meshdoctor, with exit code 130", is_="quit.interrupt"),
)  # fmt: skip
