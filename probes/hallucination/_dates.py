"""When items came out, told from the catalogue's years or from when people first met them."""

from __future__ import annotations

import numpy as np

from ...models.data import FloatArray, IntArray, InteractionLog

EARLIEST_DATE = 100_000_000
"""Times that are smaller, in 1973 if they were seconds, are no dates."""
FEWEST_YEARS = 0.5
MOST_EARLY = 0.02


def seconds(log: InteractionLog) -> FloatArray | None:
    """The times of a log's rows in seconds, milliseconds among them; ``None`` if they are no dates."""
    if log.timestamp is None or not len(log):
        return None
    times, middle = log.timestamp.astype(np.float64), float(np.median(log.timestamp))
    if middle < EARLIEST_DATE:
        return None
    return times / 1000 if middle > 1000 * EARLIEST_DATE else times


def year_starts(years: IntArray) -> FloatArray:
    """The first second of each year; NaN for year 0, which is unknown. Shape as given."""
    moments = (years.astype("datetime64[Y]") - 1970).astype("datetime64[s]").astype(np.float64)
    return np.where(years > 0, moments, np.nan)


def release_times(log: InteractionLog, times: FloatArray, rows: IntArray) -> tuple[FloatArray, str]:
    """When items came out by the catalogue's years, or why these cannot tell.

    Parameters
    ----------
    times : of the log's rows, seconds.
    rows : rows to hold the years against: people hardly ever meet an item before its year.

    Returns
    -------
    tuple
        Seconds, shape ``(n_items,)``, NaN where unknown; and a sentence if all are.
    """
    released = year_starts(log.catalog.years)
    unknown = np.full(len(released), np.nan)
    known = ~np.isnan(released)
    if known.mean() < FEWEST_YEARS:
        return unknown, f"the catalogue gives a year for {known.mean():.0%} of its items only"
    early = times[rows] < released[log.item[rows]]
    if len(rows) and early.mean() > MOST_EARLY:
        return unknown, (
            f"people of this data met items before the year of their release in {early.mean():.1%} of rows,"
            " so years cannot tell what was there"
        )
    return released, ""


def first_meetings(log: InteractionLog, times: FloatArray, rows: IntArray) -> FloatArray:
    """When each item is first met in these rows, shape ``(n_items,)``; NaN for an item that is not."""
    first = np.full(len(log.catalog), np.inf)
    np.minimum.at(first, log.item[rows], times[rows])
    return np.where(np.isinf(first), np.nan, first)
