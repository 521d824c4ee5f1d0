"""One batch with everything that can go wrong in it, run for real."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from bs4 import BeautifulSoup

from bundlebook import paths
from bundlebook.reports import BatchRun, _executed, _identity, _kernels, _results, load_batch, report
from bundlebook.reports._results import Store
from tests.reports.looking import loads

RECORD = "from IPython.display import display\n"
RECORD += "from bundlebook.notebook import METRIC_MIME as m\n"
RECORD += "display({'text/plain': 'x', m: {'name': 'Score', 'value': K * 1.5, 'unit': 'points'}}, raw=True)"


def run(workshop, file: Path, **options) -> tuple[int, dict]:
    """Run a batch of a workshop and read its index."""
    slots, force = options.pop("slots", 2), options.pop("force", False)
    batch = load_batch(file, **options)
    code = BatchRun(batch, slots=slots, force=force, out=workshop.out).run()
    index = json.loads((workshop.out / batch.name / "index.json").read_text())
    return code, {job["name"]: job for job in index["jobs"]} | {"*": index}


@pytest.fixture(scope="module")
def pinned():
    """Hold the package still: another edit of it would rightly run everything again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_identity, "execution_source", lambda: "fixed")
        yield patch


@pytest.fixture(scope="module")
def ran(shared_workshop, pinned):
    """The batch, run once for the tests below."""
    shop = shared_workshop
    good = "md: ## Next\n\nsee [the broken one](raising.ipynb) and [nothing](nowhere.ipynb)"
    shop.notebook("good", good, RECORD, "from bundlebook import paths\nprint(paths.root())", title="It works (可以)")
    shop.notebook("raising", "print('said before')", "1 / 0", "print('never')")
    shop.notebook("killed", "print('said before', flush=True)", "import os\nos.kill(os.getpid(), 9)", "print('never')")
    shop.notebook("slow", "import time\ntime.sleep(60)", "print('never')")
    kernels = shop.folder / "jupyter" / "kernels" / "stillborn"
    kernels.mkdir(parents=True)
    argv = [sys.executable, "-c", f"open({str(shop.folder / 'births')!r}, 'a').write('x'); raise SystemExit(3)"]
    (kernels / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "Stillborn", "language": "python"}))
    pinned.setenv("JUPYTER_PATH", str(shop.folder / "jupyter"))
    stillborn = {"name": "stillborn", "display_name": "Stillborn", "language": "python"}
    shop.notebook("unborn", "print('never')", kernelspec=stillborn)
    file = shop.batch(
        {"template": "good.ipynb", "grid": {"K": [1, 2]}},
        {"template": "raising.ipynb", "name": "raising"},
        {"template": "killed.ipynb"},
        {"template": "slow.ipynb", "timeout": 2},
        {"template": "unborn.ipynb"},
    )
    code, jobs = run(shop, file)
    return shop, file, code, jobs


def test_each_job_ends_as_what_it_is_and_the_others_finish(ran):
    shop, _, code, jobs = ran
    assert code == 1
    assert {name: job["status"] for name, job in jobs.items() if name != "*"} == {
        "good-1": "passed",
        "good-2": "passed",
        "raising": "failed",
        "killed": "died",
        "slow": "timed out",
        "unborn": "not started",
    }
    assert jobs["raising"]["problem"] == "ZeroDivisionError: division by zero"
    assert "SIGKILL" in jobs["killed"]["problem"]
    assert "limit of 2 s" in jobs["slow"]["problem"]
    assert (jobs["raising"]["number"], jobs["killed"]["number"], jobs["slow"]["number"]) == (3, 3, 2)
    assert (shop.folder / "births").read_text() == "xx"  # tried again once, since nothing had run


