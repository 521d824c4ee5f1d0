"""Does a batch of reports keep its promises, and what does it cost? Measured on the real command.

    python benchmarks/batch_reports.py            # about six minutes on two idle cores; writes batch_reports.json
    python benchmarks/batch_reports.py --quick    # a small run that only shows that the measurement works

Four measurements:

* **Interrupted and resumed.** Fifty reports, of which one raises, one is killed (``kill -9``), one runs past its time
  limit and one has a kernel that dies while it starts. Ctrl-C (a real SIGINT) when half have ended, then the same
  command again. The notebooks count their own executions in files, which the runner knows nothing of.
* **Overhead.** The same reports with ``bundlebook report --jobs 1`` and with a loop over
  ``papermill.execute_notebook``, each a process of its own, start of Python included, in turns. The shipped template of
  segments on the sample shop is the report, with each page rendered, and indexed, on our side only. A report of a few
  seconds is the hard case: what the runner adds is about the same for a report of minutes.
* **Two at a time.** The same reports with ``--jobs 2``.
* **A large index.** 500 reports with six figures each, opened in headless Chromium: from asking for the file until it
  is loaded and laid out.
"""

import argparse
import json
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import nbformat
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from bundlebook import paths
from bundlebook.errors import BundlebookError
from bundlebook.reports import _identity, find_chromium
from bundlebook.reports._drawings import chromium_command
from bundlebook.reports._pages import write_index
from bundlebook.reports._results import Store

KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
COMMAND = [sys.executable, "-c", "from bundlebook.cli import main; main()", "report"]
#: Position of the broken reports among all, by what is wrong with them, and how they must end.
BROKEN = {"raises": "failed", "killed": "died", "slow": "timed out", "unborn": "not started"}
LINE = re.compile(r"\[ *(\d+)/\d+\]")


def notebook(folder: Path, name: str, code: list[str], kernel: dict = KERNEL) -> None:
    """Write a template that notes when it begins and when it has ended."""
    begin = f"open({str(folder / 'begun')!r}, 'a').write(NAME + '\\n')"
    end = f"open({str(folder / 'ended')!r}, 'a').write(NAME + '\\n')"
    cells = [new_markdown_cell(f"# {name}"), new_code_cell('NAME = "?"', metadata={"tags": ["parameters"]})]
    cells += [new_code_cell(source) for source in (begin, *code, end)]
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), folder / f"{name}.ipynb")


