"""One training in a process that does nothing else, so that its peak of memory is its own.

Run: `python -m pipelines.batch_trial FOLDER`; the record comes as JSON on stdout.
"""

import json
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipelines.batch_sizes import JOB_NAME, load_sessions
from recommender.data.examples import hold_out, sessions_from_lists
from recommender.evaluation.course import best_epoch
from recommender.models.registry import model_class
from recommender.settings import Settings

_STATUS = Path("/proc/self/status")
_PEAK = "VmHWM:"


def run_trial(folder: Path) -> dict[str, Any]:
    """Train as the job in a folder says; return the record."""
    job = json.loads((folder / JOB_NAME).read_text("utf-8"))
    settings = Settings.model_validate(job["settings"])
    train, held_out = (load_sessions(folder, name) for name in ("train", "held_out"))
    kind = model_class(job["model"])
    # A tiny training first loads the libraries: what follows counts training alone.
    tiny = kind(2, settings, settled={"epochs": 1, "start": "random"})
    tiny.fit(sessions_from_lists([[0, 1], [1, 0]]), None, seed=settings.model.seed)
    before = _fresh_peak_mb()
    began = time.perf_counter()
    model = kind(job["n_items"], settings)
    train, held_out = hold_out(train, held_out, model.min_held_out)
    model.fit(train, held_out, seed=settings.model.seed)
    took_s = time.perf_counter() - began
    peak = _peak_mb()
    best = model.epochs_[best_epoch(model.epochs_) or 0]
    return {
        "epochs": best["epoch"],
        "validation": best.get("validation", {}),
        "train_s": round(took_s, 2),
        "peak_mb": round(peak, 1),
        "growth_mb": round(max(0.0, peak - before), 1),
    }


def _fresh_peak_mb() -> float:
    """Forget the peak so far; return the memory in use now, in MB."""
    # Where the kernel cannot forget it, the peak so far stands for what is in use.
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _peak_mb()


def _peak_mb() -> float:
    """The highest resident memory in MB.

    Linux hands the peak of the parent on in `getrusage`, so that its own file is asked there.
    """
    if _STATUS.exists():
        lines = _STATUS.read_text("utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(_PEAK)) * 1024 / 1e6
    in_bytes = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * in_bytes / 1e6


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run_trial(Path(sys.argv[1]))) + "\n")