def test_failures_come_first_on_the_index(ran):
    shop, _, _, jobs = ran
    soup = BeautifulSoup((shop.out / "trial" / "index.html").read_text(), "html.parser")
    chips = [row.find(class_="chip").get_text() for row in soup.select(".jobs tbody tr")]
    assert chips == ["died", "failed", "timed out", "not started", "passed", "passed"]
    assert [job["status"] for job in jobs["*"]["jobs"]] == chips
    assert "ZeroDivisionError: division by zero, code cell 3" in soup.get_text()
    shared = soup.select_one("table.bars")  # figures of one name, side by side
    assert shared.find("thead").get_text(" ", strip=True) == "Report Score, points"
    assert [row.get_text(" ", strip=True) for row in shared.select("tbody tr")] == ["good-1 1.5", "good-2 3"]
    assert [head.get_text() for head in soup.select(".jobs th")][2] == "K"  # the parameter that differs
    assert len(soup.select(".jobs th")) == 6  # and no other has a column
    assert [bar["style"] for bar in shared.select(".bar i")] == ["width:50.0%", "width:100.0%"]
    assert jobs["*"]["finished"] is True
    assert jobs["*"]["counts"] == {"died": 1, "failed": 1, "timed out": 1, "not started": 1, "passed": 2}


def test_a_broken_report_keeps_what_it_had(ran):
    shop, _, _, _ = ran
    pages = shop.out / "trial"
    raising = BeautifulSoup((pages / "raising.html").read_text(), "html.parser")
    assert "ZeroDivisionError" in raising.find(class_="traceback").get_text()
    assert "said before" in raising.get_text()
    assert "never" in raising.find(class_="skipped").get_text()
    killed = BeautifulSoup((pages / "killed.html").read_text(), "html.parser")
    assert "said before" in killed.find(class_="said").get_text()
    assert "os.kill" in killed.find(id="stopped").get_text()
    assert "SIGKILL" in killed.find(class_="alarm").get_text()
    status = json.loads((pages / "runs" / "raising" / "status.json").read_text())
    assert "1 / 0" in status["traceback"]
    assert (pages / "unborn.html").exists()


def test_pages_and_index_load_nothing_and_link_only_to_what_is_there(ran):
    shop, _, _, _ = ran
    folder = shop.out / "trial"
    pages = sorted(folder.glob("*.html"))
    assert len(pages) == 7
    parsed = {page.name: BeautifulSoup(page.read_text(), "html.parser") for page in pages}
    for page in pages:
        assert loads(page.read_text()) == []
        for link in parsed[page.name].find_all("a", href=True):
            target, _, anchor = link["href"].partition("#")
            assert (folder / target).exists(), f"{page.name}: {link}"
            if anchor and (not target or target.endswith(".html")):
                assert parsed[target or page.name].find(id=anchor), f"{page.name}: {link}"
    assert parsed["good-1.html"].find("a", string="the broken one")["href"] == "raising.html"
    assert not parsed["good-1.html"].find("a", string="nothing")


def test_nothing_written_tells_where_it_was_made(ran):
    shop, _, _, _ = ran
    for file in (shop.out / "trial").rglob("*"):
        if file.suffix in (".html", ".json", ".ipynb", ".csv", ".log"):
            text = file.read_text()
            assert str(paths.root()) not in text, file
            assert str(shop.folder) not in text, file
            assert not re.search(r"/tmp/ipykernel|site-packages", text), file
    assert not list((shop.out / "trial").rglob(".draft*"))


def test_headline_figures_are_collected(ran):
    import pandas as pd

    shop, _, _, jobs = ran
    assert jobs["good-2"]["metrics"] == [{"name": "Score", "value": 3.0, "unit": "points"}]
    for table in (
        pd.read_csv(shop.out / "trial" / "metrics.csv"),
        pd.read_parquet(shop.out / "trial" / "metrics.parquet"),
    ):
        assert table[["job", "figure", "value", "unit"]].to_numpy().tolist() == [
            ["good-1", "Score", 1.5, "points"],
            ["good-2", "Score", 3.0, "points"],
        ]


