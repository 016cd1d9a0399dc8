"""Keeps trained models and answers in the user's cache folder, so that no work is done twice."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Literal

Shelf = Literal["prepared", "fits", "answers", "estimates"]

VARIABLE = "RECAUDIT_CACHE"


def cache_folder() -> Path:
    """Return ``$RECAUDIT_CACHE``, else the user's cache folder on this platform."""
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE]).expanduser()
    try:
        from platformdirs import user_cache_path
    except ImportError:
        return Path.home() / ".cache" / "recaudit"
    return user_cache_path("recaudit")


@dataclass(frozen=True)
class Cache:
    """Finished work by content key; an entry is a folder that is either whole or not there."""

    root: Path

    def entry(self, shelf: Shelf, key: str) -> Path:
        """Where a piece of work lies, or will lie."""
        return self.root / shelf / key

    def find(self, shelf: Shelf, key: str) -> Path | None:
        """The folder of a finished piece of work."""
        entry = self.entry(shelf, key)
        return entry if entry.is_dir() else None

    @contextmanager
    def making(self, shelf: Shelf, key: str) -> Iterator[Path]:
        """Lend an empty folder that becomes the entry if all goes well, and vanishes if not."""
        entry = self.entry(shelf, key)
        entry.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=self.root))
        try:
            yield draft
            if not entry.is_dir():
                os.rename(draft, entry)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def pseudonym(self, user_id: str) -> str:
        """A name for a user that only the holder of this cache can compute (keyed BLAKE2b)."""
        return blake2b(user_id.encode(), key=self._secret(), digest_size=8).hexdigest()

    def _secret(self) -> bytes:
        path = self.root / "pseudonyms.key"
        if not path.exists():
            self.root.mkdir(parents=True, exist_ok=True)
            handle, draft = tempfile.mkstemp(dir=self.root)
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_bytes(32))
            os.replace(draft, path)
        return path.read_bytes()
