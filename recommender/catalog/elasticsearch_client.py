"""The official client, and what its errors mean; the only file that loads it."""

import logging
import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version as installed_version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from recommender.errors import (
    CatalogError,
    MissingCatalogError,
    MissingExtraError,
    SettingsError,
    words_of,
)
from recommender.settings import ElasticsearchSettings

if TYPE_CHECKING:
    from elasticsearch import ApiError, Elasticsearch, TransportError

MAJOR_VERSION = 9
"""Of servers that the client speaks with."""

_CHUNK_BYTES = 10 * 2**20
_BUSY = 429
_LATER = (_BUSY, 403)
"""Statuses of documents that are taken later: the server is busy, or a rebuild holds writes."""

_WAITS_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
PATIENCE_S = sum(_WAITS_S)
"""So long a write waits for a server that puts it off."""

_SET_HOSTS = "set catalog.elasticsearch.hosts"
_READ_ONLY = "read-only-allow-delete"
_HELD = "index write (api)"


class BulkResult(NamedTuple):
    """What became of one document."""

    item_id: str
    status: int
    problem: str | None


class Connection:
    """One client a process, made when it is first needed: it must not outlive a fork.

    Args:
        settings: Where the server is and who we are.
        write_within_s: Time limit of one request of a write or of an export.

    Attributes:
        where: Names the server in messages.
    """

    def __init__(self, settings: ElasticsearchSettings, write_within_s: float) -> None:
        self._settings, self._write_within_s = settings, write_within_s
        self.where = f"Elasticsearch at {', '.join(settings.hosts)}"
        self._lock = threading.Lock()
        self._client: Elasticsearch | None = None
        self._process: int | None = None
        self._version: str | None = None

    def client(self) -> "Elasticsearch":
        """The client, with the time limit of a request that somebody waits for.

        Raises:
            CatalogError: If the server cannot be reached, or is of a version that the client does
                not speak with.
        """
        with self._lock:
            if self._process != os.getpid():
                # Of another process: not ours to close.
                self._client, self._version, self._process = None, None, os.getpid()
            if self._client is None:
                self._client = _make(self._settings)
            if self._version is None:
                self._version = self._checked_version(self._client)
            return self._client

    def writer(self) -> "Elasticsearch":
        """The client, with the time limit of a long write."""
        return self.client().options(request_timeout=self._write_within_s)

    def version(self) -> str:
        """The server's version.

        Raises:
            CatalogError: As `client`.
        """
        self.client()
        return str(self._version)

    def close(self) -> None:
        """Give the connections back; a later call opens others."""
        with self._lock:
            if self._client is not None and self._process == os.getpid():
                self._client.close()
            self._client = self._version = None

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Errors of the client become sentences.

        Raises:
            CatalogError: With what is wrong and what to do.
        """
        from elasticsearch import ApiError, TransportError

        try:
            yield
        except ApiError as err:
            raise self._answered(err) from err
        except TransportError as err:
            raise CatalogError(self._not_answered(err)) from err

    @contextmanager
    def unless_there(self) -> Iterator[None]:
        """Making an index that is there already is no error."""
        from elasticsearch import BadRequestError

        try:
            yield
        except BadRequestError as err:
            if err.error != "resource_already_exists_exception":
                raise

    def bulk(self, actions: Iterable[dict[str, Any]]) -> list[BulkResult]:
        """Write a few hundred documents; what a busy server puts off is sent again after a pause.

        Raises:
            CatalogError: If the server fails, is busy for too long, or takes no changes at all, as
                after a rebuild that was cut off. What was sent may be written where no answer came.
        """
        left = {str(action["_id"]): action for action in actions}
        done: list[BulkResult] = []
        for wait_s in (*_WAITS_S, None):
            later = set()
            for result in self._bulk_once(list(left.values())):
                if result.problem is not None and _READ_ONLY in result.problem:
                    raise CatalogError(self._read_only())
                if wait_s is None and result.problem is not None and _HELD in result.problem:
                    raise CatalogError(self.held())
                if wait_s is not None and result.status in _LATER:
                    later.add(result.item_id)
                else:
                    done.append(result)
            left = {item_id: left[item_id] for item_id in left if item_id in later}
            if not left or wait_s is None:
                break
            time.sleep(wait_s)
        return done

    def _bulk_once(self, actions: list[dict[str, Any]]) -> Iterator[BulkResult]:
        from elasticsearch import ApiError, TransportError
        from elasticsearch.helpers import streaming_bulk

        client, told = self.writer(), set()
        try:
            for _, result in streaming_bulk(
                client, actions, max_chunk_bytes=_CHUNK_BYTES, raise_on_error=False
            ):
                (item,) = result.values()
                problem = _reason(item["error"]) if "error" in item else None
                told.add(str(item["_id"]))
                yield BulkResult(str(item["_id"]), int(item["status"]), problem)
        except ApiError as err:
            if err.status_code != _BUSY:
                raise self._answered(err) from err
            # Nothing is written of a part that was put off as a whole, and of those behind it.
            for action in actions:
                if str(action["_id"]) not in told:
                    yield BulkResult(str(action["_id"]), _BUSY, str(self._answered(err)))
        except TransportError as err:
            raise CatalogError(
                f"{self._not_answered(err)}; what was sent last may be written all the same"
            ) from err

    def _checked_version(self, client: "Elasticsearch") -> str:
        with self.translated():
            version = _server_version(client, self.where)
        if version.partition(".")[0] != str(MAJOR_VERSION):
            ours = installed_version("elasticsearch")
            raise CatalogError(
                f"{self.where} is version {version}, and the installed client {ours} works with "
                f"version {MAJOR_VERSION}: upgrade the server to {MAJOR_VERSION}.x"
            )
        return version

    def _answered(self, err: "ApiError") -> CatalogError:
        reason = _reason(err.body.get("error") if isinstance(err.body, dict) else err.message)
        no_alias = f"alias [{self._settings.index}] missing"
        if err.status_code == 404 and ("no such index" in reason or reason == no_alias):
            return MissingCatalogError(self._no_catalog())
        return CatalogError(self._told(err, reason))

    def _told(self, err: "ApiError", reason: str) -> str:
        from elasticsearch import UnsupportedProductError

        if isinstance(err, UnsupportedProductError):
            return f"{self.where} is no Elasticsearch; {_SET_HOSTS}"
        if err.status_code == 401:
            return self._refused(reason)
        if _READ_ONLY in reason:
            return self._read_only()
        if _HELD in reason:
            return self.held()
        if err.status_code == 403:
            return (
                f"{self.where} does not allow it ({reason}); grant the user or API key `all` on "
                f"the indices {self._settings.index}* and `monitor` on the cluster"
            )
        if err.status_code in (429, 503):
            return f"{self.where} is overloaded ({reason}); try again later"
        return f"{self.where} answered {err.status_code}: {reason}"

    def refused_read(self, error: dict[str, Any]) -> CatalogError:
        """What is wrong where one document of several could not be read."""
        if error.get("type") == "index_not_found_exception":
            return MissingCatalogError(self._no_catalog())
        return CatalogError(f"{self.where} cannot read its index ({_reason(error)}); try again")

    def _no_catalog(self) -> str:
        return (
            f"there is no catalog {self._settings.index} in {self.where}; "
            "run: recommender import items FILE"
        )

    def _refused(self, reason: str) -> str:
        known = self._settings
        if known.api_key_env is not None and "expired" in reason:
            return (
                f"{self.where} says that the API key in {known.api_key_env} has expired; make a "
                "new one"
            )
        if known.api_key_env is not None:
            return f"{self.where} refuses the API key in {known.api_key_env} ({reason})"
        if known.user is not None:
            return (
                f"{self.where} refuses user {known.user} with the password in "
                f"{known.password_env}; correct catalog.elasticsearch.user or the password"
            )
        return (
            f"{self.where} asks who we are; set catalog.elasticsearch.user and password_env, or "
            "api_key_env"
        )

    def held(self) -> str:
        """What is wrong where writes are held for longer than a rebuild holds them."""
        return (
            f"{self.where} takes no changes: a rebuild holds them or was cut off; where none runs, "
            "run: recommender index --rebuild"
        )

    def _read_only(self) -> str:
        return (
            f"{self.where} takes no changes: its disk is nearly full (flood-stage watermark) and "
            f"the index {self._settings.index} is read-only; free space on the server's disk, then "
            "try again"
        )

    def _not_answered(self, err: "TransportError") -> str:
        from elasticsearch import ConnectionTimeout, SSLError

        said = words_of(str(err.message))
        if isinstance(err, SSLError) and "CERTIFICATE_VERIFY_FAILED" in said:
            known = self._settings.ca_file or "the system's authorities"
            return (
                f"{self.where} shows a certificate that {known} did not sign; set "
                "catalog.elasticsearch.ca_file to the certificate of the authority that did"
            )
        if isinstance(err, SSLError):
            return f"{self.where} does not speak TLS ({said}); is it http instead of https?"
        if isinstance(err, ConnectionTimeout):
            return (
                f"{self.where} did not answer in time; look at the server, or raise "
                f"catalog.elasticsearch.timeout_s (now {self._settings.timeout_s:g})"
            )
        return (
            f"{self.where} cannot be reached ({said}); start it, or set catalog.elasticsearch.hosts"
        )


def check_settings(settings: ElasticsearchSettings) -> None:
    """See what can be seen without a connection, before a process forks that will have one.

    Raises:
        MissingExtraError: If the client is not installed.
        SettingsError: If a secret or the authority's certificate is not there.
    """
    if find_spec("elasticsearch") is None:
        raise MissingExtraError(
            "the Elasticsearch client is not installed; run: "
            'pip install "session-recommender[elasticsearch]"'
        )
    _known_of(settings)


def _make(settings: ElasticsearchSettings) -> "Elasticsearch":
    check_settings(settings)
    from elasticsearch import Elasticsearch

    # A server that is away is told in our words, once; the client would say it at every attempt.
    logging.getLogger("elastic_transport").setLevel(logging.ERROR)
    return Elasticsearch(
        list(settings.hosts),
        request_timeout=settings.timeout_s,
        # Another host may answer; the same one is not asked twice while somebody waits.
        max_retries=len(settings.hosts) - 1,
        retry_on_timeout=False,
        retry_on_status=(),
        **_known_of(settings),
    )


def _known_of(settings: ElasticsearchSettings) -> dict[str, Any]:
    """Who we are, and whom we trust, in the client's words."""
    known: dict[str, Any] = {}
    if settings.api_key_env is not None:
        known["api_key"] = _secret("api_key_env", settings.api_key_env)
    elif settings.user is not None and settings.password_env is not None:
        known["basic_auth"] = (settings.user, _secret("password_env", settings.password_env))
    if settings.ca_file is not None:
        if not Path(settings.ca_file).is_file():
            raise SettingsError(f"catalog.elasticsearch.ca_file: {settings.ca_file} is no file")
        known["ca_certs"] = settings.ca_file
    return known


