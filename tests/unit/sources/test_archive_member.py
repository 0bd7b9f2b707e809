"""Headers of archives: as tarfile reads them where they are whole, and never an end where they are damaged."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdoctor.model.evidence import Capture
from meshdoctor.sources import read_capture
from meshdoctor.sources.archive_member import ArchiveMember
from tests.unit.sources.sources import CAPTURE, PODS, gzipped, member, tar_of

FILES = {f"resources/kind{number}.yaml": PODS for number in range(6)}
WHOLE = tar_of(FILES)
FOURTH = 3 * 1024
"""Where the fourth header stands: each before it has one block of content."""


def read(tmp_path: Path, content: bytes) -> Capture:
    path = tmp_path / "capture.tar"
    path.write_bytes(content)
    return read_capture(path)


def said(capture: Capture) -> str:
    return " ".join(note.because for note in capture.unread)


def test_a_whole_archive_has_no_note(tmp_path: Path) -> None:
    capture = read(tmp_path, WHOLE)
    assert (len(capture.documents), capture.unread) == (6, ())


@pytest.mark.parametrize("packed", [bytes, gzipped], ids=["tar", "gzip"])
@pytest.mark.parametrize(
    "damaged",
    [
        WHOLE[: FOURTH + 148] + b"7" + WHOLE[FOURTH + 149 :],
        WHOLE[:FOURTH] + bytes(512) + WHOLE[FOURTH + 512 :],
        WHOLE[:FOURTH],
        WHOLE[: FOURTH + 100],
        WHOLE[: FOURTH + 512],
        WHOLE[:FOURTH] + b"\xff" * 512 + WHOLE[FOURTH + 512 :],
        WHOLE[:FOURTH] + bytes(1024) + b"and more",
    ],
    ids=["checksum", "zeros", "before a header", "in a header", "after a header", "noise", "behind the end"],
)
def test_a_damaged_header_is_not_the_end(tmp_path: Path, damaged: bytes, packed: type[bytes]) -> None:
    capture = read(tmp_path, packed(damaged))
    assert len(capture.documents) == 3
    assert "damaged or cut short after 3 files" in said(capture)


def test_zeros_behind_the_end_are_padding(tmp_path: Path) -> None:
    capture = read(tmp_path, WHOLE + bytes(1024 * 1024))
    assert (len(capture.documents), capture.unread) == (6, ())


def extension(size: int) -> bytes:
    """An archive with a comment of so many bytes before its second file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in FILES.items():
            info, _ = member(name, content)
            if name.endswith("1.yaml"):
                info.pax_headers = {"comment": "c" * size}
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def test_an_extension_header_is_read_up_to_a_size(tmp_path: Path) -> None:
    assert len(read(tmp_path, extension(4096)).documents) == 6
    capture = read(tmp_path, extension(1024 * 1024))
    assert (len(capture.documents), "cut short after 1 files" in said(capture)) == (1, True)


def test_a_sparse_map_without_end_is_not_followed(tmp_path: Path) -> None:
    header = bytearray(tarfile.TarInfo("resources/sparse.yaml").tobuf(tarfile.GNU_FORMAT))
    header[156:157] = tarfile.GNUTYPE_SPARSE
    header[482] = 1
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    more = (b"%011o\0" % 1) * 42 + b"\1" + bytes(7)
    capture = read(tmp_path, WHOLE[:FOURTH] + bytes(header) + more * 100)
    assert (len(capture.documents), "cut short after 3 files" in said(capture)) == (3, True)


FORMS: st.SearchStrategy[Literal[0, 1, 2]] = st.sampled_from([0, 1, 2])  # USTAR, GNU, PAX
NAMES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x2FF), min_size=1, max_size=130)


@given(
    name=st.one_of(NAMES, st.sampled_from(["a/", "a//", "/a", "./a", "a b", "a" * 100, "b/" * 60])),
    size=st.integers(0, 8**11 + 5),
    time=st.integers(0, 2**33),
    kind=st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE]),
    form=FORMS,
    damage=st.none() | st.tuples(st.integers(0, 511), st.integers(0, 255)),
)
def test_a_header_is_what_tarfile_reads(
    name: str, size: int, time: int, kind: bytes, form: Literal[0, 1, 2], damage: tuple[int, int] | None
) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.type = size, time, kind
    try:
        header = info.tobuf(form)[-512:]
    except (ValueError, UnicodeError):  # this format cannot say that
        return
    if damage is not None:
        at, value = damage
        header = header[:at] + bytes([value]) + header[at + 1 :]
    try:
        expected = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        with pytest.raises(tarfile.TarError):
            ArchiveMember.frombuf(header, "utf-8", "surrogateescape")
        return
    found = ArchiveMember.frombuf(header, "utf-8", "surrogateescape")
    for field in ("name", "size", "mtime", "type"):
        assert getattr(found, field) == getattr(expected, field)


def test_the_capture_of_the_other_tests_is_read_by_the_quick_way() -> None:
    header = tar_of(CAPTURE)[:512]
    assert ArchiveMember.frombuf(header, "utf-8", "strict").uid == 0
    owned = tarfile.TarInfo("a")
    owned.uid = 7
    assert ArchiveMember.frombuf(owned.tobuf(), "utf-8", "strict").uid == 0, "what is not used is not read"
