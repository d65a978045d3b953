"""Every error the product raises on purpose, and the exit code each one ends a command with.

    RecommenderError          1
    ├── SettingsError         2   an unknown setting, a value out of range
    ├── BusyError             1   another run holds the workspace or its catalog
    ├── MissingExtraError     1   a library of an optional extra is not installed
    ├── BudgetError           1   more bytes or seconds than the settings or the machine allow
    ├── DataError             1   a file that cannot be read, too little to train on
    │   ├── MappingError      2   a column named in --map, or a header, is missing
    │   ├── RefusedRowsError  4   more refused rows than `import.max_refused`
    │   └── WithdrawnError    4   a feed lacks more products than `import.max_withdrawn`
    ├── ArtifactError         1   no model, a damaged model folder
    ├── GateRefusedError      3   the candidate is not good enough to publish
    └── CatalogError          1   the catalog cannot be read or written
        ├── MissingCatalogError 1  nobody has made the catalog yet
        ├── DifferencesError    4  the index is not what the products say
        ├── SlowSearchError     1  a search takes too long: ask for less
        └── CursorExpiredError  1  the catalog was rebuilt since: read all of it again

A message names the place and the next step. A caller's mistake in Python is a `ValueError`.
"""

from typing import ClassVar


class RecommenderError(Exception):
    """Base of the tree; its message is one sentence a user can act on."""

    exit_code: ClassVar[int] = 1


class SettingsError(RecommenderError):
    """A setting is unknown or has a value that is not allowed."""

    exit_code = 2


class BusyError(RecommenderError):
    """Another run holds the workspace or its catalog."""


class MissingExtraError(RecommenderError):
    """A library that comes with an optional extra is not installed."""


class BudgetError(RecommenderError):
    """A training would take more bytes or seconds than allowed; nothing was trained."""


class DataError(RecommenderError):
    """Input cannot be read, or there is too little of it."""


class MappingError(DataError):
    """A column that the import needs is not in the file."""

    exit_code = 2


class RefusedRowsError(DataError):
    """More rows were refused than `import.max_refused` allows; nothing was imported."""

    exit_code = 4


class WithdrawnError(DataError):
    """A full feed lacks more products than `import.max_withdrawn` allows; nothing was imported."""

    exit_code = 4


class ArtifactError(RecommenderError):
    """A model folder is missing, damaged or from another version."""


class GateRefusedError(RecommenderError):
    """The gate refused the candidate; the live model goes on serving."""

    exit_code = 3


class FilterError(RecommenderError):
    """A filter cannot be understood.

    Attributes:
        problem: What is wrong, without the place.
        column: Where, counted from 1.
    """

    exit_code = 2

    def __init__(self, problem: str, column: int) -> None:
        super().__init__(f"filter, column {column}: {problem}")
        self.problem, self.column = problem, column


class CatalogError(RecommenderError):
    """The catalog cannot be read or written."""


class MissingCatalogError(CatalogError):
    """Nobody has made the catalog yet: no feed was imported."""


class DifferencesError(CatalogError):
    """An index is not what the catalog's products say it should be."""

    exit_code = 4


class SlowSearchError(CatalogError):
    """A search was given up, for it asks for more than can be found in its time."""


class CursorExpiredError(CatalogError):
    """A change cursor is of a catalog that was rebuilt or replaced; read all of it again."""


def words_of(err: BaseException | str) -> str:
    """What another library or a server says, to stand inside a sentence: one line, no full stop.

    Example:
        >>> f"the file cannot be read ({words_of(OSError('No space.'))}); free some"
        'the file cannot be read (No space); free some'
    """
    return " ".join(str(err).split()).rstrip(".,;:!")
