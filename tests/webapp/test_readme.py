"""The calls in webapp/README.md do what it says."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

README = Path(__file__).parents[2] / "webapp" / "README.md"


def told_routes() -> set[tuple[str, str]]:
    """Method and path of every route in the table; what varies in a path is an ellipsis."""
    table = README.read_text("utf-8").partition("| path | what |")[2].partition("\n\n")[0]
    found = set()
    for cell in re.findall(r"^\| (.*?) \|", table, re.MULTILINE):
        methods, paths = re.findall(r"\b[A-Z]+\b", cell), re.findall(r"/[^ `?]*", cell)
        found |= {(method, path) for method in methods for path in paths}
    return found


def test_the_table_has_every_route_and_no_other(app):
    routes = {
        (method, re.sub("<.*?>", "…", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert told_routes() == routes


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
