"""A reader's browser, offline: opens the index of a batch and every page it leads to."""

import re
import subprocess

import pytest
from bs4 import BeautifulSoup

from bundlebook.errors import BundlebookError
from bundlebook.reports import BatchRun, _drawings, find_chromium, load_batch

#: Left out of headless runs otherwise; here nothing may be reached, not even by accident.
OFFLINE = ("--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-server=127.0.0.1:9", "--enable-logging=stderr", "--v=0")


@pytest.fixture(scope="module")
def chromium():
    try:
        return find_chromium()
    except BundlebookError as error:
        pytest.skip(f"{error.problem}: install Chromium, or set {_drawings.CHROMIUM_VARIABLE}")


@pytest.fixture(scope="module")
def folder(shared_workshop):
    """A batch with two good reports that share a figure, and one that failed, as a reader finds it."""
    figure = "import matplotlib.pyplot as plt\n_ = plt.plot([1, K])"
    record = "from bundlebook import notebook\nnotebook.record('Score', K * 1.5, 'points')"
    long = (
        r"\delta_2 = \partial L/\partial h_2 \cdot h_2 (1 - h_2) = -0.3063 \cdot 0.1491 = -0.0457 = -0.0457 = -0.0457"
    )
    text = f"md: ## Part\n\nA formula $x_i^2$, one that is long ${long}$, Chinese 商品, and [the other](broken.ipynb)."
    shared_workshop.notebook("good", text, figure, record, title="A good report")
    shared_workshop.notebook("broken", "1 / 0")
    file = shared_workshop.batch({"template": "good.ipynb", "grid": {"K": [2, 3]}}, {"template": "broken.ipynb"})
    BatchRun(load_batch(file), out=shared_workshop.out).run()
    return shared_workshop.out / "trial"


def rendered(chromium, profile, file, *options) -> tuple[BeautifulSoup, str]:
    """The page as the browser has it after loading, and what the browser complained about."""
    command = _drawings.chromium_command(chromium, profile, *OFFLINE, *options, "--dump-dom", file.as_uri())
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return BeautifulSoup(done.stdout, "html.parser"), "\n".join(re.findall(r".*CONSOLE.*", done.stderr))


def test_every_link_of_the_index_opens_offline(chromium, folder, tmp_path):
    index, said = rendered(chromium, tmp_path, folder / "index.html")
    assert said == ""
    assert [row.find(class_="chip").get_text() for row in index.select(".jobs tbody tr")] == [
        "failed",
        "passed",
        "passed",
    ]
    links = dict.fromkeys(link["href"] for link in index.find_all("a", href=True))
    assert {"good-2.html", "good-3.html", "broken.html", "broken.html#stopped", "metrics.csv"} <= set(links)
    for link in links:
        target, _, anchor = link.partition("#")
        assert (folder / target).is_file(), link
        if target.endswith(".html") and not anchor:
            page, said = rendered(chromium, tmp_path, folder / target)
            assert said == ""
            assert page.find("h1") and page.find("a", href="index.html")
            assert page.find(id="made")
        elif anchor:
            assert BeautifulSoup((folder / target).read_text(), "html.parser").find(id=anchor), link


@pytest.mark.parametrize("width", [390, 1300])
def test_nothing_sticks_out_at_phone_and_desktop_width(chromium, folder, tmp_path, width):
    for name in ("index.html", "good-2.html", "broken.html"):
        frame = tmp_path / "frame.html"
        frame.write_text(
            f"<iframe width={width} height=900 style='border:0' src='{(folder / name).as_uri()}'></iframe><script>"
            "const f = document.querySelector('iframe');"
            "f.onload = () => { const r = f.contentDocument.documentElement;"
            "const n = [...r.querySelectorAll('img')].filter(i => !(i.complete && i.naturalWidth)).length;"
            "document.title = `${r.scrollWidth} ${n}`; };</script>"
        )
        page, _ = rendered(chromium, tmp_path, frame, "--allow-file-access-from-files")  # into the frame
        wide, broken_pictures = map(int, page.find("title").get_text().split())
        assert wide <= width, f"{name} is {wide} px wide"
        assert broken_pictures == 0
