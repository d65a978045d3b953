"""The command group: common options on both sides, exit codes, log lines."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from recommender.cli import cli


def call(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words))


def test_common_options_work_before_and_after_the_command(tmp_path: Path) -> None:
    for words in (["-w", str(tmp_path), "sessions"], ["sessions", "-w", str(tmp_path)]):
        done = call(*words)
        assert done.exit_code == 0
        assert str(tmp_path) in done.output


def test_an_unknown_command_or_option_is_a_usage_error(tmp_path: Path) -> None:
    assert call("seshions").exit_code == 2
    assert call("sessions", "--no-such-option").exit_code == 2
    done = call("sessions", "-w", str(tmp_path), "--set", "sessions.gab_s=3")
    assert done.exit_code == 2
    assert "the nearest is sessions.gap_s" in done.output


@pytest.mark.parametrize("before", [True, False])
def test_log_lines_as_json(tmp_path: Path, before: bool) -> None:
    words = ["models", "promote", "nothing", "-w", str(tmp_path)]
    flag = ["--log-format", "json"]
    done = call(*flag, *words) if before else call(*words, *flag)
    assert done.exit_code == 1
    line = json.loads(done.stderr)
    assert line["level"] == "error"
    assert line["time"].endswith("+00:00")


def test_progress_as_json(tmp_path: Path) -> None:
    done = call("simulate", str(tmp_path / "shop"), "--products", "48", "--visitors", "2",
                "--days", "2", "--log-format", "json")  # fmt: skip
    assert done.exit_code == 0
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert {line["level"] for line in lines} == {"info"}


def test_a_missing_extra_says_what_to_install(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "sys.modules['duckdb'] = None\n"
        "from recommender.cli import main\n"
        "sys.argv = ['recommender', 'sessions', '-w', sys.argv[1]]\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True,
                          text=True, check=False)  # fmt: skip
    assert done.returncode == 1
    assert "pip install 'session-recommender[train]'" in done.stderr


def test_a_lost_interrupt_is_raised_at_the_next_word(tmp_path: Path) -> None:
    """The signal arrives where its exception is swallowed, as in an import by native code."""
    script = (
        "import os, signal, sys, contextlib\n"
        "import pipelines.commands.sessions as sessions\n"
        "from recommender.cli import Shop, cli, main\n"
        "import click\n"
        "@cli.command('lose')\n"
        "@click.pass_obj\n"
        "def lose(shop):\n"
        "    with contextlib.suppress(KeyboardInterrupt):\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "    shop.say('going on')\n"
        "sys.argv = ['recommender', 'lose']\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert done.returncode == 130, done.stderr
    assert "going on" not in done.stderr
    assert "Interrupted" in done.stderr


def test_after_ctrl_c_no_thread_is_waited_for() -> None:
    """A library's thread may have a minute of work left."""
    script = (
        "import os, signal, threading, time, click\n"
        "from recommender.cli import cli, main\n"
        "@cli.command()\n"
        "def busy():\n"
        "    threading.Thread(target=time.sleep, args=(60,)).start()\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    time.sleep(60)\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "busy"],
        capture_output=True, text=True, timeout=45, check=False,
    )  # fmt: skip
    assert done.returncode == 130
    assert done.stderr == "Interrupted; what was there before is unchanged.\n"
