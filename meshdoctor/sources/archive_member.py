"""The headers of a tar archive (POSIX pax, tar(5)): read quickly, and never past damage.

tarfile takes a damaged or missing header after the first member for the end of the archive. Here only the end marker is
one: what lies behind damage must not be missing without a word.
"""

from __future__ import annotations

import re
import tarfile
from typing import Self, TypeVar

_BLOCK = 512
_MAGIC = slice(257, 262)
_ZEROS = bytes(_BLOCK)
_EXTENSIONS = frozenset(
    {
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.SOLARIS_XHDTYPE,
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
    }
)
_LONGEST = 64 * 1024
"""Bytes of an extension header, which tarfile reads as a whole. A path has 4 KiB at most."""
_SPARSE_CONTINUES = 482
"""Where a sparse file's header says that its map goes on in blocks of its own, as many as an attacker likes."""
# A header as every tar writes it for a file or folder without extensions: name, size, time, checksum, kind, no prefix.
_PLAIN = re.compile(
    rb"([\x21-\x7e]{1,100})\0{0,99}.{24}([0-7]{11})[\0 ]([0-7]{11})[\0 ]([0-7]{6})\0 ([05]).{100}"
    rb"ustar.{83}\0{155}.{12}",
    re.DOTALL,
)
_CHECKSUM = slice(148, 156)
_SPACES = 8 * 32


def is_tar(head: bytes) -> bool:
    """Whether content that starts with `head` is a tar archive (POSIX or GNU; both write `ustar` into the header)."""
    return len(head) >= _BLOCK and head[_MAGIC] == b"ustar"


_Member = TypeVar("_Member", bound=tarfile.TarInfo)


class ArchiveMember(tarfile.TarInfo):
    """A member of an archive, of which name, size, kind and time are used."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """A header. Raises `tarfile.ReadError` for damage, the end of the file, and what would fill the memory."""
        plain = _plain(cls, buf)
        if plain is not None:
            return plain
        try:
            member = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as problem:
            if buf == _ZEROS:
                raise
            raise tarfile.ReadError(str(problem)) from None
        if member.type in _EXTENSIONS and member.size > _LONGEST:
            raise tarfile.ReadError(f"an extension header of {member.size} bytes")
        if member.type == tarfile.GNUTYPE_SPARSE and buf[_SPARSE_CONTINUES]:
            raise tarfile.ReadError("a sparse file in many pieces")
        return member


def refuse_more(archive: tarfile.TarFile) -> None:
    """Raises `tarfile.ReadError` where anything follows the end marker: it was an overwritten header."""
    stream = archive.fileobj
    while stream is not None and (rest := stream.read(_LONGEST)):
        if rest.strip(b"\0"):
            raise tarfile.ReadError("zeros where a header should be")


def _plain(kind_of: type[_Member], buf: bytes | bytearray) -> _Member | None:
    """A plain header, in a third of tarfile's time; None where it is any other."""
    found = _PLAIN.fullmatch(buf)
    if found is None:
        return None
    name, size, time, checksum, kind = found.groups()
    if sum(buf) - sum(buf[_CHECKSUM]) + _SPACES != int(checksum, 8):
        return None
    member = kind_of(name.decode("ascii").rstrip("/") if kind == tarfile.DIRTYPE else name.decode("ascii"))
    member.size, member.mtime, member.type = int(size, 8), int(time, 8), kind
    return member