def test_a_second_run_repeats_only_what_is_missing(ran, pinned):
    shop, file, _, _ = ran
    executed = []
    pinned.setattr(
        _kernels, "execute", lambda job, *rest, real=_kernels.execute: executed.append(job.name) or real(job, *rest)
    )
    page = (shop.out / "trial" / "good-1.html").stat().st_mtime_ns
    code, jobs = run(shop, file, only=["good", "raising"])
    assert (code, executed) == (1, ["raising"])
    assert jobs["good-1"]["reused"] and jobs["good-2"]["reused"]
    assert jobs["slow"]["status"] == "not chosen"
    assert (shop.out / "trial" / "good-1.html").stat().st_mtime_ns == page

    executed.clear()  # a page that was lost or spoilt is rendered again without running anything
    (shop.out / "trial" / "good-1.html").write_text("half")
    code, jobs = run(shop, file, only=["good"])
    assert (code, executed) == (0, [])
    assert "</html>" in (shop.out / "trial" / "good-1.html").read_text()

    (shop.out / "trial" / "runs" / "good-1" / "executed.ipynb").write_text("{}")  # not what it was: not trusted
    code, jobs = run(shop, file, only=["good-1"])
    assert (code, executed) == (0, ["good-1"])
    code, jobs = run(shop, file, only=["good-2"], settings={"K": "5"}, force=False)
    assert executed == ["good-1", "good-2"]
    assert jobs["good-2"]["metrics"][0]["value"] == 7.5
    code, jobs = run(shop, file, only=["good-1"], force=True)
    assert executed[-1] == "good-1" and not jobs["good-1"]["reused"]


def test_a_full_disk_breaks_one_job_and_leaves_the_old_result(ran, pinned, monkeypatch):
    shop, file, _, _ = ran
    before = (shop.out / "trial" / "runs" / "good-1" / "executed.ipynb").read_bytes()

    def full(target, text, real=_results.write):
        if target.parent.name == "good-1":
            raise OSError(errno.ENOSPC, "No space left on device")
        real(target, text)

    monkeypatch.setattr(_results, "write", full)
    code, jobs = run(shop, file, only=["good"], force=True)
    assert code == 1
    assert (jobs["good-1"]["status"], jobs["good-2"]["status"]) == ("not written", "passed")
    assert jobs["good-1"]["problem"] == "No space left on device"
    assert (shop.out / "trial" / "runs" / "good-1" / "executed.ipynb").read_bytes() == before


def test_a_disk_that_is_full_from_the_start_is_told(workshop, pinned, monkeypatch):
    workshop.notebook("good")

    def full(store, name):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Store, "draft", full)
    code, jobs = run(workshop, workshop.batch({"template": "good.ipynb"}))
    assert (code, jobs["good"]["status"]) == (1, "not written")
    assert jobs["good"]["problem"] == "No space left on device"


def test_what_a_cell_prints_and_shows_is_bounded_and_figures_do_not_hang_on_the_environment(
    workshop, pinned, monkeypatch
):
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS")  # the tests' own kernels have it from conftest.py
    startup = workshop.out.parent / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00-mine.py").write_text("mine = True")
    monkeypatch.setenv("IPYTHONDIR", str(startup.parents[1]))
    monkeypatch.setattr(_kernels, "_MOST_SHOWN", 100_000)
    shows = "from IPython.display import HTML, display\nfor _ in range(100): display(HTML('x' * 9000))"
    figure = "import matplotlib.pyplot as plt\n_ = plt.plot([1, K])"
    workshop.notebook("endless", "while True: print('x' * 1000)")
    workshop.notebook("modest", shows, figure, "import os\nprint('mine' in vars(), os.environ['OPENBLAS_NUM_THREADS'])")
    file = workshop.batch({"template": "endless.ipynb", "timeout": 5}, {"template": "modest.ipynb"})
    jobs = run(workshop, file)[1]
    assert (jobs["endless"]["status"], jobs["modest"]["status"]) == ("timed out", "passed")
    runs = workshop.out / "trial" / "runs"
    assert (runs / "endless" / "executed.ipynb").stat().st_size < 2 * _kernels._MOST_PRINTED
    assert "[cut here" in (workshop.out / "trial" / "endless.html").read_text()
    cells = nbformat.read(runs / "modest" / "executed.ipynb", as_version=4).cells
    assert len(cells[-3].outputs) == 12 and "[cut here" in cells[-3].outputs[-1].text
    assert "image/png" in cells[-2].outputs[0].data
    assert cells[-1].outputs[0].text == "False 1\n"


