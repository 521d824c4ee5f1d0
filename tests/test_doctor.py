"""The doctor sees what is there and names what is not."""

import subprocess
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from bundlebook import doctor
from bundlebook.cli import main


def test_a_ready_machine_is_called_ready():
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 0, result.output
    assert "Ready" in result.output
    for subject in ("Python", "Packages", "Kernel", "Data", "Fonts", "Memory", "Chromium", "Java", "GPU"):
        assert f"] {subject}: " in result.output


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(doctor, "requires", lambda name: ["a-package-nobody-wrote>=1"])
    finding = doctor._packages()
    assert finding.state == "mend" and "a-package-nobody-wrote is missing" in finding.text


def test_a_package_of_the_wrong_version_is_named(monkeypatch):
    monkeypatch.setattr(doctor, "requires", lambda name: ["pandas<1"])
    finding = doctor._packages()
    assert finding.state == "mend" and "is not <1" in finding.text


def test_an_old_python_is_refused(monkeypatch):
    monkeypatch.setattr(doctor.sys, "version_info", (3, 9, 1))
    assert doctor._python().state == "mend"


def test_missing_glyphs_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr("bundlebook.plots.CJK_FONT", tmp_path / "none.ttf")
    assert doctor._fonts().state == "mend"


def test_foreign_kernel_is_found(monkeypatch):
    monkeypatch.setattr(
        "jupyter_client.kernelspec.KernelSpecManager.get_kernel_spec",
        lambda self, name: SimpleNamespace(argv=["/usr/lib/other/bin/python3"]),
    )
    assert doctor._kernel().state == "mend"


def test_little_memory_is_a_note(monkeypatch):
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=2**30))
    assert doctor._memory().state == "note"


@pytest.mark.parametrize("check", [doctor._chromium, doctor._java, doctor._gpu])
def test_programs_that_are_not_there_are_no_fault(monkeypatch, check):
    def missing(*args, **kwargs):
        raise FileNotFoundError

    monkeypatch.setattr(subprocess, "run", missing)
    monkeypatch.setenv("PATH", "")
    assert check().state == "note"


def test_one_broken_finding_means_exit_code_1(monkeypatch):
    monkeypatch.setattr(doctor, "examine", lambda: iter([doctor.Finding("X", "mend", "broken", "mend it")]))
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 1 and "Remedy: mend it" in result.output


def test_a_key_that_others_can_read_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("BUNDLEBOOK_KEY", raising=False)
    assert doctor._key().state == "ok"
    (tmp_path / "bundlebook").mkdir()
    (tmp_path / "bundlebook" / "key").write_text("0123456789abcdef")
    (tmp_path / "bundlebook" / "key").chmod(0o644)
    assert doctor._key().state == "mend" and "chmod 600" in doctor._key().remedy
    (tmp_path / "bundlebook" / "key").chmod(0o600)
    assert doctor._key().state == "ok"
