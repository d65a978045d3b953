"""Families and mixture density networks once more with Keras on JAX.

Keras takes its backend once in a process, so the very same test files run in another one.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
FILES = ("families/test_families.py", "test_mixture_density.py")


@pytest.mark.slow
def test_the_same_tests_pass_on_jax() -> None:
    command = [sys.executable, "-m", "pytest", *(str(HERE / name) for name in FILES)]
    done = subprocess.run(
        [*command, "-q", "-p", "no:xdist", "-p", "no:cacheprovider"],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed
    assert int(passed[1]) > 80
    assert "skipped" not in done.stdout
