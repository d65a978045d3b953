"""The network in front of a mixture, as it is served: NumPy on saved arrays."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from recommender.densities.features import FEATURES_VERSION
from recommender.errors import ArtifactError

CLIP = 8.0
"""Standard deviations from the mean beyond which a column counts as that far."""


class DensityNetwork(NamedTuple):
    """Two hidden layers and, beside them, the columns themselves, in front of a linear map.

    Attributes:
        center: Subtracted from the columns, shape (n_features,).
        scale: They are divided by it, shape (n_features,).
        widen_kernel: Shape (n_features, hidden).
        widen_bias: Shape (hidden,).
        mix_kernel: Shape (hidden, hidden).
        mix_bias: Shape (hidden,).
        out_kernel: Shape (hidden + n_features, n_outputs).
        out_bias: Shape (n_outputs,).
    """

    center: NDArray[np.float32]
    scale: NDArray[np.float32]
    widen_kernel: NDArray[np.float32]
    widen_bias: NDArray[np.float32]
    mix_kernel: NDArray[np.float32]
    mix_bias: NDArray[np.float32]
    out_kernel: NDArray[np.float32]
    out_bias: NDArray[np.float32]

    def outputs(self, columns: NDArray[np.float32]) -> NDArray[np.float32]:
        """What a mixture reads, shape (n, n_outputs), of columns of shape (n, n_features)."""
        own = standardized(columns, self.center, self.scale)
        hidden = _swish(own @ self.widen_kernel + self.widen_bias)
        hidden = _swish(hidden @ self.mix_kernel + self.mix_bias)
        together = np.concatenate([hidden, own], axis=1)
        found: NDArray[np.float32] = together @ self.out_kernel + self.out_bias
        return found

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays that serving loads."""
        return {**self._asdict(), "features_version": np.array(FEATURES_VERSION)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """What `arrays` gave.

        Raises:
            ArtifactError: If another version of this package fitted it.
        """
        if int(arrays["features_version"]) != FEATURES_VERSION:
            raise ArtifactError(
                "a density was fitted on features that this version of the program does not make: "
                "train again, or serve with the version that trained it"
            )
        return cls(*(np.asarray(arrays[name]) for name in cls._fields))


def standardized(
    columns: NDArray[np.float32], center: NDArray[np.float32], scale: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Columns around 0 with a spread of 1, what is far out drawn in; shape (n, n_features)."""
    apart: NDArray[np.float32] = (columns - center) / scale
    return apart.clip(np.float32(-CLIP), np.float32(CLIP))


def _swish(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """The input over 1 + exp of its opposite, without exp of large numbers."""
    half = np.float32(0.5) * x
    made: NDArray[np.float32] = half * (1 + np.tanh(half))
    return made
