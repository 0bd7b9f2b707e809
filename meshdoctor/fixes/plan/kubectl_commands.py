"""The kubectl commands that apply a change without meshdoctor, and those that undo it."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from meshdoctor.facts.resources.object_metadata import PLURALS
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.text.shell import ShellCommand, command

MANAGER = "meshdoctor"


class Command(Struct, frozen=True):
    """The commands of one change, quoted for a POSIX shell."""

    do: ShellCommand
    undo: ShellCommand | None
    """None where the object before the change is not fully known."""


def apply_line(file: str, context: str | None = None) -> ShellCommand:
    """Server-side apply of one file; a conflict with another field manager is shown, not forced."""
    return _line("apply", context, ["--server-side", f"--field-manager={MANAGER}", "-f", file])


def patch_line(key: ObjectRef, file: str, kind: str, context: str | None = None) -> ShellCommand:
    """`kubectl patch` with a file; `kind` is `merge` or `json`."""
    options = [*_named(key), f"--field-manager={MANAGER}", f"--type={kind}", "--patch-file", file]
    return _line("patch", context, options)


def delete_line(key: ObjectRef, context: str | None = None) -> ShellCommand:
    """`kubectl delete` of one object."""
    return _line("delete", context, _named(key))


def _named(key: ObjectRef) -> list[str]:
    """The object as `type.group/name`, which cannot be taken for an option."""
    resource = ".".join(part for part in (PLURALS.get(key.kind, key.kind.lower()), key.group) if part)
    return [f"{resource}/{key.name}", *([f"--namespace={key.namespace}"] if key.namespace else [])]


def _line(verb: str, context: str | None, words: Sequence[str]) -> ShellCommand:
    given = [f"--context={context}"] if context else []
    return command("kubectl", *given, verb, *words)