def test_a_program_that_floods_its_output_fills_neither_disk_nor_memory(workshop, pinned, monkeypatch):
    """`yes`, called by a cell, made a log of 300 MB, which took the run 2 GB and its neighbours two minutes."""
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # where it is set, a kernel does not catch what programs print
    workshop.notebook("yes", "import os\n_ = os.system('yes xxxxxxxxxxxxxxx | head -c 30000000')", "print('after')")
    job = run(workshop, workshop.batch({"template": "yes.ipynb"}))[1]["yes"]
    assert job["status"] == "passed"
    kept = workshop.out / "trial" / "runs" / "yes"
    assert (kept / "kernel.log").stat().st_size < 2 * _kernels._MOST_PRINTED
    cells = nbformat.read(kept / "executed.ipynb", as_version=4).cells
    assert len(cells[-2].outputs[0].text) < 2 * _kernels._MOST_PRINTED and cells[-1].outputs[0].text == "after\n"


def test_what_all_cells_of_a_job_show_is_bounded_and_so_is_what_an_exception_says(monkeypatch):
    monkeypatch.setattr(_kernels, "_MOST_OF_JOB", 250)
    watch, kept = _kernels.Watch(), []
    for cell in range(4):
        watch.begin(cell)
        for _ in range(3):
            message = {"msg_type": "stream", "header": {}, "content": {"name": "stdout", "text": "x" * 80}}
            kept += [message["content"]["text"]] if watch.admits(message) else []
    assert [len(text.replace(_kernels._CUT, "")) for text in kept] == [80, 80, 80, 10, 0, 0]
    assert [text.endswith(_kernels._CUT) for text in kept] == [False, False, False, True, True, True]
    monkeypatch.setattr(_kernels, "_MOST_PRINTED", 100)
    said = {"evalue": "y" * 1000, "traceback": ["z" * 1000, "short"], "ename": "ValueError"}
    assert watch.admits({"msg_type": "error", "content": said})
    assert said["evalue"] == "y" * 100 + _kernels._CUT and said["traceback"] == ["z" * 100 + _kernels._CUT, "short"]


def test_odd_figures_and_parameters_end_no_batch_and_leave_valid_files(workshop, pinned):
    """`record(2021, 5)` once lost every result of the batch."""
    import pandas as pd

    figures = "from bundlebook.notebook import METRIC_MIME as m\nfrom IPython.display import display\n"
    figures += "for name, value, unit in ((2021, 5, 7), ('big', 10**400, ''), ('nan', float('nan'), None), "
    figures += "('=HYPERLINK(1)', '=1+1', '@x'), ('list', [1], '-')):\n"
    figures += "    display({'text/plain': 'x', m: {'name': name, 'value': value, 'unit': unit}}, raw=True)"
    workshop.notebook("odd", figures, parameters="job = 1\nvalue = 2\nX = 0.5")
    workshop.notebook("good", RECORD)
    odd = {"template": "odd.ipynb", "parameters": {"X": float("nan")}}
    code, jobs = run(workshop, workshop.batch(odd, {"template": "good.ipynb"}))
    assert code == 0
    found = {metric["name"]: metric["value"] for metric in jobs["odd"]["metrics"]}
    assert found == {"2021": 5, "big": str(10**400), "nan": "nan", "=HYPERLINK(1)": "=1+1", "list": "[1]"}
    refuse = {"parse_constant": pytest.fail}
    for file in [*workshop.out.rglob("*.json"), *workshop.out.rglob("*.ipynb")]:
        json.loads(file.read_text(), **refuse)
    table = pd.read_csv(workshop.out / "trial" / "metrics.csv", keep_default_na=False).set_index("figure")
    assert table.loc["'=HYPERLINK(1)", ["job", "parameter job", "text", "unit"]].tolist() == [
        "odd",
        "1",
        "'=1+1",
        "'@x",
    ]
    assert float(table.loc["Score", "value"]) == 1.5


