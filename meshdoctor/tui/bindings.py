"""Every key of the session, one list for each screen or widget. The user's file rebinds a key by its id.

A binding's tooltip is the text of the help screen. Ids must not change: users have them in their files.

What applies or undoes has a capital letter and works where the preview is shown: a small letter that is held down, or
Enter, never gets there.
"""

from __future__ import annotations

from textual.binding import Binding


def key(
    keys: str, action: str, name: str, tooltip: str, *, is_: str, show: bool = False, display: str | None = None
) -> Binding:
    """A binding and its id, `is_`. `name` is its text in the last line, `tooltip` in the help."""
    return Binding(keys, action, name, id=is_, tooltip=tooltip, show=show, key_display=display)


TABLE_KEYS = (
    key("down,j", "move(1)", "down", "Go to the next row", is_="row.down", display="↓ j"),
    key("up,k", "move(-1)", "up", "Go to the row above", is_="row.up", display="↑ k"),
    key("pagedown,ctrl+f", "page(1)", "page down", "Go one screen down", is_="row.page-down"),
    key("pageup,ctrl+b", "page(-1)", "page up", "Go one screen up", is_="row.page-up"),
    key("home,g", "end(False)", "first", "Go to the first row", is_="row.first"),
    key("end,G", "end(True)", "last", "Go to the last row", is_="row.last"),
    key("enter", "open", "open", "Open the row: a finding, or the hosts of a pod, or the findings of a host",
        is_="open", show=True, display="enter"),
)  # fmt: skip

MAIN_KEYS = (
    key("a", "fix", "fix", "Preview the first fix of this finding, or of the finding of this pod or host",
        is_="main.fix", show=True),
    key("t", "trace", "trace", "Trace a connection of this pod or to this host", is_="trace", show=True),
    key("slash", "filter", "filter", "Filter this panel: text, !text to exclude, -l app=web by labels",
        is_="filter", show=True, display="/"),
    key("d", "details", "details", "Show all that is known of this pod, host or finding", is_="details", show=True),
    key("d", "demo", "demo", "Open a bundled snapshot, where nothing else can be read", is_="demo", show=True),
    key("n", "namespace", "namespace", "Choose a namespace", is_="namespace", show=True),
    key("0", "all_namespaces", "all namespaces", "Show all namespaces", is_="namespace.all"),
    key("ctrl+z", "problems", "problems", "Show only rows with errors, warnings or unknowns, or all rows again",
        is_="problems", show=True, display="^z"),
    key("w", "watch", "watch", "Switch watch mode on or off: check again and again, mark what is new or gone",
        is_="watch", show=True),
    key("y", "raw", "yaml", "Show the objects of this pod or host, or the finding as JSON",
        is_="main.raw", show=True),
    key("e", "export", "export", "Save this finding, or the marked ones, as Markdown", is_="main.export", show=True),
    key("space", "mark", "mark", "Mark the row or clear its mark; marked rows narrow the other panels", is_="mark"),
    key("s", "sort", "sort", "Change the order of this panel", is_="sort"),
    key("1", "panel('pods')", "pods", "Go to the pods", is_="view.pods"),
    key("2", "panel('hosts')", "hosts", "Go to the external hosts", is_="view.hosts"),
    key("3", "panel('findings')", "findings", "Go to the findings", is_="view.findings"),
    key("4", "matrix", "matrix", "Open the matrix of pods and hosts", is_="view.matrix"),
    key("tab,right,l", "next_panel(1)", "next panel", "Go to the next panel", is_="panel.next", display="tab l"),
    key("shift+tab,left,h", "next_panel(-1)", "previous panel", "Go to the previous panel", is_="panel.previous",
        display="shift+tab h"),
    key("r", "refresh(False)", "refresh", "Check this pod again, or the marked ones", is_="refresh.pod"),
    key("R", "refresh(True)", "refresh all", "Check everything again", is_="refresh.all"),
    key("u", "undo", "undo", "Preview the undo of the last fix, or open an interrupted one", is_="undo"),
    key("escape", "widen", "widen", "Clear the newest filter or choice, and its marks", is_="back"),
    key("q", "app.quit", "quit", "Quit meshdoctor; on other screens q goes back", is_="quit", show=True),
)  # fmt: skip

FILTER_KEYS = (
    key("escape", "leave", "clear filter", "Clear the filter", is_="filter.leave", show=True, display="esc"),
)  # fmt: skip

SEARCH_KEYS = (
    key("escape", "leave", "clear search", "Clear the search", is_="search.leave", show=True, display="esc"),
)  # fmt: skip

