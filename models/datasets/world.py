"""The built-in demo world: invented people and films, with known truth and dials that plant known faults.

With every dial at zero the world is honest: what a user likes depends on the user's own taste, the
item's quality and the user's leniency, and on nothing that a probe would call a fault.

Each user carries a taste vector over genres and a leniency; each item one to three genres, a quality
and a popularity (Zipf). A user meets the items with the largest popularity + taste + Gumbel noise (a
draw without replacement, Plackett-Luce), in random order, and likes one with probability
sigmoid(1.3 taste.genre + .9 quality + leniency + planted effects - .3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from ..data import BoolArray, Catalog, DataError, FloatArray, IntArray, InteractionLog
from ._titles import GENRES, invent_titles

SERVES: dict[str, str] = {
    "world": "the demo world, with two faults planted: stated gender sways likes, men's answers are noisy",
    "world-honest": "the demo world with nothing planted",
    "world-tiny": "a small honest world for tests",
}

ATTRIBUTES: dict[str, tuple[tuple[str, ...], tuple[float, ...]]] = {
    "gender": (("man", "woman"), (0.5, 0.5)),
    "age": (("under 25", "25 to 34", "35 to 49", "50 and over"), (0.25, 0.3, 0.25, 0.2)),
    "occupation": (
        ("student", "nurse", "engineer", "teacher", "clerk", "artist"),
        (0.2, 0.15, 0.2, 0.15, 0.2, 0.1),
    ),
    "country": (("Norland", "Estavia", "Sudara"), (0.5, 0.3, 0.2)),
}


@dataclass(frozen=True, kw_only=True)
class WorldSettings:
    """Size and dials of a world.

    Parameters
    ----------
    attribute_effect : logits added to a woman's and taken from a man's chance to like any item.
    taste_gap : how far women's and men's true tastes differ by genre (no fault: what history may show).
    popularity_bias : how much more popular items are liked for being popular, logits per sd.
    noisy_answers : share of men's answers that are a coin's, so that they are served worse, [0, 1].
    repeats : share of each user's rows that are met, and answered alike, a second time.
    """

    users: int = 7000
    items: int = 800
    per_user: int = 30
    attribute_effect: float = 0.0
    taste_gap: float = 0.0
    popularity_bias: float = 0.0
    noisy_answers: float = 0.0
    repeats: float = 0.0


PRESETS: dict[str, WorldSettings] = {
    "world": WorldSettings(attribute_effect=0.7, noisy_answers=0.4),
    "world-honest": WorldSettings(),
    "world-tiny": WorldSettings(users=300, items=80, per_user=20),
}


def load(
    name: str,
    *,
    where: Path | None = None,
    rng: np.random.Generator | None = None,
    options: Mapping[str, str] | None = None,
) -> InteractionLog:
    """Build a world; ``options`` override the preset's size and dials by name."""
    settings = _turned(PRESETS[name], options or {})
    return build_world(settings, name=name, rng=rng or np.random.default_rng(0))


def locate(name: str, *, where: Path | None = None) -> Path | None:
    """Return None: a world is made, not found."""
    return None


def terms(name: str) -> str:
    """Who may use it, and how to get it."""
    return "made here from a seed; invented people and films, free to use"


def build_world(settings: WorldSettings, *, name: str, rng: np.random.Generator) -> InteractionLog:
    """Draw items, then people, then who met and liked what."""
    _check(settings)
    catalog, weights, quality, popularity = _items(settings, rng)
    attributes = {
        attribute: tuple(rng.choice(values, settings.users, p=shares).tolist())
        for attribute, (values, shares) in ATTRIBUTES.items()
    }
    woman = np.array([1.0 if value == "woman" else -1.0 for value in attributes["gender"]])
    taste = rng.normal(0, 1, (settings.users, len(GENRES)))
    taste += settings.taste_gap * woman[:, None] * np.where(np.arange(len(GENRES)) % 2, 1.0, -1.0)
    affinity = taste @ weights.T
    met = _meet(popularity + 0.7 * affinity, settings, rng)
    users = np.repeat(np.arange(settings.users), met.shape[1])
    items = met.ravel()
    logit = (
        1.32 * affinity[users, items]
        + 0.9 * quality[items]
        + rng.normal(0, 0.8, settings.users)[users]
        - 0.3
        + settings.attribute_effect * woman[users]
        + settings.popularity_bias * _standard(popularity)[items]
    )
    liked = rng.random(len(logit)) < 1 / (1 + np.exp(-logit))
    by_coin = (woman[users] < 0) & (rng.random(len(users)) < settings.noisy_answers)
    liked = np.where(by_coin, rng.random(len(users)) < 0.5, liked)
    users, items, liked = _repeat(users, items, liked, settings, rng)
    return InteractionLog.build(
        name=name,
        catalog=catalog,
        user_ids=tuple(f"u{user:06d}" for user in range(settings.users)),
        user=users,
        item=items,
        liked=liked,
        rating=np.where(liked, 4.0, 2.0),
        timestamp=_times(users, rng),
        attributes=attributes,
        synthetic=True,
        planted=_planted(settings),
    )


