"""Invented film titles that read like titles and lean, as real ones do, towards their genre's words."""

from __future__ import annotations

import numpy as np

POOLS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "Drama": (
        (
            "Quiet",
            "Broken",
            "Distant",
            "Bitter",
            "Faithful",
            "Unspoken",
            "Fading",
            "Tender",
            "Heavy",
            "Borrowed",
        ),
        (
            "Harvest",
            "Letters",
            "Silence",
            "Daughter",
            "Winter",
            "House",
            "Promise",
            "Mercy",
            "Orchard",
            "Tide",
        ),
    ),
    "Comedy": (
        (
            "Clumsy",
            "Merry",
            "Lucky",
            "Crooked",
            "Silly",
            "Hungry",
            "Noisy",
            "Borrowed",
            "Upside-Down",
            "Polite",
        ),
        (
            "Wedding",
            "Uncle",
            "Holiday",
            "Neighbours",
            "Goose",
            "Bakery",
            "Mayor",
            "Parade",
            "Twins",
            "Umbrella",
        ),
    ),
    "Thriller": (
        ("Hidden", "Cold", "Final", "Locked", "False", "Missing", "Silent", "Double", "Last", "Narrow"),
        (
            "Witness",
            "Alibi",
            "Corridor",
            "Signal",
            "Verdict",
            "Passenger",
            "Motive",
            "Ransom",
            "Stairwell",
            "Cipher",
        ),
    ),
    "Romance": (
        (
            "Sweet",
            "Summer",
            "Secret",
            "Crimson",
            "Gentle",
            "Starlit",
            "Moonlit",
            "Velvet",
            "Second",
            "Golden",
        ),
        (
            "Kiss",
            "Waltz",
            "Rendezvous",
            "Heart",
            "Garden",
            "Serenade",
            "Proposal",
            "Valentine",
            "Embrace",
            "Rose",
        ),
    ),
    "Science Fiction": (
        (
            "Orbital",
            "Electric",
            "Infinite",
            "Lunar",
            "Binary",
            "Frozen",
            "Parallel",
            "Stellar",
            "Hollow",
            "Synthetic",
        ),
        (
            "Horizon",
            "Machine",
            "Colony",
            "Engine",
            "Satellite",
            "Android",
            "Protocol",
            "Nebula",
            "Station",
            "Voyager",
        ),
    ),
    "Adventure": (
        ("Lost", "Wild", "Emerald", "Forgotten", "Savage", "Northern", "Burning", "Iron", "Sunken", "Far"),
        (
            "Temple",
            "River",
            "Compass",
            "Island",
            "Caravan",
            "Summit",
            "Treasure",
            "Jungle",
            "Frontier",
            "Harbour",
        ),
    ),
    "Horror": (
        (
            "Pale",
            "Whispering",
            "Crawling",
            "Black",
            "Haunted",
            "Rotten",
            "Sleepless",
            "Wicked",
            "Buried",
            "Grim",
        ),
        ("Cellar", "Mirror", "Coven", "Scarecrow", "Lullaby", "Crypt", "Shadow", "Attic", "Hollow", "Puppet"),
    ),
    "Documentary": (
        ("Inside", "True", "Vanishing", "Ordinary", "Working", "Untold", "Living", "Public", "Open", "Small"),
        (
            "Factory",
            "Glacier",
            "Rivers",
            "Archive",
            "Choir",
            "Migration",
            "Kitchen",
            "Reef",
            "Railway",
            "Market",
        ),
    ),
}
GENRES = tuple(POOLS)


def invent_titles(
    genres: list[tuple[str, ...]], years: np.ndarray, *, own_words: float, rng: np.random.Generator
) -> list[str]:
    """One unique title per item; each word comes from the item's own genre with chance ``own_words``."""
    seen: set[str] = set()
    titles = []
    for item_genres, year in zip(genres, years.tolist(), strict=True):
        while True:
            title = f"{_phrase(item_genres, own_words, rng)} ({year})"
            if title not in seen:
                break
        seen.add(title)
        titles.append(title)
    return titles


def _phrase(item_genres: tuple[str, ...], own_words: float, rng: np.random.Generator) -> str:
    first, second, third = (_word(item_genres, kind, own_words, rng) for kind in (0, 1, 1))
    match int(rng.integers(4)):
        case 0:
            return f"The {first} {second}"
        case 1:
            return f"{second} of the {third}"
        case 2:
            return f"{first} {second}, {_word(item_genres, 0, own_words, rng)} {third}"
        case _:
            return f"{first} {second}"


def _word(item_genres: tuple[str, ...], kind: int, own_words: float, rng: np.random.Generator) -> str:
    pool = item_genres if rng.random() < own_words else GENRES
    return str(rng.choice(POOLS[str(rng.choice(pool))][kind]))
