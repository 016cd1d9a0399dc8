"""Words that take codes over: boundaries by hand, a coder on a line, real coders, and none where none can."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recaudit.models.base import Request, Slate
from recaudit.models.data import Catalog, FloatArray, IntArray, InteractionLog
from recaudit.models.datasets.world import load
from recaudit.models.semid.tiger import Tiger, TigerConfig
from recaudit.models.splits import split_population
from recaudit.probes.base import Auditee, Measurement, NotApplicable
from recaudit.probes.robustness._rewording import (
    Encoder,
    Pair,
    at_random,
    cosines,
    leading,
    reworded,
    robust_radius,
    words_of,
)
from recaudit.probes.robustness.semantic_id_hijack import SemanticIdHijack
from recaudit.probes.stats.verdicts import judge, overall
from recaudit.probes.trials.semantic_id_hijack import TRIAL

LOG = load("world-tiny")
WHO = split_population(LOG, rng=np.random.default_rng(0))
PROBE = SemanticIdHijack(n_items=60)


@dataclass(frozen=True, kw_only=True)
class LineCoder:
    """A text is a point on a line: words "up" move it one up; centres lie at 0, 2, 4 and 6.

    The second code says whether the point lies below or above its centre. The vector's other number is 1,
    so that a cosine is defined. A deaf coder reads no words at all.
    """

    catalog: Catalog
    texts: tuple[str, ...]
    deaf: bool = False

    def recommend(self, requests: Sequence[Request], k: int) -> list[Slate]:
        raise AssertionError("nobody is asked")

    def item_texts(self) -> Sequence[str]:
        return self.texts

    def text_vectors(self, texts: Sequence[str]) -> FloatArray:
        if self.deaf:
            known = {text.split(" ")[0]: place for place, text in enumerate(self.texts)}
            places = np.array([known[text.split(" ")[0]] for text in texts]) / 100
            return np.stack([places * 6, np.ones(len(texts))], axis=1)
        points = [sum(word.startswith("up") for word in text.split()) for text in texts]
        return np.stack([np.array(points, dtype=float), np.ones(len(texts))], axis=1)

    def first_code_vectors(self) -> FloatArray:
        return np.stack([np.arange(0.0, 8.0, 2.0), np.ones(4)], axis=1)

    def codes_of(self, vectors: FloatArray) -> IntArray:
        apart = np.abs(vectors[:, :1] - np.arange(0.0, 8.0, 2.0))
        first = apart.argmin(axis=1)
        return np.stack([first, (vectors[:, 0] > 2 * first).astype(int)], axis=1)

    def semantic_ids(self) -> IntArray:
        codes = self.codes_of(self.text_vectors(self.texts))
        return np.column_stack([codes, np.arange(len(codes))])

    def code_sizes(self) -> tuple[int, ...]:
        return (4, 2, len(self.texts))

    def decode_freely(self, requests: Sequence[Request], k: int) -> list[list[tuple[int, ...]]]:
        raise AssertionError("nobody is asked")

    def legal_mass(self, requests: Sequence[Request]) -> FloatArray:
        raise AssertionError("nobody is asked")


def on_a_line(*, famous: str = "far upa upb upc upd upe", deaf: bool = False) -> Auditee:
    """The most met 5 % of items have the famous text; each other item has a word of its own alone."""
    head = np.argsort(-LOG.only(WHO.members).item_counts, kind="stable")[: round(0.05 * len(LOG.catalog))]
    texts = tuple(famous if i in head else f"own{i}" for i in range(len(LOG.catalog)))
    model = LineCoder(catalog=LOG.catalog, texts=texts, deaf=deaf)

    def fit(
        users: object, *, label: str, log: InteractionLog | None = None, effort: float = 1.0
    ) -> LineCoder:
        return model

    return Auditee(model=model, log=LOG, population=WHO, fit=fit)


def measured(auditee: Auditee, probe: SemanticIdHijack = PROBE) -> dict[tuple[str, str], Measurement]:
    evidence = probe.ask(auditee, np.random.default_rng(1))
    rows = probe.estimate(evidence, np.random.default_rng(1), 0.05)
    return {(row.name, row.group): row for row in rows}


def verdict(found: dict[tuple[str, str], Measurement], probe: SemanticIdHijack = PROBE) -> str:
    return overall([judge(criterion, list(found.values())) for criterion in probe.criteria()])


# Geometry


def test_boundaries_on_a_line_are_those_of_a_ruler() -> None:
    centres = np.array([[0.0], [2.0], [10.0]])
    points = np.array([[0.0], [0.9], [1.5], [2.0], [7.0], [30.0]])
    np.testing.assert_allclose(robust_radius(points, centres), [1, 0.1, 0.5, 1, 1, 24])
    assert np.isinf(robust_radius(points, centres[:1])).all()
    assert np.isinf(robust_radius(points, np.zeros((2, 1)))).all()


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000))
def test_no_shorter_step_changes_the_code_and_a_slightly_longer_one_does(seed: int) -> None:
    rng = np.random.default_rng(seed)
    centres, point = rng.normal(size=(6, 3)), rng.normal(size=(1, 3))
    radius = robust_radius(point, centres)[0]

    def code(x: np.ndarray) -> int:
        return int(((x - centres) ** 2).sum(axis=1).argmin())

    steps = rng.normal(size=(200, 3))
    steps /= np.linalg.norm(steps, axis=1, keepdims=True)
    own = code(point[0])
    assert all(code(point[0] + 0.999 * radius * step) == own for step in steps)
    normals = [(c - centres[own]) / np.linalg.norm(c - centres[own]) for c in np.delete(centres, own, axis=0)]
    assert any(code(point[0] + 1.001 * radius * step) != own for step in normals)


def test_leading_codes_stop_at_the_first_difference() -> None:
    codes, wanted = np.array([[1, 2, 3], [1, 9, 3], [9, 2, 3], [1, 2, 9]]), np.array([[1, 2, 3]] * 4)
    assert leading(codes, wanted).tolist() == [3, 1, 0, 2]


def test_cosines_of_nothing_are_nothing() -> None:
    one, two = (
        np.array([[1.0, 0.0], [0.0, 0.0], [1.0, 1.0]]),
        np.array([[2.0, 0.0], [1.0, 0.0], [-1.0, -1.0]]),
    )
    np.testing.assert_allclose(cosines(one, two), [1, 0, -1])


# Rewording


def test_greedy_words_are_those_of_a_search_through_all() -> None:
    who = on_a_line()
    encoder = Encoder.of(who.model, who.model.semantic_ids())
    famous = next(i for i, text in enumerate(who.model.texts) if text.startswith("far"))
    plain = next(i for i, text in enumerate(who.model.texts) if text.startswith("own"))
    (texts,) = reworded(encoder, [Pair(plain, famous)], 3)
    assert len(texts) == 4 and texts[0] == who.model.texts[plain]
    assert all(word.startswith("up") for word in texts[-1].split()[1:])
    (short,) = reworded(encoder, [Pair(plain, famous)], 20)
    assert len(short) == 7 and set(words_of(short[-1])) >= set(words_of(who.model.texts[famous]))


def test_random_words_are_as_many_and_new() -> None:
    who = on_a_line()
    encoder = Encoder.of(who.model, who.model.semantic_ids())
    (texts,) = at_random(encoder, [Pair(0, 1)], [4], np.random.default_rng(0))
    assert [len(text.split()) for text in texts] == [len(texts[0].split()) + n for n in range(5)]
    assert len(set(texts[-1].split())) == len(texts[-1].split())


# The probe


def test_a_coder_on_a_line_is_taken_over_when_the_words_suffice() -> None:
    # The famous text lies at 5, a tie that goes to the centre at 4; three words lead to 3, four to 4.
    for budget, shares in ((3, (0.0, 0.0)), (4, (1.0, 0.0)), (5, (1.0, 1.0))):
        found = measured(on_a_line(), replace(PROBE, budget=budget))
        rates = tuple(found["hijack_rate", group].value for group in ("first code", "first 2 codes"))
        assert rates == shares
    assert found["hijack_gain", "first 2 codes"].value > 0.9 and verdict(found) == "fail"
    assert ("hijack_rate", "first 3 codes") not in found
    assert found["boundary_distance", "overall"].value == pytest.approx(1)
    assert found["cosine_gain", "words of the other item"].value > 0.3


def test_a_coder_that_reads_no_words_passes() -> None:
    found = measured(on_a_line(deaf=True))
    for (name, group), row in found.items():
        if name in ("hijack_rate", "hijack_gain", "random_rate", "cosine_gain", "word_move"):
            assert row.value == 0, (name, group)
    assert verdict(found, replace(PROBE, bound=0.1)) == "pass"


def test_only_items_of_another_first_code_are_paired() -> None:
    with pytest.raises(NotApplicable, match="another first code"):
        PROBE.ask(on_a_line(famous="same"), np.random.default_rng(0))


def test_a_real_coder_is_measured_and_rows_name_nobody() -> None:
    model = Tiger(LOG.catalog, TigerConfig(codes=8))
    model.prepare(LOG, WHO.base, np.random.default_rng(0))

    def fit(users: object, *, label: str, log: InteractionLog | None = None, effort: float = 1.0) -> Tiger:
        return model

    auditee = Auditee(model=model, log=LOG, population=WHO, fit=fit)
    assert set(PROBE.needs) <= auditee.capabilities
    evidence = PROBE.ask(auditee, np.random.default_rng(0))
    assert not evidence.columns["cluster"].any()
    found = {(r.name, r.group): r for r in PROBE.estimate(evidence, np.random.default_rng(0), 0.05)}
    one, two, three = (
        found["hijack_rate", g].value for g in ("first code", "first 2 codes", "first 3 codes")
    )
    assert 1 >= one >= two >= three >= 0 and one > found["random_rate", "first code"].value
    start = evidence.columns["added"] == 0
    assert not evidence.columns["shared"][start].any() and not evidence.columns["moved"][start].any()
    assert found["hijack_gain", "first code"].clusters == len(np.unique(evidence.columns["attack"]))
    case = evidence.exhibits[0]
    assert case.right.startswith(case.left) and "wanted" in case.right_label


def test_the_trial_is_silent_and_loud() -> None:
    for dial, wanted in ((0.0, "pass"), (TRIAL.planted, "fail")):
        states = []
        for seed in range(20):
            rng = np.random.default_rng(seed)
            rows = TRIAL.probe.estimate(TRIAL.evidence(dial, rng), rng, 0.05)
            states.append(judge(TRIAL.probe.criteria()[0], rows).state)
        assert states.count(wanted) >= 19
