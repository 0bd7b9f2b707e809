"""`meshdoctor capture`: save all evidence without secrets, to diagnose it elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meshdoctor.cli.exit_codes import ExitCode
from meshdoctor.cli.progress import ProgressBar
from meshdoctor.cli.source_options import SourceOptions
from meshdoctor.cli.streams import put, say
from meshdoctor.errors import UsageError

if TYPE_CHECKING:
    from meshdoctor.doctor import SavedCapture

_SHOWN = 10

KeepAll = Annotated[
    bool, typer.Option("--keep-all", help="Keep other texts too, but for secrets that can be recognised")
]
Target = Annotated[Path, typer.Argument(metavar="PATH", help="New folder, or a name that ends in .tar.gz or .tar.zst")]


def capture(
    path: Target,
    source_options: SourceOptions,
    keep_all: KeepAll = False,
) -> int:
    """Save a capture without secrets, to diagnose it elsewhere.

    It keeps what a diagnosis reads: names, hosts, ports, addresses, paths, numbers. Of any other text it keeps the
    length. capture.yaml counts what was replaced.

    Exit codes:
      0    saved
      2    wrong usage
      3    nothing to save, or no sidecar in it
      4    a cluster or file could not be read or written
      130  interrupted

    Examples:
      # Save a capture of the current context
      meshdoctor capture prod.tar.zst

      # Save one namespace into a new folder
      meshdoctor capture shop/ -n shop

      # Redact a folder of files collected without meshdoctor
      meshdoctor capture clean.tar.gz --from collected/
    """
    if source_options.from_ and (source_options.chosen or source_options.labels):
        raise UsageError("-n and -l choose pods of a cluster, but --from is saved whole: leave -n and -l out")
    source = source_options.source()
    if keep_all:
        say(
            "warning: --keep-all keeps every text but secrets that can be recognised. Search the capture for others "
            "before you pass it on."
        )

    from meshdoctor import doctor

    with ProgressBar() as progress:
        saved = doctor.save_capture(source, path, progress, keep_all=keep_all)
    _print_summary(saved)
    put(f"{saved.path}\n")
    if saved.interrupted:
        return ExitCode.INTERRUPTED
    if not saved.proxies:
        say("the capture contains no sidecar configuration, so no verdict will be possible")
        return ExitCode.NO_VERDICT
    return ExitCode.CLEAN


def _print_summary(saved: SavedCapture) -> None:
    from meshdoctor.sources.limits import in_words
    from meshdoctor.text.phrases import count

    say(f"{count(saved.proxies, 'sidecar')}, {count(saved.documents, 'document')}, {in_words(saved.size)}")
    if saved.removed:
        say(f"redacted {count(saved.removed, 'secret')}; capture.yaml lists them")
    if saved.replaced:
        say(f"kept only the length of {count(saved.replaced, 'text')} that no diagnosis reads (--keep-all keeps them)")
    for note in saved.unread[:_SHOWN]:
        say(f"not read: {note.path}: {note.because}")
    if len(saved.unread) > _SHOWN:
        say(f"not read: {len(saved.unread) - _SHOWN} more, listed in capture.yaml")
