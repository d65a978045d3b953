"""The demo as a user runs it, on a smaller shop, with the installed command."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def environment_of(demo_dir: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "DEMO_DIR": str(demo_dir),
        "DEMO_SERVE": "0",
        "PORT": "8000",
        "SIMULATE_OPTIONS": "--products 200 --visitors 150 --days 10",
        "RECOMMENDER_SOFTMAX_EPOCHS": "5",
        "RECOMMENDER_WORD2VEC_EPOCHS": "10",
    }


@pytest.mark.slow
@pytest.mark.elastic
def test_the_demo_on_elasticsearch(tmp_path: Path, elasticsearch_url: str) -> None:
    environment = {
        **environment_of(tmp_path / "demo"),
        "CATALOG": "elasticsearch",
        "ELASTICSEARCH_URL": elasticsearch_url,
        "RECOMMENDER_MODEL_NAME": "sequential_rules",
    }
    done = subprocess.run(
        ["sh", str(ROOT / "pipelines" / "demo.sh")],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert " products added" in done.stderr
    assert done.stdout.count("Because you viewed") >= 6
    assert not (tmp_path / "demo" / "catalog.sqlite").exists()
    assert 'index = "demo"' in (tmp_path / "demo" / "recommender.toml").read_text("utf-8")


@pytest.mark.slow
def test_demo_ends_with_recommendations_in_words(tmp_path: Path) -> None:
    environment = environment_of(tmp_path / "demo")
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
