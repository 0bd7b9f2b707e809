"""What `demo` prints around the check: the story before it, what to try after it."""

from __future__ import annotations

from collections.abc import Iterable

from meshdoctor.model.finding import Diagnosis
from meshdoctor.report.order import under_causes
from meshdoctor.report.paper import Paper
from meshdoctor.semantics.hosts import host_port
from meshdoctor.semantics.text import printable


def listing(snapshots: Iterable[tuple[str, str, str]], paper: Paper) -> str:
    """The snapshots, each as (name, title, story)."""
    lines: list[str] = []
    for name, title, story in snapshots:
        lines += [paper.strong(printable(name)), *paper.paragraph(title, 2), *paper.paragraph(story, 4), ""]
    return "\n".join([*lines, "Show one: meshdoctor demo NAME"]) + "\n"


def opening(title: str, story: str, istio_version: str, paper: Paper) -> str:
    """What the snapshot is about."""
    of = f"Captured in a lab from a real istiod and Envoy: Istio {istio_version}." if istio_version else ""
    lines = [*paper.heading(printable(title)), *paper.paragraph(f"{story.strip()}\n{of}", 0), "", ""]
    return "\n".join(lines)


def next_steps(name: str, diagnosis: Diagnosis, paper: Paper) -> str:
    """Commands that go on from the worst finding, and the way out of the demo."""
    where = f"--from demo:{name}"
    lines = ["", *paper.heading("what to try next")]
    for finding, _ in under_causes(diagnosis.findings)[:1]:
        if finding.host and finding.port and finding.pods:
            pod = finding.pods[0]
            lines.append(f"meshdoctor trace {pod} \\\n    {host_port(finding.host, finding.port)} {where}")
        if finding.fixes:
            lines.append(f"meshdoctor fix {finding.fingerprint[:8]} {where}")
        lines.append(f"meshdoctor rules explain {finding.rule}")
    lines += [f"meshdoctor hosts {where}", "meshdoctor demo --list", "meshdoctor check --from YOUR-CAPTURE"]
    return "\n".join(lines) + "\n"
