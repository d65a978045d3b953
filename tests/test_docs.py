"""What the READMEs say is so: commands, options, settings, files."""

import re
from pathlib import Path

import click
import pytest

from recommender.cli import cli
from recommender.settings import Settings

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("*/README.md")])


def command_lines() -> list[tuple[str, str]]:
    """Lines of code blocks and inline code that call the command."""
    found = []
    for page in PAGES:
        text = page.read_text("utf-8")
        blocks = re.findall(r"```(?:sh|console)?\n(.*?)```", text, re.DOTALL)
        inline = re.findall(r"`([^`\n]+)`", text)
        lines = [*"\n".join(blocks).splitlines(), *inline]
        found += [(page.name, line.strip()) for line in lines if line.startswith("recommender ")]
    return found


def test_there_are_commands_to_check() -> None:
    assert len(command_lines()) > 8


@pytest.mark.parametrize(("page", "line"), command_lines())
def test_commands_in_the_readmes_exist(page: str, line: str) -> None:
    words = [word for word in line.split("#")[0].split()[1:] if word not in ("…", "...")]
    group: click.Command = cli
    context = click.Context(cli)
    options = {name for parameter in cli.params for name in parameter.opts}
    place = 0
    while place < len(words):
        word = words[place]
        if word in ("-w", "--workspace"):
            place += 2
            continue
        inner = group.get_command(context, word) if isinstance(group, click.Group) else None
        if inner is None:
            break
        group = inner
        options |= {name for parameter in group.params for name in parameter.opts}
        place += 1
    assert group is not cli, f"{line}: no such command"
    named = [word.split("=")[0] for word in words[place:] if word.startswith("-") and word != "-"]
    assert set(named) <= options, line


def test_settings_in_the_readmes_exist() -> None:
    sections = {
        field.alias or name: field.annotation for name, field in Settings.model_fields.items()
    }
    for page in PAGES:
        pattern = r"`([a-z0-9_]+)\.(?!(?:py|sqlite)`)([a-z_0-9]+)`"
        for section, key in re.findall(pattern, page.read_text("utf-8")):
            if section in sections:
                known = getattr(sections[section], "model_fields", {})
                assert key in known, f"{page}: {section}.{key} is no setting"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_links_lead_to_files(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target
