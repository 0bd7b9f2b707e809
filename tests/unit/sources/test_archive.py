"""Archives of a capture, and archives that mean harm."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from meshdoctor.errors import MeshdoctorError, NothingToJudge, Unreadable, UsageError
from meshdoctor.model.evidence import Capture
from meshdoctor.sources import Limits, read_capture
from meshdoctor.sources.source_tree import MAX_NOTES
from tests.unit.sources.sources import CAPTURE, DUMP, PODS, PROXY, gzipped, member, tar_of, write

SMALL = Limits(ratio_from=1024, ratio=20)


def read(tmp_path: Path, content: bytes, name: str = "capture.tar.gz", limits: Limits | None = None) -> Capture:
    path = tmp_path / name
    path.write_bytes(content)
    return read_capture(path, limits or Limits())


def notes(capture: Capture) -> dict[str, str]:
    return {note.path: note.because for note in capture.unread}


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("capture.tar", bytes),
        ("capture.tar.gz", gzipped),
        ("capture.tgz", gzipped),
        ("capture.tar.zst", zstandard.ZstdCompressor().compress),
        ("misnamed.json", gzipped),
    ],
)
@pytest.mark.parametrize("top", ["", "./", "incident/", "a/b/"])
def test_every_packing_gives_the_same_capture(
    tmp_path: Path, name: str, pack: Callable[[bytes], bytes], top: str
) -> None:
    files = {top + path: content for path, content in CAPTURE.items()}
    files |= {top + "observed.json": b"{}", top + "proxies/shop/web-1/._config_dump.json": b"mac"}
    if top == "a/b/":
        del files[top + "resources/pods.yaml"]
    capture = read(tmp_path, pack(tar_of(files)), name)
    expected = {path: content for path, content in CAPTURE.items() if top + path in files}
    assert {path: document.read() for path, document in capture.documents.items()} == expected
    assert capture.kind == "capture"
    assert capture.unread == ()


def test_nothing_is_written_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    read(tmp_path, gzipped(tar_of(CAPTURE))).documents["dns.json"].read()
    assert [path.name for path in tmp_path.iterdir()] == ["capture.tar.gz"]


@pytest.mark.parametrize(
    ("entry", "because"),
    [
        (member("../../resources/evil.yaml", PODS), "points outside the archive"),
        (member("/etc/resources/evil.yaml", PODS), "points outside the archive"),
        (member("resources/../../evil.yaml", PODS), "points outside the archive"),
        (member("resources/evil.yaml", kind=tarfile.SYMTYPE, link="/etc/passwd"), "is a link"),
        (member("resources/evil.yaml", kind=tarfile.LNKTYPE, link="resources/pods.yaml"), "is a link"),
        (member("resources/evil.yaml", kind=tarfile.CHRTYPE), "not a regular file"),
        (member("resources/evil.yaml", kind=tarfile.FIFOTYPE), "not a regular file"),
        (member("resources/\x1b[2J.yaml", PODS), "control characters"),
    ],
    ids=["parent", "absolute", "detour", "symlink", "hardlink", "device", "fifo", "control"],
)
def test_hostile_entries_are_left_out_with_a_note(
    tmp_path: Path, entry: tuple[tarfile.TarInfo, bytes], because: str
) -> None:
    capture = read(tmp_path, gzipped(tar_of(CAPTURE, [entry])))
    assert set(capture.documents) == set(CAPTURE)
    ((path, reason),) = notes(capture).items()
    assert because in reason
    assert path.isprintable()


def test_a_flood_of_hostile_entries_gives_a_bounded_list_of_notes(tmp_path: Path) -> None:
    flood = [member(f"../{number}.yaml", PODS) for number in range(3 * MAX_NOTES)]
    assert len(read(tmp_path, gzipped(tar_of(CAPTURE, flood))).unread) == MAX_NOTES


def test_a_bomb_is_stopped(tmp_path: Path) -> None:
    bomb = gzipped(tar_of({**CAPTURE, "noise.bin": bytes(1024 * 1024)}))
    with pytest.raises(Unreadable, match="unpacks to more than"):
        read(tmp_path, bomb, limits=SMALL)


def test_a_bomb_of_zstd_is_stopped(tmp_path: Path) -> None:
    bomb = zstandard.ZstdCompressor().compress(tar_of({**CAPTURE, "noise.bin": bytes(1024 * 1024)}))
    with pytest.raises(Unreadable, match="unpacks to more than"):
        read(tmp_path, bomb, "capture.tar.zst", SMALL)


def test_a_bomb_of_one_file_is_stopped(tmp_path: Path) -> None:
    bomb = gzipped(DUMP + b" " * 1024 * 1024)
    with pytest.raises(Unreadable, match="unpacks to more than"):
        [document.read() for document in read(tmp_path, bomb, "dump.json.gz", SMALL).documents.values()]


def test_limits_of_an_archive(tmp_path: Path) -> None:
    packed = tar_of(CAPTURE)
    assert PROXY + "config_dump.json" in notes(read(tmp_path, packed, limits=Limits(document=60)))
    with pytest.raises(Unreadable, match="kept in memory"):
        read(tmp_path, packed, limits=Limits(stored=100))
    with pytest.raises(UsageError, match="more than 2 files"):
        read(tmp_path, packed, limits=Limits(files=2))
    with pytest.raises(UsageError):
        read(tmp_path, packed, limits=Limits(entries=2))


def test_a_cut_archive_gives_what_came_before_the_cut(tmp_path: Path) -> None:
    noise = bytes(range(256)) * 400
    whole = tar_of({"resources/pods.yaml": PODS, PROXY + "config_dump.json": DUMP + noise})
    capture = read(tmp_path, whole[: len(PODS) + 20_000], "capture.tar")
    assert set(capture.documents) == {"resources/pods.yaml"}
    assert "cut short after 1 files" in notes(capture)[str(tmp_path / "capture.tar")]


@pytest.mark.parametrize("pack", [gzipped, zstandard.ZstdCompressor().compress])
def test_a_cut_compressed_archive_does_so_too(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    whole = pack(tar_of({"resources/pods.yaml": PODS, PROXY + "config_dump.json": os.urandom(1024 * 1024)}))
    capture = read(tmp_path, whole[:600_000])
    assert set(capture.documents) == {"resources/pods.yaml"}
    assert "cut short after 1 files" in notes(capture)[str(tmp_path / "capture.tar.gz")]


def test_an_archive_cut_in_its_first_file_says_so(tmp_path: Path) -> None:
    whole = gzipped(tar_of({PROXY + "config_dump.json": os.urandom(100_000)}))
    with pytest.raises(Unreadable, match=r"is a damaged tar archive: .* is cut short"):
        read(tmp_path, whole[:50_000])


def test_several_captures_in_one_archive_are_a_question(tmp_path: Path) -> None:
    files = {f"{top}/{path}": content for top in ("one", "two") for path, content in CAPTURE.items()}
    with pytest.raises(UsageError, match=r"2 captures side by side \(one, two\)"):
        read(tmp_path, tar_of(files))


def test_an_archive_without_evidence_is_nothing_to_judge(tmp_path: Path) -> None:
    with pytest.raises(NothingToJudge, match="contains no evidence"):
        read(tmp_path, gzipped(tar_of({"notes.md": b"#"})))


def test_an_archive_of_loose_dumps_is_read_as_a_folder_of_them(tmp_path: Path) -> None:
    capture = read(tmp_path, gzipped(tar_of({"dumps/web.json": DUMP})))
    assert set(capture.documents) == {"proxies/-/dumps.web/config_dump.json"}


@pytest.mark.parametrize(
    ("start", "name"), [(b"PK\x03\x04", "zip"), (b"\xfd7zXZ\x00", "xz"), (b"BZh9", "bzip2"), (b"7z\xbc\xaf", "7z")]
)
def test_other_packings_are_named(tmp_path: Path, start: bytes, name: str) -> None:
    with pytest.raises(Unreadable, match=f"compressed with {name}"):
        read(tmp_path, start + b"rest")


@pytest.mark.parametrize("damage", range(0, 1536, 61))
def test_damage_anywhere_ends_in_words_or_in_evidence(tmp_path: Path, damage: int) -> None:
    content = bytearray(tar_of(CAPTURE))
    content[damage : damage + 8] = b"\xff\x00\xfe9x\xff-1"
    try:
        documents = read(tmp_path, bytes(content), "capture.tar").documents
    except MeshdoctorError:
        return
    assert documents


@pytest.mark.parametrize("damage", [0, 9, 25, 40])
@pytest.mark.parametrize("packed", [gzipped(tar_of(CAPTURE)), zstandard.ZstdCompressor().compress(tar_of(CAPTURE))])
def test_damaged_packing_ends_in_words(tmp_path: Path, packed: bytes, damage: int) -> None:
    content = bytearray(packed)
    content[damage + 5 : damage + 12] = b"\xff\x00\xfe9x\xff-"
    try:
        documents = read(tmp_path, bytes(content)).documents
    except MeshdoctorError:
        return
    assert documents


def test_a_sparse_entry_is_not_unfolded(tmp_path: Path) -> None:
    sparse = tarfile.TarInfo("resources/sparse.yaml")
    sparse.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(2**40)}
    content = b"1\n0\n512\n".ljust(512, b"\0") + bytes(512)
    sparse.size = len(content)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(*_opened(member("resources/pods.yaml", PODS)))
        archive.addfile(*_opened((sparse, content)))
    capture = read(tmp_path, buffer.getvalue())
    assert set(capture.documents) == {"resources/pods.yaml"}
    assert "not a regular file" in notes(capture)["resources/sparse.yaml"]


def _opened(entry: tuple[tarfile.TarInfo, bytes]) -> tuple[tarfile.TarInfo, io.BytesIO]:
    return entry[0], io.BytesIO(entry[1])


def test_a_folder_and_its_archive_say_the_same(tmp_path: Path, shared: Path) -> None:
    folder = shared / "captures" / "healthy"
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    archived = read(tmp_path, gzipped(tar_of(files)))
    walked = read_capture(write(tmp_path / "copy", files))
    assert {key: document.read() for key, document in archived.documents.items()} == {
        key: document.read() for key, document in walked.documents.items()
    }