def interrupted_batch(folder: Path, total: int) -> dict:
    """Run, interrupt and resume; return what happened, in counts."""
    stillborn = folder / "jupyter" / "kernels" / "stillborn"
    stillborn.mkdir(parents=True)
    argv = [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]
    (stillborn / "kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": "Stillborn", "language": "python"})
    )
    notebook(folder, "good", ["import time; time.sleep(0.3)"])
    notebook(folder, "raises", ["1 / 0"])
    notebook(folder, "killed", ["import os; os.kill(os.getpid(), 9)"])
    notebook(folder, "slow", ["import time; time.sleep(600)"])
    notebook(folder, "unborn", [], {**KERNEL, "name": "stillborn", "display_name": "Stillborn"})
    places = {round(total * part): name for part, name in zip((0.12, 0.3, 0.44, 0.7), BROKEN, strict=True)}
    jobs = []
    for place in range(total):
        template = places.get(place, "good")
        job = {
            "template": f"{template}.ipynb",
            "name": f"{place:02d}-{template}",
            "parameters": {"NAME": f"{place:02d}"},
        }
        jobs.append(job | ({"timeout": 4} if template == "slow" else {}))
    file = folder / "fifty.yaml"
    file.write_text(yaml.safe_dump({"title": "Fifty reports", "jobs": jobs}))
    environment = os.environ | {"BUNDLEBOOK_OUT": str(folder / "out"), "JUPYTER_PATH": str(folder / "jupyter")}

    began = time.monotonic()
    process = subprocess.Popen(
        [*COMMAND, str(file), "--jobs", "2"],
        env=environment | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    for line in process.stdout:
        if (ended := LINE.match(line)) and int(ended[1]) >= total // 2:
            break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    first = index(folder / "out" / "fifty")
    done = {job["name"][:2] for job in first if job["status"] == "passed"}
    again = subprocess.run([*COMMAND, str(file), "--jobs", "2"], env=environment, capture_output=True, text=True)
    jobs = index(folder / "out" / "fifty")
    begun = Counter((folder / "begun").read_text().split())
    drafts = [*(folder / "out").rglob(".draft-*"), *(folder / "out").rglob("*.tmp")]
    right = {name: [job["status"] for job in jobs if job["name"].endswith(name)] for name in BROKEN}
    return {
        "reports": total,
        "exit_code_interrupted": process.returncode,
        "finished_before_ctrl_c": len(done),
        "exit_code_resumed": again.returncode,
        "good": sum(job["status"] == "passed" and (folder / "out" / "fifty" / job["page"]).is_file() for job in jobs),
        "named_with_reason": sum(job["status"] != "passed" and bool(job.get("problem")) for job in jobs),
        "classified_rightly": sum(right[name] == [status] for name, status in BROKEN.items()),
        "finished_and_run_twice": sum(begun[name] != 1 for name in done),
        "reused_on_resume": sum(bool(job["reused"]) for job in jobs),
        "left_half_written": len(drafts),
        "seconds": round(time.monotonic() - began, 1),
    }


def index(folder: Path) -> list[dict]:
    return json.loads((folder / "index.json").read_text(encoding="utf-8"))["jobs"]


def overhead(folder: Path, jobs: int, rounds: int) -> dict:
    """Time the same reports by a loop over papermill, by us one at a time, and by us two at a time."""
    template = paths.root() / "reports" / "templates" / "segment.ipynb"
    discounts = [round(0.01 * (1 + place), 2) for place in range(jobs)]
    file = folder / "timed.yaml"
    batch = {"title": "Timed", "code": "hidden"}
    job = {"template": str(template), "parameters": {"SHOP": "sample"}, "grid": {"DISCOUNT": discounts}}
    file.write_text(yaml.safe_dump(batch | {"jobs": [job]}))
    loop = (
        "import papermill\n"
        f"for place, discount in enumerate({discounts}):\n"
        f"    papermill.execute_notebook({str(template)!r}, f'{folder}/plain-{{place}}.ipynb',\n"
        "        parameters={'SHOP': 'sample', 'DISCOUNT': discount}, progress_bar=False)\n"
    )
    plain, single, double = [], [], []
    for turn in range(rounds):
        plain.append(timed([sys.executable, "-c", loop], folder / f"plain-{turn}"))
        single.append(timed([*COMMAND, str(file), "--jobs", "1"], folder / f"single-{turn}"))
        double.append(timed([*COMMAND, str(file), "--jobs", "2"], folder / f"double-{turn}"))
    added = [100 * (ours / theirs - 1) for ours, theirs in zip(single, plain, strict=True)]
    faster = [one / two for one, two in zip(single, double, strict=True)]
    return {
        "reports": jobs,
        "plain_papermill_s": [round(value, 2) for value in plain],
        "one_at_a_time_s": [round(value, 2) for value in single],
        "two_at_a_time_s": [round(value, 2) for value in double],
        "overhead_per_report_s": round((statistics.median(single) - statistics.median(plain)) / jobs, 3),
        "overhead_percent": round(statistics.median(added), 1),
        "two_at_a_time_faster": round(statistics.median(faster), 2),
    }


def timed(command: list[str], out: Path) -> float:
    began = time.perf_counter()
    environment = os.environ | {"BUNDLEBOOK_OUT": str(out), "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return time.perf_counter() - began


def large_index(folder: Path, reports: int) -> dict:
    """Write an index of many reports and time a browser that opens it."""
    names = ("Customers", "Share of spend", "Expected uplift", "Uplift needed", "Response rate", "Redemptions")
    entries = [
        {
            "name": f"report-{place:03d}",
            "title": "A report",
            "status": "failed" if place % 50 == 0 else "passed",
            "problem": "ValueError: something was wrong" if place % 50 == 0 else "",
            "seconds": 5 + place % 7,
            "peak_mb": 900 + place,
            "parameters": {"REGION": f"region {place}", "MONTH": place % 12 + 1},
            "given": ["REGION", "MONTH"],
            "metrics": [{"name": name, "value": (place * 37 + k) % 101, "unit": "%"} for k, name in enumerate(names)],
            "page": f"report-{place:03d}.html",
            "pdf": None,
            "notebook": f"runs/report-{place:03d}/executed.ipynb",
        }
        for place in range(reports)
    ]
    store = Store(folder / "large")
    began = time.perf_counter()
    write_index(store, "Many reports", entries, seconds=3600.0, slots=2)
    written = time.perf_counter() - began
    file = store.folder / "index.html"
    harness = folder / "open.html"
    harness.write_text(
        "<body><script>const frame = document.createElement('iframe'), began = performance.now();"
        "frame.width = 1280; frame.height = 900; frame.onload = () => {"
        "const height = frame.contentDocument.body.getBoundingClientRect().height;"
        "document.title = `opened in ${performance.now() - began}, ${height} high`; };"
        f"frame.src = {json.dumps(file.as_uri())}; document.body.append(frame);</script>"
    )
    answer = {"reports": reports, "kilobytes": round(file.stat().st_size / 1000), "written_in_s": round(written, 3)}
    try:
        chromium = find_chromium()
    except BundlebookError as error:
        return answer | {"opened_in_s": None, "why_not": error.problem}
    opened, whole = [], []  # seconds in the page, and by the clock with the start of the browser and a picture
    for turn in range(3):
        options = ("--allow-file-access-from-files", "--dump-dom", harness.as_uri())
        command = chromium_command(chromium, folder / f"profile-{turn}", *options)
        said = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
        picture = (f"--screenshot={folder / 'index.png'}", "--window-size=1280,900", file.as_uri())
        began = time.perf_counter()
        subprocess.run(
            chromium_command(chromium, folder / f"picture-{turn}", *picture), capture_output=True, timeout=60
        )
        whole.append(time.perf_counter() - began)
        if found := re.search(r"opened in ([\d.]+)", said):
            opened.append(float(found[1]) / 1000)
    return answer | {
        "opened_in_s": round(statistics.median(opened), 3) if opened else None,
        "with_start_of_browser_and_picture_s": round(statistics.median(whole), 2),
    }


def main() -> None:
    """Measure, write JSON, and print each requirement beside what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small figures, not written")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="bundlebook-benchmark-") as scratch:
        parts = [Path(scratch) / name for name in ("resume", "overhead", "index")]
        for part in parts:
            part.mkdir()
        before = _identity.execution_source()
        resumed = interrupted_batch(parts[0], 10 if quick else 50)
        _identity.forget()
        if _identity.execution_source() != before:
            raise SystemExit("the package was edited meanwhile, so everything was rightly run again: measure anew")
        cost = overhead(parts[1], 2 if quick else 8, 1 if quick else 3)
        many = large_index(parts[2], 500)
    total = resumed["reports"]
    opened = many["opened_in_s"]
    wanted = [
        ("good reports after Ctrl-C and resume", total - 4, resumed["good"], resumed["good"] == total - 4),
        ("broken reports named with a reason", 4, resumed["named_with_reason"], resumed["named_with_reason"] == 4),
        ("broken reports classified rightly", 4, resumed["classified_rightly"], resumed["classified_rightly"] == 4),
        ("finished reports run twice", 0, resumed["finished_and_run_twice"], resumed["finished_and_run_twice"] == 0),
        ("results left half written", 0, resumed["left_half_written"], resumed["left_half_written"] == 0),
        ("overhead over plain papermill, %", "≤ 5", cost["overhead_percent"], cost["overhead_percent"] <= 5),
        ("two at a time, times faster", "≥ 1.6", cost["two_at_a_time_faster"], cost["two_at_a_time_faster"] >= 1.6),
        ("index of 500 reports opens, s", "< 2", opened, opened is not None and opened < 2),
    ]
    result = {
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "interrupted_and_resumed": resumed,
        "cost": cost,
        "large_index": many,
        "requirements": [
            {"what": what, "wanted": aim, "measured": value, "met": bool(met)} for what, aim, value, met in wanted
        ],
    }
    if not quick:
        file = Path(__file__).with_suffix(".json")
        file.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps({name: result[name] for name in ("interrupted_and_resumed", "cost", "large_index")}, indent=1))
    print(f"\n{'requirement':<40}{'wanted':>8}{'measured':>10}")
    for what, aim, value, met in wanted:
        print(f"{what:<40}{aim!s:>8}{value!s:>10}  {'met' if met else 'NOT MET'}")
    raise SystemExit(0 if all(met for *_, met in wanted) or quick else 1)


if __name__ == "__main__":
    main()