def test_a_table_that_a_notebook_attaches_lies_beside_its_page(workshop, pinned):
    attach = "import pandas as pd\nfrom bundlebook import notebook\n"
    attach += "notebook.attach('../offers.csv', pd.DataFrame({'name': ['=1+1', '张三']}))\n"
    attach += "notebook.tell('$5 & <b>', '', lead='Now')"
    workshop.notebook("with", attach)
    assert run(workshop, workshop.batch({"template": "with.ipynb"}))[0] == 0
    folder = workshop.out / "trial"
    assert (folder / "with-offers.csv").read_text() == "name\n'=1+1\n张三\n"
    soup = BeautifulSoup((folder / "with.html").read_text(), "html.parser")
    assert soup.find("a", string="with-offers.csv")["href"] == "with-offers.csv"
    assert soup.find("p", class_="mathjax_ignore").get_text() == "Now $5 & <b>"


def test_a_template_that_changes_or_vanishes_while_it_runs_loses_nothing(workshop, pinned):
    half = "import pathlib\npathlib.Path('half.ipynb').write_text('{\"cells\": [')\nprint('ran')"
    workshop.notebook("half", half)
    workshop.notebook("gone", "import os\nos.remove('gone.ipynb')\nprint('ran')")
    pair = workshop.notebook("pair", "print('LONE', K)", title="A LONE letter")
    pair.write_text(pair.read_text().replace("LONE", r"\ud800"))  # half a surrogate pair, as JSON can hold it
    file = workshop.batch(*({"template": f"{name}.ipynb"} for name in ("half", "gone", "pair")))
    jobs = run(workshop, file)[1]
    assert {name: jobs[name]["status"] for name in ("half", "gone")} == {"half": "passed", "gone": "passed"}
    assert all("ran" in (workshop.out / "trial" / f"{name}.html").read_text() for name in ("half", "gone"))
    assert (workshop.out / "trial" / "pair.html").is_file()


def test_a_status_that_somebody_edited_is_no_result(workshop, pinned):
    workshop.notebook("good", RECORD)
    file = workshop.batch({"template": "good.ipynb"})
    assert run(workshop, file)[0] == 0
    status = workshop.out / "trial" / "runs" / "good" / "status.json"
    status.write_text(json.dumps(json.loads(status.read_text()) | {"metrics": 5, "seconds": "long"}))
    code, jobs = run(workshop, file)
    assert code == 0 and not jobs["good"]["reused"]


