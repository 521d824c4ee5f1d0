"""The messages in the README's troubleshooting are the messages people meet, and its pictures exist."""

import re

import pytest

from bundlebook import paths

README = (paths.root() / "README.md").read_text(encoding="utf-8")
#: Printed by Python, the shell or make, not by this project.
FOREIGN = {
    "The virtual environment was not created successfully because ensurepip is not available",
    "make: command not found",
}


def messages():
    table = README.split("| message | what to do |")[1].split("\n\n")[0]
    return [m for m in re.findall(r"^\| `([^`]+)` \|", table, flags=re.M) if m not in FOREIGN]


@pytest.mark.parametrize("message", messages())
def test_the_message_stands_in_the_code(message):
    sources = [*(paths.root() / "src").rglob("*.py"), paths.root() / "Makefile"]
    code = "\n".join(file.read_text(encoding="utf-8") for file in sources)
    pattern = re.escape(message).replace("…", r".{1,40}?")
    pattern = re.sub(r"'[a-z_]+'|\b[0-9a-f]{32}\b|\b4\b|SIGKILL", r".{1,40}?", pattern)
    assert re.search(pattern, code), f"no code says {message!r}"


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_pictures_exist(readme):
    text = (paths.root() / readme).read_text(encoding="utf-8")
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert pictures and all((paths.root() / picture).is_file() for picture in pictures)
