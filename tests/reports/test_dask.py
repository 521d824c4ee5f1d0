"""Jobs on a Dask cluster: the same results as here, and once more where a worker was lost."""

import json
import os
import signal
import time
from threading import Thread

import psutil
import pytest

from bundlebook.errors import BundlebookError
from bundlebook.reports import BatchRun, _identity, load_batch, report
from bundlebook.reports._dask import DaskEngine

pytest.importorskip("distributed", reason="the package distributed is not installed (extra: dask)")


@pytest.fixture(autouse=True)
def still_package(monkeypatch):
    monkeypatch.setattr(_identity, "execution_source", lambda: "fixed")


def ends(process: int) -> bool:
    """Whether a process is gone within ten seconds."""
    for _ in range(100):
        if not psutil.pid_exists(process):
            return True
        time.sleep(0.1)
    return False


def run(workshop, file, slots=2) -> tuple[int, dict]:
    batch = load_batch(file)
    code = BatchRun(batch, out=workshop.out, engine=lambda: DaskEngine(slots)).run()
    index = json.loads((workshop.out / batch.name / "index.json").read_text())
    return code, {job["name"]: job for job in index["jobs"]}


def test_jobs_end_as_what_they_are_and_a_lost_worker_costs_nothing(workshop):
    born = workshop.folder / "born"
    born.mkdir()
    # The worker that runs this job is killed while the first attempt waits; the second attempt does not wait.
    waits = f"import os, time\nopen({str(born)!r} + f'/{{os.getppid()}}-{{os.getpid()}}', 'w').close()\n"
    waits += f"time.sleep(60 if len(os.listdir({str(born)!r})) == 1 else 0)"
    workshop.notebook("waits", waits, "print(K)")
    workshop.notebook("good", "from IPython.display import display\nprint(K * 2)")
    workshop.notebook("raising", "1 / 0")
    workshop.notebook("killed", "import os\nos.kill(os.getpid(), 9)")
    names = ("waits", "good", "raising", "killed")
    file = workshop.batch(*({"template": f"{name}.ipynb"} for name in names))
    kernels = []

    def lose_a_worker():
        while not (found := list(born.iterdir())):
            time.sleep(0.05)
        worker, kernel = map(int, found[0].name.split("-"))
        kernels.append(kernel)
        os.kill(worker, signal.SIGKILL)

    killer = Thread(target=lose_a_worker)
    killer.start()
    code, jobs = run(workshop, file)
    killer.join()
    assert code == 1
    assert {name: jobs[name]["status"] for name in names} == dict(
        zip(names, ("passed", "passed", "failed", "died"), strict=True)
    )
    assert len(list(born.iterdir())) == 2  # ran again, in another worker's kernel
    assert len({found.name.split("-")[0] for found in born.iterdir()}) == 2
    assert jobs["raising"]["problem"] == "ZeroDivisionError: division by zero"
    assert "SIGKILL" in jobs["killed"]["problem"]
    assert (workshop.out / "trial" / "good.html").is_file()
    executed = json.loads((workshop.out / "trial" / "runs" / "good" / "executed.ipynb").read_text())
    assert executed["cells"][-1]["outputs"][0]["text"] == ["2\n"]
    assert ends(kernels[0])  # the kernel of the lost worker, with it

    again = BatchRun(load_batch(file, only=["waits", "good"]), out=workshop.out)  # on this machine
    assert again.run() == 0
    assert [again.entries[name]["reused"] for name in ("waits", "good")] == [True, True]


def test_ctrl_c_stops_the_kernels_of_the_workers(workshop):
    born = workshop.folder / "born"
    workshop.notebook("waits", f"import os, time\nopen({str(born)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)")
    pressed: list[float] = []

    def interrupt():
        while not born.exists() or not born.read_text():
            time.sleep(0.05)
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    # A shell that runs in the background hands down an ignored Ctrl-C.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupter = Thread(target=interrupt)
    interrupter.start()
    try:
        code, jobs = run(workshop, workshop.batch({"template": "waits.ipynb"}), slots=1)
    finally:
        interrupter.join()
        signal.signal(signal.SIGINT, handler)
    assert code == 130
    assert jobs["waits"]["status"] == "interrupted"
    assert time.monotonic() - pressed[0] < 90  # not what the start of the cluster and the kernel took
    assert ends(int(born.read_text()))


def test_a_scheduler_that_does_not_answer_is_one_clear_message(workshop, monkeypatch, capsys):
    from bundlebook.reports import _dask

    monkeypatch.setattr(_dask, "_PATIENCE", 0.5)
    monkeypatch.setenv("BUNDLEBOOK_OUT", str(workshop.out))
    workshop.notebook("good")
    file = str(workshop.batch({"template": "good.ipynb"}))
    assert report(file, engine="dask", scheduler="tcp://127.0.0.1:9") == 2
    assert "no Dask scheduler answers" in capsys.readouterr().err
    assert report(file, scheduler="tcp://127.0.0.1:9") == 2
    assert "add --engine dask" in capsys.readouterr().err
    with pytest.raises(BundlebookError, match="scheduler"):
        DaskEngine(1, "not an address")
