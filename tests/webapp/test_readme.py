"""The calls in webapp/README.md do what it says."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

README = Path(__file__).parents[2] / "webapp" / "README.md"


def calls() -> list[tuple[str, str]]:
    """The commands of the catalog's console block, each with what it prints."""
    section = README.read_text("utf-8").partition("## The catalog over HTTP")[2]
    (block, *_) = re.findall(r"```console\n(.*?)```", section, re.DOTALL)
    found = []
    for call in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, answer = re.fullmatch(r"(.*\n)(.+)\n", call, re.DOTALL).groups()
        found.append((command.strip(), answer))
    return found


def told(text: str) -> Any:
    return json.loads(text) if text.startswith("{") else text.strip()


def test_the_calls_of_the_readme_answer_what_it_says(any_workspace, start):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    server = start(any_workspace.root)
    assert [command.split()[0] for command, _ in calls()] == ["curl"] * 5
    for command, answer in calls():
        assert "http://127.0.0.1:8000/" in command
        done = subprocess.run(
            ["sh", "-c", command.replace("http://127.0.0.1:8000", server.url)],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert told(done.stdout) == told(answer), command
