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

Target = Annotated[Path, typer.Argument(metavar="PATH", help="New folder, or a name that ends in .tar.gz or .tar.zst")]


def capture(
    path: Target,
    source_options: SourceOptions,
) -> int:
    """Save a capture without secrets, to diagnose it elsewhere.

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

    from meshdoctor import doctor

    with ProgressBar() as progress:
        saved = doctor.save_capture(source, path, progress)
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
        say(f"redacted {count(saved.removed, 'value')}; capture.yaml lists them")
    for note in saved.unread[:_SHOWN]:
        say(f"not read: {note.path}: {note.because}")
    if len(saved.unread) > _SHOWN:
        say(f"not read: {len(saved.unread) - _SHOWN} more, listed in capture.yaml")
