"""Dumps in .zip, .gz and .cab files: the one in there is opened, several, none and damage are said."""

from __future__ import annotations

import gzip
import io
import random
import shutil
import struct
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Any, Iterator, Mapping, Sequence

import pytest

from hogwalk.errors import BadInput
from hogwalk.targets.dump import open_dump, unpacked
from tests.cli.running import hogwalk
from tests.dump.contents import stackhog
from tests.dump.minidumps import user32

BLOCK = 0x8000
LZX, STORED, MSZIP = 0x1503, 0, 1


@pytest.fixture(scope="module")
def dump() -> bytes:
    return user32(stackhog(), full=False)


def zipped(members: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def lzx_head(size: int) -> bytes:
    """What LZX has before the bytes of a block that is not compressed: no E8 translation, type 3, its size, R0..R2."""
    bits = f"0{3:03b}{size:024b}".ljust(32, "0")
    return struct.pack("<HH3I", int(bits[:16], 2), int(bits[16:], 2), 1, 1, 1)


def cabinet(members: Mapping[str, bytes], kind: int = MSZIP, reserve: int = 0) -> bytes:
    """A cabinet (MS-CAB): one folder that holds all members."""
    whole, blocks, window = b"".join(members.values()), b"", b""
    for at in range(0, len(whole), BLOCK):
        raw = whole[at : at + BLOCK]
        packed = raw
        if kind == MSZIP:
            packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, zdict=window)
            packed = b"CK" + packer.compress(raw) + packer.flush()
        if kind == LZX:
            packed = (b"" if at else lzx_head(len(whole))) + raw
        window = raw
        blocks += struct.pack("<IHH", 0, len(packed), len(raw)) + bytes(reserve) + packed
    files, start = b"", 0
    for name, data in members.items():
        files += struct.pack("<IIHHHH", len(data), start, 0, 0, 0, 0x20) + name.encode() + b"\0"
        start += len(data)
    extra = struct.pack("<HBB", 4, 0, reserve) + b"head" if reserve else b""
    files_at = 36 + len(extra) + 8
    head = struct.pack(
        "<4sIIIIIBBHHHHH", b"MSCF", 0, files_at + len(files) + len(blocks), 0, files_at, 0, 3, 1, 1, len(members),
        4 if reserve else 0, 0, 0,
    )  # fmt: skip
    count = (len(whole) + BLOCK - 1) // BLOCK
    return head + extra + struct.pack("<IHH", files_at + len(files), count, kind) + files + blocks


def written(folder: Path, name: str, data: bytes) -> str:
    path = folder / name
    path.write_bytes(data)
    return str(path)


def test_every_kind_opens_to_the_same_dump(tmp_path: Path, dump: bytes) -> None:
    kinds: Sequence[bytes] = (
        zipped({"readme.txt": b"see the dump", "logs/crash.dmp": dump}),
        gzip.compress(dump),
        cabinet({"notes.txt": b"x" * 50_000, "crash.dmp": dump, "more.txt": b"y" * 50_000}),
        cabinet({"crash.dmp": dump}, STORED, reserve=2),
    )
    plain = open_dump(written(tmp_path, "plain.dmp", dump))
    for number, data in enumerate(kinds):
        target = open_dump(written(tmp_path, f"packed{number}", data))
        assert target.modules() == plain.modules()
        assert target.stack() == plain.stack()
        assert target.read(target.stack()[0], 0x3000) == plain.read(target.stack()[0], 0x3000)  # type: ignore[index]


def test_a_packed_dump_is_named_on_the_command_line_as_a_plain_one(tmp_path: Path, dump: bytes) -> None:
    path = written(tmp_path, "crash.zip", zipped({"crash.dmp": dump}))
    for arguments in ((path,), ("-z", path)):
        ended = hogwalk(*arguments, "threads")
        assert (ended.code, ended.errors) == (0, "")
        assert "user dump, x86" in ended.out


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (zipped({"a.txt": b"hello"}), "holds no dump"),
        (zipped({"a.dmp": b"MDMP0000", "b/c.dmp": b"MDMP0001"}), "holds 2 dumps: a.dmp, b/c.dmp"),
        (zipped({"a\x1b[2J.dmp": b"MDMP0000", "b.dmp": b"MDMP0001"}), r"a\x1b[2J.dmp"),
        (zipped({"a.dmp": b"MDMP" + bytes(200)})[:60], "cannot be unpacked"),
        (gzip.compress(b"MDMP" + bytes(2000))[:20], "cannot be unpacked"),
        (cabinet({"a.dmp": b"MDMP" + bytes(2000)})[:90], "cannot be unpacked"),
        (b"MSCF" + bytes(20), "cannot be unpacked"),
    ],
    ids=("none", "two", "escapes", "zip cut", "gzip cut", "cab cut", "cab of zeros"),  # archives hold the time
)
def test_what_cannot_be_opened_is_one_line(tmp_path: Path, data: bytes, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        open_dump(written(tmp_path, "packed", data))
    assert said in str(caught.value)
    assert str(caught.value).isprintable()


def test_lzx_without_the_library_says_how_to_unpack_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pylibmspack", None)
    with pytest.raises(BadInput, match="packed by LZX") as caught:
        open_dump(written(tmp_path, "a.cab", cabinet({"a.dmp": b"MDMP" + bytes(2000)}, LZX)))
    assert "expand FILE -F:* FOLDER" in caught.value.remedy


def test_a_bomb_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacked, "MOST_BYTES", 1 << 20)
    path = written(tmp_path, "bomb.gz", gzip.compress(b"MDMP" + bytes(3 << 20)))
    with pytest.raises(BadInput, match="unpacks to more than"):
        open_dump(path)


