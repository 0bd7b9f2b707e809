"""What `demo` shows around the check: the story before it, what to try after it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from meshdoctor.model.finding import Diagnosis
from meshdoctor.semantics.istio.host_names import host_port
from meshdoctor.text.printable import TextLines, in_lines
from meshdoctor.text.shell import ShellCommand, command
from meshdoctor.view.blocks import GAP, Block, CodeText, Headed, Labelled, Paragraph
from meshdoctor.view.finding import FINGERPRINT
from meshdoctor.view.sort_order import under_causes


def listing(snapshots: Iterable[tuple[str, str, str]]) -> Iterator[Block]:
    """The snapshots, each as (name, title, story)."""
    for name, title, story in snapshots:
        yield Labelled(name, title, (Paragraph(TextLines(story)),), tone="strong")
        yield GAP
    yield Paragraph("Show one: meshdoctor demo NAME")


def opening(title: str, story: str, istio_version: str) -> Headed:
    """What the snapshot is about."""
    of = f"Captured in a lab from a real istiod and Envoy: Istio {istio_version}." if istio_version else ""
    return Headed(title, (Paragraph(TextLines(f"{story.strip()}\n{of}")), GAP))


def next_steps(name: str, diagnosis: Diagnosis) -> Headed:
    """Commands that go on from the worst finding, and the way out of the demo."""
    where = command("--from", f"demo:{name}")
    lines: list[ShellCommand] = []
    for finding, _ in under_causes(diagnosis.findings)[:1]:
        if finding.host and finding.port and finding.pods:
            to = command(host_port(finding.host, finding.port), more=where)
            lines.append(ShellCommand(f"{command('meshdoctor', 'trace', finding.pods[0])} \\"))
            lines.append(ShellCommand(f"    {to}"))
        if finding.fixes:
            lines.append(command("meshdoctor", "fix", finding.fingerprint[:FINGERPRINT], more=where))
        lines.append(command("meshdoctor", "rules", "explain", finding.rule))
    lines += [
        command("meshdoctor", "hosts", more=where),
        command("meshdoctor", "demo", "--list"),
        command("meshdoctor", "check", "--from", "YOUR-CAPTURE"),
    ]
    return Headed("what to try next", (CodeText(in_lines(lines)),))
