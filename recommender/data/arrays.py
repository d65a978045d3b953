"""Arrays as files: one plain `.npy` each, which may stay on disk until it is used."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def write_arrays(folder: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write `NAME.npy` for each array into a folder, which is made.

    Raises:
        OSError: If that fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)


def read_arrays(folder: Path) -> dict[str, NDArray[Any]]:
    """Map every `.npy` of a folder into memory, by name.

    Raises:
        OSError: If a file cannot be read.
        ValueError: If a file is no array.
    """
    return {
        path.stem: np.load(path, mmap_mode="r", allow_pickle=False)
        for path in sorted(folder.glob("*.npy"))
    }
