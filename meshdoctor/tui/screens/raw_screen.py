"""A finding as JSON and its objects as YAML, which fold and can be searched."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from meshdoctor.diagnosis.excerpts import Excerpt, resource
from meshdoctor.model.finding import Finding
from meshdoctor.report.json_parts import encoded, finding_of
from meshdoctor.semantics.istio.subjects import subject
from meshdoctor.text.printable import printable
from meshdoctor.tui.app_session import TuiSession
from meshdoctor.tui.screens.document_screen import DocumentScreen
from meshdoctor.tui.state.folding import Folding, Row, tree_rows


class RawScreen(DocumentScreen):
    """The finding is shown at once, its objects when they are read."""

    def __init__(self, session: TuiSession, finding: Finding) -> None:
        super().__init__(
            session,
            f"{finding.rule}   {subject(finding)}",
            lambda case: [resource(case.capture, one) for one in finding.resources],
            title="JSON and YAML",
        )
        self.finding = finding

    def on_mount(self) -> None:
        """The finding needs no reading."""
        self.put(())
        if self.finding.resources:
            super().on_mount()

    def unread(self, because: str) -> Sequence[Excerpt]:
        """Says of each object why."""
        return [Excerpt(document="", because=because)] * len(self.finding.resources)

    def folded(self, found: Sequence[Excerpt]) -> Folding:
        """Everything unfolded."""
        return Folding(raw_rows(self.finding, found))


def raw_rows(finding: Finding, objects: Sequence[Excerpt]) -> Iterator[Row]:
    """The finding as in `check --json`, then its objects as they were read."""
    yield Row(0, "the finding, as in check --json", is_head=True)
    yield from tree_rows(json.loads(encoded(finding_of(finding))), "json", depth=1)
    for item, found in zip(finding.resources, objects, strict=False):
        yield Row(0, printable(f"{item.role or 'object'}: {item}"), is_head=True)
        if found.because:
            yield Row(1, found.because)
        else:
            yield from tree_rows(found.tree, "yaml", depth=1)
