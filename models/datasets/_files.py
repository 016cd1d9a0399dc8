"""Finds a published data set on this machine, and fetches it with a checksum where it is not here yet."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..data import DataError

CONNECT_AND_READ_SECONDS = (5, 30)


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a data set's folder must hold, and where its owner gives it away.

    Parameters
    ----------
    folder : its name under ``$RECAUDIT_DATA`` and in the cache.
    needs : the files that must be there; each entry lists the alternatives.
    url : the owner's zip, or None where it can only be fetched by hand.
    checksum : ``"md5:..."`` as the owner publishes it, or None where the owner may change the file.
    by_hand : what a person does to get it, one sentence without its full stop.
    """

    folder: str
    needs: tuple[tuple[str, ...], ...]
    url: str | None = None
    checksum: str | None = None
    by_hand: str

    def missing(self, folder: Path) -> list[str]:
        """The needed files that ``folder`` lacks."""
        return [" or ".join(names) for names in self.needs if not any((folder / n).is_file() for n in names)]


def served(name: str, serves: Mapping[str, str], options: Mapping[str, str] | None) -> None:
    """Refuse a name that a module does not serve, and options that a published data set cannot have.

    Raises
    ------
    DataError
        Naming what is served.
    """
    if name not in serves:
        raise DataError(f"no data set is called {name!r}; known here: {', '.join(serves)}")
    if options:
        raise DataError(f"data {name} takes no options, got {', '.join(options)}; leave them out")


def cache_folder() -> Path | None:
    """Where downloads are kept: ``$RECAUDIT_CACHE``, else the user's cache folder (None without pooch)."""
    if os.environ.get("RECAUDIT_CACHE"):
        return Path(os.environ["RECAUDIT_CACHE"]).expanduser() / "data"
    try:
        import pooch
    except ImportError:
        return None
    return Path(pooch.os_cache("recaudit")) / "data"


def find(source: Source, where: Path | None) -> Path | None:
    """The complete folder of a data set, or None; nothing is downloaded.

    ``where`` is that folder or the one it lies in, and the only place looked at if given; otherwise
    ``$RECAUDIT_DATA`` and then the cache are looked through.
    """
    if where is not None:
        places = [where.expanduser(), where.expanduser() / source.folder]
    else:
        roots = (os.environ.get("RECAUDIT_DATA"), cache_folder())
        places = [Path(root).expanduser() / source.folder for root in roots if root]
    return next((place for place in places if not source.missing(place)), None)


def fetch(source: Source, where: Path | None) -> Path:
    """The complete folder of a data set, downloaded into the cache where it is nowhere else.

    Raises
    ------
    DataError
        If ``where`` lacks its files, or it cannot be downloaded; with the steps to do by hand.
    """
    found = find(source, where)
    if found is not None:
        return found
    if where is not None:
        lacks = ", ".join(source.missing(where.expanduser()))
        raise DataError(f"{where} does not hold {source.folder}: it lacks {lacks}; {source.by_hand}")
    if source.url is None:
        raise DataError(f"{source.folder} is not on this machine and has no download: {_by_hand(source)}")
    return _download(source, source.url)


def _by_hand(source: Source) -> str:
    return f"{source.by_hand}, then give that folder's path or put it under $RECAUDIT_DATA as {source.folder}"


def _download(source: Source, url: str) -> Path:
    try:
        import pooch
    except ImportError:
        raise DataError("downloading data needs pooch: run `pip install pooch`") from None
    pooch.get_logger().setLevel("WARNING")
    root = cache_folder() or Path(pooch.os_cache("recaudit"))
    try:
        archive = pooch.retrieve(
            url,
            known_hash=source.checksum,
            fname=f"{source.folder}.zip",
            path=root,
            downloader=pooch.HTTPDownloader(timeout=CONNECT_AND_READ_SECONDS),
        )
        _unpack(Path(archive), root, source)
    except (OSError, ValueError, zipfile.BadZipFile) as problem:
        why = "its checksum is not the published one" if isinstance(problem, ValueError) else "no answer"
        kind = type(problem).__name__
        raise DataError(f"could not download {url} ({why}: {kind}); by hand: {_by_hand(source)}") from None
    return root / source.folder


def _unpack(archive: Path, root: Path, source: Source) -> None:
    """Unpack beside the final place and move in one step, so that no half-written folder is ever found."""
    with tempfile.TemporaryDirectory(dir=root) as scratch, zipfile.ZipFile(archive) as packed:
        packed.extractall(scratch)
        unpacked = Path(scratch) / source.folder
        if source.missing(unpacked):
            raise zipfile.BadZipFile(f"{archive} lacks {source.missing(unpacked)}")
        if source.missing(root / source.folder):
            os.replace(unpacked, root / source.folder)
    archive.unlink()
