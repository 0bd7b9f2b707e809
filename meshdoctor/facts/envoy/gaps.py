"""What is missing of each section of a dump, collected while it is read."""

from __future__ import annotations

from msgspec.structs import replace

from meshdoctor.model.coverage import Completeness, Coverage


class Gaps:
    """The sections that are not whole; `by_section` becomes `Proxy.gaps`, and grows with it."""

    def __init__(self) -> None:
        self.by_section: dict[str, Coverage] = {}

    def entry(self, section: str, name: str, because: str, *, at: str = "", may_be_any: bool = False) -> None:
        """An entry that was left out or read in part.

        Without a name it may be any, and `at` says where it is; a listener may be any without an address.
        """
        known = self.by_section.get(section)
        missing = name or at or "an entry without a name"
        is_named = bool(name) and not may_be_any
        if known is None:
            made = Coverage(Completeness.PARTIAL, f"{missing} was not read whole: {because}", (missing,), is_named)
        elif missing in known.missing:
            return
        else:
            made = replace(known, missing=(*known.missing, missing), names_all=known.names_all and is_named)
        self.by_section[section] = made

    def anything(self, section: str, because: str, missing: str = "") -> None:
        """Any part of the section may be missing."""
        known = self.by_section.get(section)
        names = (*(known.missing if known else ()), *((missing,) if missing else ()))
        self.by_section[section] = Coverage(Completeness.PARTIAL, because, names)

    def contradicted(self, section: str, because: str, missing: tuple[str, ...]) -> None:
        """Another section names entries that this one lacks."""
        known = self.by_section.get(section)
        if known is None:
            self.by_section[section] = Coverage(Completeness.CONTRADICTED, because, missing, True)
        elif known.names_all:
            self.by_section[section] = replace(known, missing=tuple(dict.fromkeys((*known.missing, *missing))))