TEXT_KEYS = (
    key("down,j", "move(1)", "down", "Go one line down", is_="text.down", display="↓ j"),
    key("up,k", "move(-1)", "up", "Go one line up", is_="text.up", display="↑ k"),
    key("pagedown,ctrl+f", "page(1)", "page down", "Go one screen down", is_="text.page-down"),
    key("pageup,ctrl+b", "page(-1)", "page up", "Go one screen up", is_="text.page-up"),
    key("home,g", "end(False)", "first", "Go to the first line", is_="text.first"),
    key("end,G", "end(True)", "last", "Go to the last line", is_="text.last"),
)

FIX_LIST_KEYS = (
    key("down,j", "move(1)", "next fix", "Choose the next fix", is_="fixes.down", display="↓ j"),
    key("up,k", "move(-1)", "previous fix", "Choose the previous fix", is_="fixes.up", display="↑ k"),
    key("enter", "open", "open fix", "Preview the chosen fix", is_="fixes.open"),
)

DOCUMENT_KEYS = (
    key("enter,space", "open", "fold", "Fold or unfold the lines below this one", is_="document.fold"),
    key("z", "fold_all", "fold all", "Fold or unfold everything", is_="document.fold-all"),
    key("right,l", "shift(20)", "right", "Scroll long lines to the right", is_="document.right", display="→ l"),
    key("left,h", "shift(-20)", "left", "Scroll long lines to the left", is_="document.left", display="← h"),
    key("slash", "search", "search", "Search in the document", is_="document.search", show=True, display="/"),
    key("n", "hit(1)", "next match", "Go to the next match", is_="document.next"),
    key("N", "hit(-1)", "previous match", "Go to the previous match", is_="document.previous"),
)

DETAIL_KEYS = (
    key("escape", "dismiss", "back", "Go back", is_="back", show=True, display="esc"),
    key("q", "dismiss", "back", "Go back", is_="back-too"),
)

PATH_KEYS = (
    key("down,j", "move(1)", "down", "Go to the next step", is_="step.down", display="↓ j"),
    key("up,k", "move(-1)", "up", "Go to the step above", is_="step.up", display="↑ k"),
    key("home,g", "end(False)", "first", "Go to the first step", is_="step.first"),
    key("end,G", "end(True)", "last", "Go to the last step", is_="step.last"),
)  # fmt: skip

GRID_KEYS = (
    key("down,j", "move(1)", "down", "Go to the next pod", is_="grid.down", display="↓ j"),
    key("up,k", "move(-1)", "up", "Go to the pod above", is_="grid.up", display="↑ k"),
    key("right,l", "move(0, 1)", "right", "Go to the next host", is_="grid.right", display="→ l"),
    key("left,h", "move(0, -1)", "left", "Go to the previous host", is_="grid.left", display="← h"),
    key("pagedown,ctrl+f", "page(1)", "page down", "Go one screen down", is_="grid.page-down"),
    key("pageup,ctrl+b", "page(-1)", "page up", "Go one screen up", is_="grid.page-up"),
    key("ctrl+right,L", "page(0, 1)", "page right", "Go one screen to the right", is_="grid.page-right"),
    key("ctrl+left,H", "page(0, -1)", "page left", "Go one screen to the left", is_="grid.page-left"),
    key("g", "end(False)", "first", "Go to the first pod", is_="grid.first"),
    key("G", "end(True)", "last", "Go to the last pod", is_="grid.last"),
    key("home", "end_across(False)", "first host", "Go to the first host", is_="grid.home"),
    key("end", "end_across(True)", "last host", "Go to the last host", is_="grid.end"),
    key("enter", "open", "trace", "Trace the connection of this cell", is_="grid.open", show=True, display="enter"),
)  # fmt: skip

MATRIX_KEYS = (
    key("escape", "back", "back", "Clear the filters, then go back", is_="matrix.back", show=True, display="esc"),
    key("q", "back", "back", "Clear the filters, then go back", is_="matrix.back-too"),
    key("slash", "filter('pods')", "filter pods", "Filter the pods", is_="matrix.filter", show=True, display="/"),
    key("c", "filter('hosts')", "filter hosts", "Filter the hosts", is_="matrix.filter-hosts", show=True),
    key("n", "namespace", "namespace", "Choose a namespace", is_="matrix.namespace", show=True),
    key("ctrl+z", "problems", "problems only", "Show only pods and hosts with a problem, or all again",
        is_="matrix.problems", show=True, display="^z"),
    key("a", "everything", "all hosts", "Also show verdicts of hosts that a pod does not use",
        is_="matrix.all", show=True),
    key("t", "trace", "trace", "Trace the connection of this cell", is_="matrix.trace"),
    key("1", "panel('pods')", "pods", "Go to the pods", is_="matrix.pods"),
    key("2", "panel('hosts')", "hosts", "Go to the external hosts", is_="matrix.hosts"),
    key("3", "panel('findings')", "findings", "Go to the findings", is_="matrix.findings"),
)  # fmt: skip

