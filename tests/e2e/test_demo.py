"""The demo as a user runs it, on a smaller shop, with the installed command."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_demo_ends_with_recommendations_in_words(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "DEMO_DIR": str(tmp_path / "demo"),
        "DEMO_SERVE": "0",
        "PORT": "8000",
        "SIMULATE_OPTIONS": "--products 200 --visitors 150 --days 10",
        "RECOMMENDER_SOFTMAX_EPOCHS": "5",
        "RECOMMENDER_WORD2VEC_EPOCHS": "10",
    }
    demo = ["sh", str(ROOT / "pipelines" / "demo.sh")]
    done = subprocess.run(
        demo, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert " is live: MRR@20 is ahead of popularity" in done.stderr
    assert done.stdout.count("Because you viewed") >= 6
    assert "Traceback" not in done.stderr

    (tmp_path / "demo" / "truth" / "plan.json").unlink()
    again = subprocess.run(
        demo, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert again.returncode == 1
    assert "not of an earlier demo" in again.stderr
    assert (tmp_path / "demo" / "models").is_dir(), "what is not a demo's is left alone"
