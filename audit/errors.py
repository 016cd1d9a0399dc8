"""What can stop an audit, and which exit code each reason has.

::

    AuditError             3  something inside the audit failed
    ├── UsageError         2  the request cannot be carried out as given: one or several problems
    │   └── MissingLibrary 2  a library that this needs is not installed
    └── Interrupted      130  stopped by the user; what was finished is kept

Models raise ``models.base.ModelError`` and data sets ``models.data.DataError``; both count as usage errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from ..models.base import ModelError
from ..models.data import DataError


class AuditError(Exception):
    """Something inside the audit failed; the message says where the details are."""

    exit_code = 3


class UsageError(AuditError):
    """A request that cannot be carried out as given; holds every problem found, one sentence each."""

    exit_code = 2

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class MissingLibrary(UsageError):
    """A library that this needs is not installed."""

    def __init__(self, error: ModuleNotFoundError) -> None:
        name = (error.name or "a library").partition(".")[0]
        super().__init__(f"this needs {name}, which is not installed; run `pip install {name}`")


class Interrupted(AuditError):
    """Stopped by the user; the message says how to go on."""

    exit_code = 130


DESCRIBED = (UsageError, DataError, ModelError)
"""Errors whose message alone tells the user what to do; shown without a traceback, exit code 2."""


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """A sentence for a name that does not exist, with the nearest ones that do."""
    names = sorted(known)
    close = get_close_matches(name, names, n=2, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else f"there is {_listed(names)}"
    return f"no {kind} is called {name!r}; {hint}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "none"