def test_what_says_that_it_is_too_large_is_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacked, "LEAST_BYTES", 1 << 20)

    def never(*_: Any) -> None:
        raise AssertionError("something is written")

    monkeypatch.setattr(tempfile, "mkstemp", never)
    large = {"a.dmp": b"MDMP" + bytes(3 << 20)}
    for number, data in enumerate((zipped(large), cabinet(large))):
        with pytest.raises(BadInput, match=r"unpacks to more than the 1,[0-9,]+ bytes"):
            open_dump(written(tmp_path, f"large{number}", data))


def test_an_archive_leaves_half_of_the_free_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dump: bytes) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=len(dump))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(BadInput, match="unpacks to more than"):
        open_dump(written(tmp_path, "a.gz", gzip.compress(dump)))


def test_a_cabinet_of_lzx_is_unpacked_by_the_library_that_can(tmp_path: Path, dump: bytes) -> None:
    pytest.importorskip("pylibmspack")
    before = set(Path(tempfile.gettempdir()).glob("hogwalk-*"))
    data = cabinet({"notes.txt": b"x" * 50_000, "crash.dmp": dump}, LZX)
    plain, target = (open_dump(written(tmp_path, name, raw)) for name, raw in (("a.dmp", dump), ("a.cab", data)))
    assert target.modules() == plain.modules()
    assert target.stack() == plain.stack()
    two = cabinet({"b.dmp": dump, "c.mdmp": dump}, LZX)
    for wrong, said in ((two, "holds 2 dumps: b.dmp, c.mdmp"), (data[:-9000], "cannot be unpacked")):
        with pytest.raises(BadInput, match=said):
            open_dump(written(tmp_path, "wrong.cab", wrong))
    assert set(Path(tempfile.gettempdir()).glob("hogwalk-*")) <= before


def late(count: int, members: int, kind: int) -> bytes:
    """A cabinet of so many blocks whose files all lie at their end."""
    whole = cabinet({f"{number}.txt": b"" for number in range(members)}, kind)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = b"CK" + packer.compress(bytes(BLOCK)) + packer.flush() if kind == MSZIP else b""
    size = BLOCK if kind == MSZIP else 0
    data = bytearray(whole + struct.pack("<IHH", 0, len(packed), size) + packed)
    data += bytes(data[len(whole) :]) * (count - 1)
    struct.pack_into("<H", data, 36 + 4, count)
    at = 36 + 8
    for _ in range(members):
        struct.pack_into("<II", data, at, 10, max(1, count * size - 20))
        at = data.index(b"\0", at + 16) + 1
    return bytes(data)


@pytest.mark.parametrize(("kind", "count"), [(MSZIP, 500), (STORED, 20_000)])
def test_a_cabinet_is_gone_through_once(tmp_path: Path, kind: int, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    real = unpacked._blocks

    def counted(*arguments: Any) -> Iterator[bytes]:
        for block in real(*arguments):
            asked.append(len(block))
            yield block

    monkeypatch.setattr(unpacked, "_blocks", counted)
    with pytest.raises(BadInput, match="holds no dump"):
        open_dump(written(tmp_path, "late.cab", late(count, 400, kind)))
    assert len(asked) == count


def test_folders_that_overlap_are_damage(tmp_path: Path) -> None:
    data = bytearray(late(300, 2, MSZIP))
    folder = data[36:44]
    data[36:44] = folder * 2
    struct.pack_into("<I", data, 16, struct.unpack_from("<I", data, 16)[0] + 8)
    struct.pack_into("<H", data, 26, 2)
    for at in (36, 44):
        struct.pack_into("<I", data, at, struct.unpack_from("<I", data, at)[0] + 8)
    struct.pack_into("<H", data, 52 + 8, 1)
    with pytest.raises(BadInput, match="its folders overlap"):
        open_dump(written(tmp_path, "twice.cab", bytes(data)))


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_methods_that_blow_up_are_left_alone(tmp_path: Path, method: int) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("a.dmp", b"MDMP" + bytes(200))
    with pytest.raises(BadInput, match="a method that hogwalk does not unpack"):
        open_dump(written(tmp_path, "a.zip", out.getvalue()))


def test_any_damage_is_one_line(tmp_path: Path, dump: bytes) -> None:
    dice = random.Random(10)
    members = {"a.txt": b"hello", "\u0444.dmp": dump[:40]}
    whole = (zipped(members), gzip.compress(dump[:40]), cabinet(members), cabinet(members, STORED, reserve=2))
    for number in range(600):
        data = bytearray(dice.choice(whole))
        for _ in range(dice.randrange(1, 6)):
            data[dice.randrange(4, len(data))] = dice.choice((0, 1, 0xFF, dice.randrange(256)))
        with pytest.raises(BadInput) as caught:
            open_dump(written(tmp_path, "packed", bytes(data)))
        assert str(caught.value).isprintable(), number


def test_a_command_that_is_recommended_holds_no_file_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pylibmspack", None)
    path = written(tmp_path, "a & calc.cab", cabinet({"a.dmp": b"MDMP" + bytes(200)}, LZX))
    with pytest.raises(BadInput) as caught:
        open_dump(path)
    assert "calc" not in caught.value.remedy
