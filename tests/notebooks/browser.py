"""JupyterLab in a headless Chromium, driven as a student's hand would: open, run all cells, press a key."""

import base64
import json
import re
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from websocket import create_connection

from bundlebook.reports._drawings import chromium_command

#: Seconds that the slowest step (start of the kernel, its imports) may take on a busy machine.
PATIENCE = 180


class Lab:
    """A JupyterLab server that serves one folder without a password, on this machine only."""

    def __init__(self, python: str, folder: Path):
        command = [python, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", "--port=0", "--allow-root"]
        command += [f"--ServerApp.root_dir={folder}", "--IdentityProvider.token=", "--ServerApp.password="]
        command += ["--LabApp.news_url=", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
        self._log = (folder.parent / "lab.log").open("w+")
        self._process = subprocess.Popen(command, stdout=self._log, stderr=subprocess.STDOUT, text=True)
        self.address = self._wait()

    def _wait(self) -> str:
        def found() -> Any:
            self._log.seek(0)
            return re.search(r"http://127\.0\.0\.1:\d+/lab", self._log.read())

        return wait(found, "JupyterLab to start").group()

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=20)
        self._log.close()


class Tab:
    """One page of a headless Chromium, through the browser's own debugging protocol."""

    def __init__(self, chromium: Path, profile: Path, address: str):
        options = ("--remote-debugging-port=0", "--remote-allow-origins=*", "--window-size=1280,1800", "about:blank")
        self._process = subprocess.Popen(
            chromium_command(chromium, profile, *options), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        port_file = profile / "DevToolsActivePort"
        port = wait(lambda: port_file.is_file() and port_file.read_text().split()[:1], "Chromium to start")[0]

        def page() -> Any:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as answer:
                return next((target for target in json.load(answer) if target["type"] == "page"), None)

        page_found = wait(page, "the page to open")
        self._socket = create_connection(page_found["webSocketDebuggerUrl"], timeout=PATIENCE)
        self._count = 0
        self.call("Page.navigate", url=address)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command and return its result."""
        self._count += 1
        self._socket.send(json.dumps({"id": self._count, "method": method, "params": parameters}))
        while (answer := json.loads(self._socket.recv())).get("id") != self._count:
            pass
        assert "error" not in answer, answer
        return answer["result"]

    def ask(self, expression: str) -> Any:
        """Value of a JavaScript expression in the page."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def until(self, expression: str, what: str) -> Any:
        """Wait until a JavaScript expression is true, and return its value."""
        return wait(lambda: self.ask(expression), what)

    def press(self, key: str, code: int, modifiers: int = 0) -> None:
        """Press and release one key; modifiers: 2 is Ctrl, 8 is Shift."""
        for kind in ("rawKeyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, modifiers=modifiers
            )

    def picture(self, file: Path) -> None:
        """Save what the reader sees."""
        file.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def close(self) -> None:
        self._socket.close()
        self._process.terminate()
        self._process.wait(timeout=20)


def wait(condition: Callable[[], Any], what: str) -> Any:
    """Value of *condition* as soon as it is true."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.3)
    raise AssertionError(f"waited {PATIENCE} s in vain for {what}")