DETAILS_KEYS = (
    key("t", "trace", "trace", "Trace the connection of this line", is_="details.trace", show=True),
    key("y", "raw", "yaml", "Show the document that this line is from, or the object itself",
        is_="details.raw", show=True),
)  # fmt: skip

CHOICE_KEYS = (
    key("right,l,space", "next(1)", "next", "Choose the next one", is_="choice.next", show=True, display="←→"),
    key("left,h", "next(-1)", "previous", "Choose the previous one", is_="choice.previous"),
)  # fmt: skip

COMPLETION_KEYS = (
    key("down", "complete(1)", "next name", "Go to the next matching name", is_="offer.down", show=True, display="↑↓"),
    key("up", "complete(-1)", "name above", "Go to the matching name above", is_="offer.up"),
)  # fmt: skip

TRACE_KEYS = (
    key("escape", "back", "back", "Leave the field, then go back", is_="trace.back", show=True, display="esc"),
    key("q", "back", "back", "Go back; in a field, q is a letter", is_="trace.back-too"),
    key("tab", "app.focus_next", "next field", "Go to the next field", is_="field.next", show=True),
    key("shift+tab", "app.focus_previous", "previous field", "Go to the previous field", is_="field.previous"),
    key("i", "go('to')", "edit", "Edit the destination: host:port, or a URL", is_="trace.to", show=True),
    key("o", "go('pod')", "other pod", "Choose another pod", is_="trace.pod", show=True),
    key("p", "protocol", "protocol", "Choose the next protocol: tcp, server-first, tls, http",
        is_="trace.protocol", show=True),
    key("y", "raw", "yaml", "Show the document that decides this step", is_="raw", show=True),
)  # fmt: skip

FINDING_KEYS = (
    key("a", "fix", "fix", "Preview the chosen fix: its changes and its impact", is_="finding.fix", show=True),
    *(key(str(n), f"choose({n})", f"fix {n}", f"Choose fix {n}", is_=f"finding.fix-{n}") for n in range(1, 10)),
    key("y", "raw", "yaml", "Show the finding as JSON and its objects as YAML", is_="finding.raw", show=True),
    key("e", "export", "export", "Save the finding as Markdown and copy it", is_="finding.export", show=True),
    key("t", "trace", "trace", "Trace the connection of this pod", is_="finding.trace", show=True),
    key("p", "pod", "pod", "Show the path from another pod", is_="finding.pod", show=True),
    key("u", "undo", "undo", "Preview the undo of this finding's last fix", is_="finding.undo", show=True),
    key("tab", "next_panel(1)", "next panel", "Go to the next panel", is_="finding.next-panel"),
    key("shift+tab", "next_panel(-1)", "previous panel", "Go to the previous panel", is_="finding.previous-panel"),
)  # fmt: skip

QUESTION_KEYS = (
    key("y", "answer(True)", "yes", "Answer yes", is_="question.yes", show=True),
    key("n,escape,q,enter", "answer(False)", "no", "Answer no", is_="question.no", show=True, display="n"),
)

RAW_KEYS = (key("c", "copy", "copy", "Copy everything", is_="raw.copy", show=True),)

FIX_KEYS = (
    key(
        "A",
        "apply",
        "apply",
        "Apply the fix, or resume it; asks first where something gets worse",
        is_="fix.apply",
        show=True,
    ),
    key("s", "save", "save as file", "Save the fix as files", is_="fix.save", show=True),
    key("U", "undo", "undo", "Undo the fix", is_="fix.undo", show=True),
    key("tab", "next_panel(1)", "next panel", "Go to the next panel", is_="fix.next-panel"),
    key("shift+tab", "next_panel(-1)", "previous panel", "Go to the previous panel", is_="fix.previous-panel"),
)

HELP_KEYS = (
    key("escape,q,question_mark", "dismiss", "back", "Close the help", is_="help.close", show=True, display="esc"),
)  # fmt: skip

APP_KEYS = (
    key("colon", "command_palette", "command", "Find a command by its name", is_="palette", show=True, display=":"),
    key("ctrl+p", "command_palette", "command", "Find a command by its name, also while typing", is_="palette-too"),
    key("question_mark", "help", "help", "List the keys of this screen", is_="help", show=True, display="?"),
    key("ctrl+q", "quit", "quit", "Quit meshdoctor from any screen", is_="quit.now"),
    key("ctrl+c", "interrupt", "interrupt", "Quit meshdoctor with exit code 130", is_="quit.interrupt"),
)  # fmt: skip