def _items(
    settings: WorldSettings, rng: np.random.Generator
) -> tuple[Catalog, FloatArray, FloatArray, FloatArray]:
    n = settings.items
    genres = [
        tuple(str(genre) for genre in rng.choice(GENRES, rng.integers(1, 4), replace=False)) for _ in range(n)
    ]
    years = rng.integers(1960, 2025, n)
    titles = invent_titles(genres, years, own_words=0.7, rng=rng)
    weights = np.array([[float(genre in own) for genre in GENRES] for own in genres])
    weights /= np.sqrt(weights.sum(axis=1, keepdims=True))
    quality = rng.normal(0, 1, n)
    popularity = -0.8 * np.log(1 + rng.permutation(n)) + 0.4 * quality
    catalog = Catalog(
        ids=tuple(f"i{item:05d}" for item in range(n)),
        titles=tuple(titles),
        years=years,
        genres=tuple(genres),
        providers=tuple(f"Studio {letter}" for letter in rng.choice(list("ABCDEF"), n)),
    )
    return catalog, weights, quality, popularity


def _meet(appeal: FloatArray, settings: WorldSettings, rng: np.random.Generator) -> IntArray:
    met = np.empty((settings.users, settings.per_user), dtype=np.int64)
    for start in range(0, settings.users, 4096):
        rows = slice(start, start + 4096)
        noisy = appeal[rows] + rng.gumbel(size=appeal[rows].shape)
        met[rows] = np.argpartition(-noisy, settings.per_user - 1, axis=1)[:, : settings.per_user]
    return rng.permuted(met, axis=1)


def _repeat(
    users: IntArray, items: IntArray, liked: BoolArray, settings: WorldSettings, rng: np.random.Generator
) -> tuple[IntArray, IntArray, BoolArray]:
    again = np.flatnonzero(rng.random(len(users)) < settings.repeats)
    order = np.argsort(np.concatenate([np.arange(len(users)), again + 0.5]), kind="stable")
    rows = np.concatenate([np.arange(len(users)), again])[order]
    return users[rows], items[rows], liked[rows]


def _times(users: IntArray, rng: np.random.Generator) -> IntArray:
    joined = rng.integers(1_500_000_000, 1_700_000_000, int(users.max()) + 1)
    gaps = rng.integers(600, 600_000, len(users))
    elapsed = np.cumsum(gaps)
    first = np.searchsorted(users, users)
    return joined[users] + elapsed - elapsed[first]


def _standard(values: FloatArray) -> FloatArray:
    standard: FloatArray = (values - values.mean()) / values.std()
    return standard


def _planted(settings: WorldSettings) -> dict[str, float]:
    dials = ("attribute_effect", "noisy_answers", "popularity_bias", "repeats")
    return {dial: float(getattr(settings, dial)) for dial in dials if getattr(settings, dial)}


def _turned(settings: WorldSettings, options: Mapping[str, str]) -> WorldSettings:
    kinds: dict[str, type] = {part.name: type(getattr(settings, part.name)) for part in fields(settings)}
    for key, text in options.items():
        if key not in kinds:
            raise DataError(f"the demo world has no setting {key!r}; it has {', '.join(kinds)}")
        try:
            settings = replace(settings, **{key: kinds[key](text)})
        except ValueError:
            raise DataError(f"world setting {key} must be a number, got {text!r}") from None
    return settings


def _check(settings: WorldSettings) -> None:
    if settings.users < 2 or settings.per_user < 2:
        raise DataError(
            f"a world needs at least 2 users and 2 items each, got {settings.users}, {settings.per_user}"
        )
    if not settings.per_user < settings.items <= 20000:
        raise DataError(
            f"a world's items must be more than per_user ({settings.per_user}) and at most 20000,"
            f" got {settings.items}"
        )
