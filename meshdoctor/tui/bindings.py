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
)

MAIN_KEYS = (
    key("a", "fix", "fix", "The first fix of this finding, or of the one about this pod or host",
        is_="main.fix", show=True),
    key("t", "trace", "trace", "Follows a connection of this pod, to this host", is_="trace", show=True),
    key("slash", "filter", "filter", "Filters this part: text, !text for without, -l app=web by labels",
        is_="filter", show=True, display="/"),
    key("d", "details", "details", "All that is known of this pod, host or finding", is_="details", show=True),
    key("d", "demo", "demo", "Opens a bundled mesh, where nothing else can be read", is_="demo", show=True),
    key("n", "namespace", "namespace", "Chooses the namespaces to look at", is_="namespace", show=True),
    key("0", "all_namespaces", "all namespaces", "Looks at all namespaces again", is_="namespace.all"),
    key("ctrl+z", "problems", "problems", "Shows only rows with errors, warnings or something unread",
        is_="problems", show=True, display="^z"),
    key("w", "watch", "watch", "Looks again and again, and marks what is new or gone; once more: off",
        is_="watch", show=True),
    key("y", "raw", "raw", "What was read of this row: its objects, or the finding as data", is_="main.raw", show=True),
    key("e", "export", "export", "Writes this finding, or all that are marked, as Markdown",
        is_="main.export", show=True),
    key("space", "mark", "mark", "Marks the row or not; marked rows narrow the other parts",
        is_="mark"),
    key("s", "sort", "sort", "Takes this part's next order", is_="sort"),
    key("1", "part('pods')", "pods", "To the pods", is_="view.pods"),
    key("2", "part('hosts')", "hosts", "To the external hosts", is_="view.hosts"),
    key("3", "part('findings')", "findings", "To the findings", is_="view.findings"),
    key("4", "matrix", "matrix", "Pods down, hosts across, a sign a verdict", is_="view.matrix"),
    key("tab,right,l", "next_part(1)", "next part", "To the next part", is_="part.next", display="tab l"),
    key("shift+tab,left,h", "next_part(-1)", "part before", "To the part before", is_="part.previous",
        display="shift+tab h"),
    key("r", "refresh(False)", "refresh", "Looks again, at this pod or those that are marked above all",
        is_="refresh.pod"),
    key("R", "refresh(True)", "refresh all", "Looks again at everything", is_="refresh.all"),
    key("u", "undo", "undo", "Takes the last fix back", is_="undo"),
    key("escape", "widen", "widen", "Takes the newest filter or choice back, and its marks", is_="back"),
    key("q", "app.quit", "quit", "Leaves meshdoctor; on other screens q goes back", is_="quit", show=True),
)  # fmt: skip

FILTER_KEYS = (
    key("escape", "leave", "no filter", "Takes the filter back", is_="filter.leave", show=True, display="esc"),
)  # fmt: skip

SEARCH_KEYS = (
    key("escape", "leave", "no search", "Takes the search back", is_="search.leave", show=True, display="esc"),
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
    key("down,j", "choose(1)", "next fix", "Chooses the next fix", is_="fixes.down", display="↓ j"),
    key("up,k", "choose(-1)", "fix before", "Chooses the fix before", is_="fixes.up", display="↑ k"),
    key("enter", "screen.fix", "open fix", "Shows what the chosen fix would change", is_="fixes.open"),
)

DOCUMENT_KEYS = (
    key("enter,space", "fold", "fold", "Folds or unfolds what stands below the line", is_="document.fold"),
    key("z", "fold_all", "fold all", "Folds everything, or unfolds it", is_="document.fold-all"),
    key("right,l", "shift(20)", "right", "Shows the right of long lines", is_="document.right", display="→ l"),
    key("left,h", "shift(-20)", "left", "Shows the left of long lines", is_="document.left", display="← h"),
    key("slash", "search", "search", "Searches in the document", is_="document.search", show=True, display="/"),
    key("n", "hit(1)", "next hit", "To the next line with what is sought", is_="document.next"),
    key("N", "hit(-1)", "hit before", "To the line before with what is sought", is_="document.previous"),
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
    key("enter", "open", "trace", "Follows the connection of this cell", is_="grid.open", show=True, display="enter"),
)  # fmt: skip

MATRIX_KEYS = (
    key("escape", "back", "back", "Takes the filters back, then leaves", is_="matrix.back", show=True, display="esc"),
    key("q", "back", "back", "Takes the filters back, then leaves", is_="matrix.back-too"),
    key("slash", "filter('pods')", "filter pods", "Filters the pods", is_="matrix.filter", show=True, display="/"),
    key("c", "filter('hosts')", "filter hosts", "Filters the hosts: the columns", is_="matrix.filter-hosts", show=True),
    key("n", "namespace", "namespace", "Chooses the namespaces to look at", is_="matrix.namespace", show=True),
    key("ctrl+z", "problems", "problems only", "Shows only rows and columns with a problem",
        is_="matrix.problems", show=True, display="^z"),
    key("a", "everything", "all hosts", "Shows also what would become of hosts that a pod does not ask for",
        is_="matrix.all", show=True),
    key("t", "trace", "trace", "Follows the connection of this cell", is_="matrix.trace"),
    key("1", "part('pods')", "pods", "To the pods", is_="matrix.pods"),
    key("2", "part('hosts')", "hosts", "To the external hosts", is_="matrix.hosts"),
    key("3", "part('findings')", "findings", "To the findings", is_="matrix.findings"),
)  # fmt: skip

