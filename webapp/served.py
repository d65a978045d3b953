"""What was shown: `served/<UTC hour>.ndjson`, one answer a line, no person in it."""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SCHEMA_VERSION = 1

_LOGGER = logging.getLogger(__name__)


class ServedLog:
    """Appends answers; the processes of one workspace share the files.

    Args:
        folder: The workspace's `served` folder; made when the first answer comes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def append(self, answer: Mapping[str, Any], page_view_id: str | None = None) -> None:
        """Write one answer.

        A visitor gets the answer also when it cannot be written; the program's log says so.

        Args:
            answer: The body of `GET /v1/recommendations`.
            page_view_id: The showing, if the page named one.
        """
        now = datetime.now(UTC)
        line = {
            "schema_version": SCHEMA_VERSION,
            "recommendation_id": answer["recommendation_id"],
            "time": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "placement": answer["placement"],
            "page_view_id": page_view_id,
            "model": answer["model"],
            "items": [item["id"] for item in answer["items"]],
            "sources": [item["source"] for item in answer["items"]],
        }
        text = json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"
        path = self._folder / f"{now:%Y-%m-%dT%H}.ndjson"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            # Unbuffered: a line is one write, and appended writes of processes do not mix.
            with path.open("ab", buffering=0) as file:
                file.write(text.encode())
        except OSError as err:
            _LOGGER.error("what was shown is not kept: %s: %s", path, err.strerror)