def _secret(setting: str, name: str) -> str:
    secret = os.environ.get(name)
    if not secret:
        raise SettingsError(
            f"catalog.elasticsearch.{setting} names the environment variable {name}, which is not "
            "set"
        )
    return secret


def _server_version(client: "Elasticsearch", where: str) -> str:
    """The version, asked in a way that servers of every version understand.

    Some builds do not answer the root path; they are asked for their nodes.
    """
    from elasticsearch import ApiError

    plain = {"accept": "*/*"}
    try:
        root = client.perform_request("GET", "/", headers=plain)
    except ApiError as err:
        if err.status_code != 405:
            raise
        nodes = client.perform_request("GET", "/_nodes/_local", headers=plain)
        (node,) = nodes["nodes"].values()
        return str(node["version"])
    try:
        return str(root["version"]["number"])
    except (KeyError, TypeError) as err:
        raise CatalogError(f"{where} is no Elasticsearch; {_SET_HOSTS}") from err


def _reason(error: Any) -> str:
    """What the server says, with the cause it gives, to stand inside a sentence."""
    if not isinstance(error, dict):
        return words_of(str(error))
    words = [words_of(str(error.get("reason") or error.get("type")))]
    cause = error.get("caused_by")
    if isinstance(cause, dict) and cause.get("reason"):
        words.append(words_of(str(cause["reason"])))
    return ": ".join(words)
