"""What `demo` prints around the check: the story before it, what to try after it."""

from __future__ import annotations

from collections.abc import Iterable

from meshdoctor.model.finding import Diagnosis
from meshdoctor.report.sort_order import under_causes
from meshdoctor.report.text_writer import TextWriter
from meshdoctor.semantics.istio.host_names import host_port
from meshdoctor.text.printable import printable


def listing(snapshots: Iterable[tuple[str, str, str]], writer: TextWriter) -> str:
    """The snapshots, each as (name, title, story)."""
    lines: list[str] = []
    for name, title, story in snapshots:
        lines += [writer.strong(printable(name)), *writer.paragraph(title, 2), *writer.paragraph(story, 4), ""]
    return "\n".join([*lines, "Show one: meshdoctor demo NAME"]) + "\n"


def opening(title: str, story: str, istio_version: str, writer: TextWriter) -> str:
    """What the snapshot is about."""
    of = f"Captured in a lab from a real istiod and Envoy: Istio {istio_version}." if istio_version else ""
    lines = [*writer.heading(printable(title)), *writer.paragraph(f"{story.strip()}\n{of}", 0), "", ""]
    return "\n".join(lines)


def next_steps(name: str, diagnosis: Diagnosis, writer: TextWriter) -> str:
    """Commands that go on from the worst finding, and the way out of the demo."""
    where = f"--from demo:{name}"
    lines = ["", *writer.heading("what to try next")]
    for finding, _ in under_causes(diagnosis.findings)[:1]:
        if finding.host and finding.port and finding.pods:
            pod = finding.pods[0]
            lines.append(f"meshdoctor trace {pod} \\\n    {host_port(finding.host, finding.port)} {where}")
        if finding.fixes:
            lines.append(f"meshdoctor fix {finding.fingerprint[:8]} {where}")
        lines.append(f"meshdoctor rules explain {finding.rule}")
    lines += [f"meshdoctor hosts {where}", "meshdoctor demo --list", "meshdoctor check --from YOUR-CAPTURE"]
    return "\n".join(lines) + "\n"
