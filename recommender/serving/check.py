"""Proof, in a process that knows nothing else, that an artifact answers as it did when written.

Run: `python -m recommender.serving.check FOLDER`; exit 0 if it does, else 1 and a sentence.
"""

import subprocess
import sys
from pathlib import Path

from recommender.errors import ArtifactError
from recommender.serving.artifact import Artifact, load
from recommender.serving.golden import GOLDEN_NAME, check_golden
from recommender.serving.manifest import check_checksums, content_hash

TIMEOUT_S = 600


def check_artifact(folder: Path) -> Artifact:
    """Check every checksum, the version's hash and every golden query.

    Raises:
        ArtifactError: If one of them fails.
    """
    artifact = load(folder)
    manifest = artifact.manifest
    check_checksums(artifact.folder, manifest)
    found = content_hash(
        artifact.parts,
        artifact.vocabulary,
        manifest.settings,
        manifest.model.name,
        artifact.densities,
        artifact.cold,
    )
    if not manifest.version.endswith(f"-{found}"):
        raise ArtifactError(
            f"{folder} calls itself {manifest.version}, its arrays and settings are {found}; "
            "train again"
        )
    golden = artifact.folder / GOLDEN_NAME
    check_golden(golden, artifact.model, artifact.vocabulary, artifact.densities, artifact.cold)
    return artifact


def check_in_clean_process(folder: Path) -> None:
    """Check an artifact as the service will meet it: nothing loaded, only the folder.

    Raises:
        ArtifactError: If the artifact fails, or the process does.
    """
    command = [sys.executable, "-P", "-m", "recommender.serving.check", str(folder)]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as err:
        raise ArtifactError(f"checking {folder} took over {TIMEOUT_S} s; it is not used") from err
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"exit {done.returncode}"]
        raise ArtifactError(f"{folder.name} failed its check and is not used: {lines[-1]}")


def main(arguments: list[str]) -> int:
    """Check the folder named on the command line; return the exit code."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m recommender.serving.check FOLDER\n")
        return 2
    try:
        artifact = check_artifact(Path(arguments[0]))
    except ArtifactError as err:
        sys.stderr.write(f"{err}\n")
        return err.exit_code
    sys.stdout.write(f"{artifact.version} answers as it did when it was written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