@pytest.mark.parametrize("how", ["> /dev/full", "| head -1", ">&-"])
def test_a_batch_does_not_hang_on_who_listens(workshop, how):
    workshop.notebook("good", "print(K)", title="张三")
    file = workshop.batch({"template": "good.ipynb", "name": "张三"}, {"template": "good.ipynb", "name": "b"})
    environment = os.environ | {"BUNDLEBOOK_OUT": str(workshop.out), "PYTHONIOENCODING": "ascii"}
    ran = f"set -o pipefail; {sys.executable} -c 'from bundlebook.cli import main; main()' report {file} --jobs 1 {how}"
    done = subprocess.run(["bash", "-c", ran], env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    index = json.loads((workshop.out / "trial" / "index.json").read_text())
    assert index["counts"] == {"passed": 2} and index["finished"]


def test_a_folder_that_cannot_be_written_is_one_clear_message(workshop, monkeypatch, capsys):
    workshop.notebook("good")
    file = workshop.batch({"template": "good.ipynb"})
    (workshop.folder / "taken").touch()
    for out in ("taken", "taken/below"):
        monkeypatch.setenv("BUNDLEBOOK_OUT", str(workshop.folder / out))
        assert report(str(file)) == 2
        assert "set BUNDLEBOOK_OUT to a folder that can be written" in capsys.readouterr().err


def test_two_runs_do_not_write_into_one_folder(workshop):
    from bundlebook.errors import BundlebookError

    store = Store(workshop.out / "trial")
    with store.locked(), pytest.raises(BundlebookError, match="another"), Store(workshop.out / "trial").locked():
        pass


def test_the_papermill_command_gives_the_same_result(ran):
    shop, _, _, jobs = ran
    target = shop.folder / "plain.ipynb"
    command = [sys.executable, "-m", "papermill", "--no-progress-bar", str(shop.folder / "good.ipynb"), str(target)]
    subprocess.run([*command, "-p", "K", "2"], check=True, capture_output=True, timeout=60)
    plain = _executed.scrub(nbformat.read(target, as_version=4))
    ours = nbformat.read(shop.out / "trial" / "runs" / "good-2" / "executed.ipynb", as_version=4)
    assert _executed.collect(plain) == jobs["good-2"]["metrics"] == [{"name": "Score", "value": 3.0, "unit": "points"}]
    shown = [[(c.cell_type, c.source, c.get("outputs")) for c in notebook.cells] for notebook in (ours, plain)]
    assert shown[0] == shown[1]


def test_a_kernel_may_tidy_up_after_its_last_cell(workshop, pinned):
    born, left = workshop.folder / "born", workshop.folder / "left"
    tidy = f"import atexit, os\nopen({str(born)!r}, 'w').write(str(os.getpid()))\n"
    workshop.notebook("tidy", tidy + f"_ = atexit.register(lambda: open({str(left)!r}, 'w').write('tidy'))")
    assert run(workshop, workshop.batch({"template": "tidy.ipynb"}))[0] == 0
    for _ in range(100):
        if left.exists() and not psutil.pid_exists(int(born.read_text())):
            break
        time.sleep(0.1)
    assert left.read_text() == "tidy"
    assert not psutil.pid_exists(int(born.read_text()))


def test_files_have_the_rights_that_the_users_umask_leaves(tmp_path, monkeypatch):
    monkeypatch.setattr(_results, "_UMASK", 0o077)
    _results.write(tmp_path / "page.html", "x")
    assert (tmp_path / "page.html").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("number", "times"), [(signal.SIGINT, 1), (signal.SIGINT, 2), (signal.SIGTERM, 1), (signal.SIGHUP, 1)]
)
def test_ctrl_c_keeps_what_is_finished_and_the_next_run_goes_on(workshop, number, times):
    workshop.notebook("a_quick", "print(K)")
    workshop.notebook("b_waits", "import time\ntime.sleep(0 if (__import__('os').environ.get('HURRY')) else 60)")
    file = workshop.batch({"template": "*.ipynb"})
    command = [sys.executable, "-c", "from bundlebook.cli import main; main()", "report", str(file), "--jobs", "1"]
    environment = os.environ | {"BUNDLEBOOK_OUT": str(workshop.out), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A shell's background hands down an ignored Ctrl-C, and nohup an ignored hang-up.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )
    try:
        for line in process.stdout:
            if "started  b_waits" in line:
                break
        time.sleep(0.5)
        for press in range(times):
            time.sleep(0.2 * press)
            process.send_signal(number)
        rest = process.communicate(timeout=90)[0]
    finally:
        process.kill()
    assert process.returncode == 130, rest
    assert "1 good, 1 interrupted" in rest, rest
    index = json.loads((workshop.out / "trial" / "index.json").read_text())
    assert {job["name"]: job["status"] for job in index["jobs"]} == {"a_quick": "passed", "b_waits": "interrupted"}
    assert not list(workshop.out.rglob(".draft*"))

    again = subprocess.run(command, env=environment | {"HURRY": "1"}, capture_output=True, text=True, timeout=90)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "reused    a_quick" in again.stdout
    assert "passed    b_waits" in again.stdout
    assert again.stderr == ""


def test_ctrl_c_while_a_page_is_made_leaves_no_half_imported_module(workshop):
    workshop.notebook("a_quick", "print(K)")
    workshop.notebook("b_waits", "import time\ntime.sleep(60)")
    file = workshop.batch({"template": "*.ipynb"})
    # As NumPy, this module cannot be imported a second time in one process once its import was cut off.
    (workshop.folder / "fragile.py").write_text(
        "import builtins, os, signal, time\n"
        "if hasattr(builtins, 'begun'): raise ImportError('cannot load module more than once per process')\n"
        "builtins.begun = True\n"
        "for _ in range(2):\n    os.kill(os.getpid(), signal.SIGINT)\n    time.sleep(0.5)\n"
    )
    code = (
        "from bundlebook.reports import _pages\nfrom bundlebook.cli import main\nmake = _pages.page\n"
        "def page(*args, **kwargs):\n    import fragile\n    return make(*args, **kwargs)\n"
        "_pages.page = page\nmain()"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, "report", str(file), "--jobs", "1"],
        env=os.environ | {"BUNDLEBOOK_OUT": str(workshop.out), "PYTHONPATH": str(workshop.folder)},
        capture_output=True,
        text=True,
        timeout=90,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert ran.returncode == 130, ran.stdout + ran.stderr
    assert "1 good, 1 interrupted" in ran.stdout, ran.stdout + ran.stderr
    assert (workshop.out / "trial" / "a_quick.html").exists()


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="kernels are ended by their group of processes")
def test_a_kernel_that_holds_the_interpreter_does_not_outlive_a_killed_run(workshop):
    hold = f"import os, re\nopen({str(workshop.folder / 'pid')!r}, 'w').write(str(os.getpid()))\n"
    workshop.notebook("stuck", hold + "re.match('(a+)+$', 'a' * 60 + 'b')")
    file = workshop.batch({"template": "stuck.ipynb"})
    environment = {**os.environ, "BUNDLEBOOK_OUT": str(workshop.out)}
    command = [sys.executable, "-c", "from bundlebook.cli import main; main()", "report", str(file)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as runner:
        pid, until = workshop.folder / "pid", time.monotonic() + 120
        while not (pid.exists() and pid.read_text()) and time.monotonic() < until:
            time.sleep(0.1)
        kernel = psutil.Process(int(pid.read_text()))
        time.sleep(0.5)  # until it is inside the regular expression
        runner.kill()
    try:
        assert psutil.wait_procs([kernel], timeout=20)[0], "the kernel runs on without anybody"
    finally:
        if kernel.is_running():
            kernel.kill()


def test_two_batch_files_of_one_name_do_not_share_a_folder(workshop, capsys, monkeypatch):
    monkeypatch.setenv("BUNDLEBOOK_OUT", str(workshop.out))
    template = str(workshop.notebook("fine", "print(1)"))
    one, two = (workshop.folder / name / "few.yaml" for name in ("a", "b"))
    for number, file in enumerate((one, two)):
        file.parent.mkdir()
        file.write_text(f"title: batch {number}\njobs:\n  - template: {template}\n    name: ok-1\n")
    assert report(str(one)) == 0
    page = (workshop.out / "few" / "ok-1.html").read_bytes()
    capsys.readouterr()
    assert report(str(two)) == 2
    said = capsys.readouterr().err
    assert "another batch file called few.yaml" in said and "Remedy: rename" in said
    assert (workshop.out / "few" / "ok-1.html").read_bytes() == page
    one.write_text(one.read_text().replace("batch 0", "edited"))  # the same file, edited
    assert report(str(one)) == 0
    moved = workshop.folder / "c"
    one.parent.rename(moved)  # the same content elsewhere: the project was moved
    assert report(str(moved / "few.yaml")) == 0
    assert str(workshop.folder) not in (workshop.out / "few" / "runs" / ".batch.json").read_text()
