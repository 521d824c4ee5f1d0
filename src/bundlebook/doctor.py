"""`bundlebook doctor`: is this machine ready, and if not, what to do; in plain words."""

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement

from bundlebook import paths
from bundlebook.errors import BundlebookError

#: The heaviest chapter needs about this much memory, in GiB.
MEMORY_GIB = 4


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report.

    Attributes
    ----------
    subject : str
    state : {"ok", "note", "mend"}
        ``"ok"``: as it should be; ``"note"``: good to know; ``"mend"``: to be mended before the chapters run.
    text : str
    remedy : str
    """

    subject: str
    state: str
    text: str
    remedy: str = ""

    def __str__(self) -> str:
        line = f"[{self.state:^4}] {self.subject}: {self.text}"
        return f"{line}\n       Remedy: {self.remedy}" if self.remedy else line


def examine() -> Iterator[Finding]:
    """Yield one finding for each thing the workbook depends on."""
    for check in (_python, _packages, _kernel, _data, _fonts, _memory, _chromium, _java, _key, _gpu):
        yield check()


def _python() -> Finding:
    text = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Finding("Python", "ok", text)
    return Finding("Python", "mend", text, "use Python 3.11, 3.12 or 3.13: make report PYTHON=python3.12")


def _packages() -> Finding:
    wanted = [Requirement(text) for text in requires("bundlebook") or []]
    wanted = [r for r in wanted if r.marker is None or r.marker.evaluate({"extra": ""})]
    wrong = []
    for requirement in wanted:
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(found, prereleases=True):
            wrong.append(f"{requirement.name} {found} is not {requirement.specifier}")
    if wrong:
        return Finding("Packages", "mend", "; ".join(sorted(wrong)), "run `make setup`")
    return Finding("Packages", "ok", f"all {len(wanted)} are there in versions that fit")


def _kernel() -> Finding:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        program = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        return Finding("Kernel", "mend", "there is no kernel 'python3'", "run `make setup`")
    # Jupyter starts a bare "python" as the Python that it runs on itself.
    if Path(program).name != program and Path(program).parent != Path(sys.executable).parent:
        return Finding(
            "Kernel",
            "mend",
            "the kernel 'python3' starts another Python than the one bundlebook is installed in",
            "run `.venv/bin/python -m ipykernel install --sys-prefix`",
        )
    return Finding("Kernel", "ok", "'python3' starts the Python that bundlebook is installed in")


def _data() -> Finding:
    from bundlebook.shop import load_shop, read_table

    try:
        table, file = read_table("transactions")
        sample = load_shop("sample")
    except BundlebookError as error:
        return Finding("Data", "mend", f"{error.where}: {error.problem}", error.remedy)
    text = (
        f"the real shop ({len(table):,} lines, md5 {file.md5[:8]}…) and the sample shop ({len(sample.events):,} events)"
    )
    return Finding("Data", "ok", text)


def _fonts() -> Finding:
    from matplotlib.font_manager import get_font

    from bundlebook.plots import CJK_FONT

    if not CJK_FONT.is_file():
        return Finding("Fonts", "mend", f"{CJK_FONT.name} is missing", "check out the repository again")
    glyphs = get_font(CJK_FONT).get_charmap()
    missing = [character for character in "张三关联分析商品组合捆绑推荐" if ord(character) not in glyphs]
    if missing:
        return Finding("Fonts", "mend", f"no glyphs for {''.join(missing)}", "check out the repository again")
    return Finding("Fonts", "ok", "Chinese glyphs for figures and reports travel with the package")


def _memory() -> Finding:
    import psutil

    memory, disk = psutil.virtual_memory(), shutil.disk_usage(paths.root())
    text = f"{memory.available / 2**30:.1f} GiB of memory and {disk.free / 2**30:.0f} GiB of disk are free"
    if memory.available < MEMORY_GIB * 2**30:
        return Finding("Memory", "note", text, f"close other programs: the heaviest chapter needs {MEMORY_GIB} GiB")
    return Finding("Memory", "ok", text)


def _chromium() -> Finding:
    from bundlebook.reports import find_chromium

    try:
        return Finding("Chromium", "ok", f"{find_chromium().name} prints reports with --pdf")
    except BundlebookError as error:
        return Finding("Chromium", "note", f"{error.problem}; only `report --pdf` needs it")


def _java() -> Finding:
    release = _first_line(["java", "-version"])
    if release is None:
        return Finding("Java", "note", "not found; only the optional Spark engine needs it")
    return Finding("Java", "ok", f"{release} (only the optional Spark engine needs it)")


def _key() -> Finding:
    """The key is looked at and not made: a shop of the reader's own makes it when a page first needs it."""
    from bundlebook.shop import key_file, machine_key

    if "BUNDLEBOOK_KEY" not in os.environ and not key_file().exists():
        return Finding("Pseudonyms", "ok", "a key is made when a page on your own shop first needs it")
    try:
        machine_key()
    except BundlebookError as error:
        return Finding("Pseudonyms", "mend", error.problem, error.remedy)
    return Finding("Pseudonyms", "ok", "there is a key that only you can read")


def _gpu() -> Finding:
    name = _first_line(["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"])
    if name is None:
        return Finding("GPU", "note", "none found; every chapter is made to run on the processor")
    return Finding("GPU", "ok", f"{name}; to train on it: pip install -e '.[gpu]', then KERAS_BACKEND=jax")


def _first_line(command: list[str]) -> str | None:
    """First line a program prints, or None if it is not there or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    lines = re.split(r"\n", (done.stdout or done.stderr).strip())
    return lines[0] if lines and lines[0] else None
