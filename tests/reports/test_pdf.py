"""Pages as PDF: printed whole, resumed, and refused clearly where there is no browser."""

import json
from pathlib import Path

import pytest

from bundlebook.errors import BundlebookError
from bundlebook.reports import BatchRun, _drawings, _identity, find_chromium, load_batch, report


@pytest.fixture(autouse=True)
def still_package(monkeypatch):
    monkeypatch.setattr(_identity, "execution_source", lambda: "fixed")


def run(workshop, file: Path, chromium, only=()) -> tuple[int, dict]:
    batch = load_batch(file, only=only)
    code = BatchRun(batch, out=workshop.out, chromium=chromium).run()
    jobs = json.loads((workshop.out / "trial" / "index.json").read_text())["jobs"]
    return code, {job["name"]: job for job in jobs}


def test_without_a_browser_nothing_runs_and_the_remedy_is_named(workshop, monkeypatch, capsys):
    monkeypatch.setenv("BUNDLEBOOK_OUT", str(workshop.out))
    monkeypatch.setenv("PATH", str(workshop.folder))
    monkeypatch.delenv(_drawings.CHROMIUM_VARIABLE, raising=False)
    workshop.notebook("good")
    file = str(workshop.batch({"template": "good.ipynb"}))
    assert report(file, pdf=True) == 2
    assert "install Chromium" in capsys.readouterr().err
    monkeypatch.setenv(_drawings.CHROMIUM_VARIABLE, "no-such-browser")
    assert report(file, pdf=True) == 2
    assert "'no-such-browser'" in capsys.readouterr().err
    assert not workshop.out.exists()


def test_the_browser_named_by_the_reader_is_taken(tmp_path, monkeypatch):
    program = tmp_path / "my-browser"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv(_drawings.CHROMIUM_VARIABLE, str(program))
    assert find_chromium() == program


def test_pages_are_printed_once_and_again_only_when_they_change(workshop):
    """A stand-in for the browser counts how often it is asked: what it prints is tested with the real one below."""
    program, asked = workshop.folder / "browser", workshop.folder / "asked"
    program.write_text(
        f'#!/bin/sh\necho x >> {asked}\nfor a in "$@"; do case $a in --print-to-pdf=*) '
        'printf "%%PDF-1.4" > "${a#--print-to-pdf=}";; esac; done\n'
    )
    program.chmod(0o755)
    workshop.notebook("good", "print(K)")
    file = workshop.batch({"template": "good.ipynb"})
    assert run(workshop, file, None)[1]["good"]["pdf"] is None
    for _ in range(2):  # made for a reused report too, and once only
        code, jobs = run(workshop, file, program)
        assert (code, jobs["good"]["reused"], jobs["good"]["pdf"]) == (0, True, "good.pdf")
        assert asked.read_text() == "x\n"
    assert run(workshop, file, None)[1]["good"]["pdf"] == "good.pdf"  # still true, so still there
    printed = workshop.out / "trial" / "good.pdf"
    printed.write_bytes(b"spoilt")
    assert run(workshop, file, program)[0] == 0
    assert (printed.read_bytes(), asked.read_text()) == (b"%PDF-1.4", "x\nx\n")
    workshop.batch({"template": "good.ipynb"}, code="hidden")  # another page, without a PDF asked for: no stale one
    assert run(workshop, file, None)[1]["good"]["pdf"] is None
    assert not printed.exists()

    program.write_text("#!/bin/sh\necho no screen >&2\n")
    code, jobs = run(workshop, file, program)
    assert (code, jobs["good"]["status"], jobs["good"]["pdf"]) == (1, "passed", None)
    assert "no screen" in jobs["good"]["problem"]
    assert not list((workshop.out / "trial").glob(".printing-*"))


def test_a_real_browser_prints_the_whole_page(tmp_path):
    try:
        chromium = find_chromium()
    except BundlebookError as error:
        pytest.skip(f"{error.problem}: install Chromium, or set {_drawings.CHROMIUM_VARIABLE}")
    page = tmp_path / "page.html"
    links = (
        '<a class="x" href="other.html#part">near</a> <a href="https://example.org/far">far</a> <a href="#two">on</a>'
    )
    page.write_text(f"<h1>One</h1>{links}<p id='two' style='break-before: page'>Two (商品)</p>", encoding="utf-8")
    target = tmp_path / "page.pdf"
    _drawings.write_pdf(page, target, chromium)
    content = target.read_bytes()
    assert content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF")
    assert content.count(b"/Type /Page\n") + content.count(b"/Type /Page ") + content.count(b"/Type /Page/") == 2
    assert b"https://example.org/far" in content
    assert b"file:" not in content and bytes(tmp_path) not in content  # no folder of this machine
    assert not list(tmp_path.glob(".printing-*"))