DETAILS_KEYS = (
    key("t", "trace", "trace", "Follows the connection of this line", is_="details.trace", show=True),
    key("y", "raw", "raw", "The document behind this line, else the object itself", is_="details.raw", show=True),
)  # fmt: skip

CHOICE_KEYS = (
    key("right,l,space", "next(1)", "next", "Takes the next one", is_="choice.next", show=True, display="←→"),
    key("left,h", "next(-1)", "one before", "Takes the one before", is_="choice.previous"),
)  # fmt: skip

COMPLETION_KEYS = (
    key("down", "offer(1)", "next name", "To the next name that fits", is_="offer.down", show=True, display="↑↓"),
    key("up", "offer(-1)", "name above", "To the name above that fits", is_="offer.up"),
)  # fmt: skip

TRACE_KEYS = (
    key("escape", "back", "back", "Leaves a field, then the screen", is_="trace.back", show=True, display="esc"),
    key("q", "back", "back", "Leaves the screen; in a field it is a letter", is_="trace.back-too"),
    key("tab", "app.focus_next", "next field", "To the next field", is_="field.next", show=True),
    key("shift+tab", "app.focus_previous", "field before", "To the field before", is_="field.previous"),
    key("i", "go('to')", "edit", "Changes the destination: host:port, or a whole URL", is_="trace.to", show=True),
    key("o", "go('pod')", "other pod", "Changes the pod", is_="trace.pod", show=True),
    key("p", "protocol", "protocol", "Takes what the client does next: tcp, server-first, tls, http",
        is_="trace.protocol", show=True),
    key("y", "raw", "raw", "The document behind this step, as it was read", is_="raw", show=True),
)  # fmt: skip

FINDING_KEYS = (
    key(
        "a",
        "fix",
        "fix",
        "Shows what the chosen fix would change, and whom that touches",
        is_="finding.fix",
        show=True,
    ),
    *(key(str(n), f"choose({n})", f"fix {n}", f"Chooses fix {n}", is_=f"finding.fix-{n}") for n in range(1, 10)),
    key("y", "raw", "yaml", "The finding and its objects as JSON and YAML", is_="finding.raw", show=True),
    key("e", "export", "export", "Writes the finding as Markdown and copies it", is_="finding.export", show=True),
    key("t", "trace", "trace", "Opens the connection of this pod", is_="finding.trace", show=True),
    key("p", "pod", "pod", "Shows the connection of another pod", is_="finding.pod", show=True),
    key("u", "undo", "undo", "Takes the last fix of this finding back", is_="finding.undo", show=True),
    key("tab", "next_part(1)", "next part", "To the next part", is_="finding.next-part"),
    key("shift+tab", "next_part(-1)", "part before", "To the part before", is_="finding.previous-part"),
)

QUESTION_KEYS = (
    key("y", "answer(True)", "yes", "Does it", is_="question.yes", show=True),
    key("n,escape,q", "answer(False)", "no", "Leaves it", is_="question.no", show=True, display="n"),
)

RAW_KEYS = (key("c", "copy", "copy", "Copies all of it", is_="raw.copy", show=True),)

FIX_KEYS = (
    key("a", "apply", "apply", "Applies the fix, or goes on with it", is_="fix.apply", show=True),
    key("enter", "apply", "apply", "Applies the fix", is_="fix.apply-too"),
    key("s", "save", "save as file", "Writes the fix to files", is_="fix.save", show=True),
    key("u", "undo", "undo", "Takes the fix back", is_="fix.undo", show=True),
    key("tab", "next_part(1)", "next part", "To the next part", is_="fix.next-part"),
    key("shift+tab", "next_part(-1)", "part before", "To the part before", is_="fix.previous-part"),
)

HELP_KEYS = (
    key("escape,q,question_mark", "back", "back", "Closes it", is_="help.close", show=True, display="esc"),
)  # fmt: skip

APP_KEYS = (
    key("colon", "command_palette", "command", "Finds a command by its name", is_="palette", show=True, display=":"),
    key("ctrl+p", "command_palette", "command", "Finds a command by its name, while typing too", is_="palette-too"),
    key("question_mark", "help", "help", "The keys of this screen", is_="help", show=True, display="?"),
    key("ctrl+q", "quit", "quit", "Leaves meshdoctor, from any screen", is_="quit.now"),
    key("ctrl+c", "interrupt", "interrupt", "Leaves meshdoctor, with exit code 130", is_="quit.interrupt"),
)  # fmt: skip
