"""What every recommender must keep to: a suite of tests that a model of ours or of yours inherits.

Subclass :class:`RecommenderContract` in a pytest module and provide ``recommender``, a fixture that returns
a ready model, and ``requests``, a fixture with a few requests it can answer::

    class TestMine(RecommenderContract):
        @pytest.fixture
        def recommender(self): return MyRecommender(...)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from .base import Recommender, Request
from .capabilities import (
    CAPABILITIES,
    UNNAMED,
    Denoises,
    Draws,
    EncodesText,
    ExposesRepresentations,
    GeneratesVectors,
    Judges,
    ReadsAttributes,
    ReadsTitles,
    RestoresRows,
    Scores,
    capabilities,
)
from .data import Catalog, Example, History

Test = TypeVar("Test", bound=Callable[..., None])
K = 5
TOLERANCE = 1e-3


def sample_requests(catalog: Catalog, *, users: int, rng: np.random.Generator) -> list[Request]:
    """Plausible requests: a history of up to ten items and up to eight other candidates each."""
    requests = []
    for user in range(users):
        drawn = rng.permutation(len(catalog))
        size = min(10, len(catalog) // 2)
        history = History(user, tuple(drawn[:size].tolist()), tuple((rng.random(size) < 0.6).tolist()))
        requests.append(Request(history=history, candidates=tuple(drawn[size : size + 8].tolist())))
    return requests


def promised_by(capability: type) -> Callable[[Test], Test]:
    """Mark a promise of models with this capability alone, for those who list what a model promises."""

    def marked(test: Test) -> Test:
        test.capability = capability  # type: ignore[attr-defined]
        return test

    return marked


class RecommenderContract:
    """The promises behind each capability; tests of a capability that a model lacks pass silently."""

    def test_knows_its_capabilities(self, recommender: Recommender) -> None:
        """Every capability it has is one that probes know."""
        assert capabilities(recommender) <= {*UNNAMED, *CAPABILITIES}

    def test_answers_every_request_in_order(
        self, recommender: Recommender, requests: Sequence[Request]
    ) -> None:
        """One slate a request, no longer than asked, of candidates, none of them twice."""
        slates = recommender.recommend(requests, K)
        assert [slate.request for slate in slates] == list(requests)
        for slate in slates:
            items = [entry.item for entry in slate.entries if entry.item is not None]
            assert len(slate.entries) <= K
            assert len(items) == len(set(items))
            assert set(items) <= set(slate.request.candidates or range(len(recommender.catalog)))

    def test_answers_do_not_depend_on_company(
        self, recommender: Recommender, requests: Sequence[Request]
    ) -> None:
        """A request gets the same slate alone as among others."""
        together = recommender.recommend(requests, K)[-1]
        alone = recommender.recommend(requests[-1:], K)[0]
        assert [entry.item for entry in alone.entries] == [entry.item for entry in together.entries]

    def test_nothing_asked_nothing_answered(self, recommender: Recommender) -> None:
        """No requests, no slates."""
        assert recommender.recommend([], K) == []

    @promised_by(Scores)
    def test_scores_are_finite_and_rank_its_slates(
        self, recommender: Recommender, requests: Sequence[Request]
    ) -> None:
        """One finite score a candidate, and the best of them first in the slate."""
        if not isinstance(recommender, Scores):
            return
        for slate, scores in zip(
            recommender.recommend(requests, K), recommender.score(requests), strict=True
        ):
            assert len(scores) == len(slate.request.candidates or recommender.catalog.ids)
            assert np.isfinite(scores).all()
            first = slate.entries[0].item
            if slate.request.candidates and first is not None:
                assert scores[slate.request.candidates.index(first)] >= scores.max() - TOLERANCE

    @promised_by(Judges)
    def test_candidates_are_judged_one_by_one(
        self, recommender: Recommender, requests: Sequence[Request]
    ) -> None:
        """Log-odds of a like do not depend on which other candidates stand beside an item."""
        if not isinstance(recommender, Judges):
            return
        turned = [replace(request, candidates=request.candidates[::-1]) for request in requests]
        for straight, reverse in zip(
            recommender.log_odds(requests), recommender.log_odds(turned), strict=True
        ):
            np.testing.assert_allclose(straight, reverse[::-1], atol=TOLERANCE)

    @promised_by(Draws)
    def test_a_draw_is_fixed_and_the_first_is_its_own(
        self, recommender: Recommender, requests: Sequence[Request]
    ) -> None:
        """Draw 0 is what it answers by itself, and any draw answers alike when asked twice."""
        if not isinstance(recommender, Draws):
            return
        for draw, same in ((0, recommender), (3, recommender.redrawn(3))):
            slates = [model.recommend(requests, K) for model in (recommender.redrawn(draw), same)]
            assert slates[0] == slates[1]

    @promised_by(Denoises)
    def test_restoring_does_not_depend_on_company(
        self, recommender: Recommender, requests: Sequence[Request]
    ) -> None:
        """One finite error a history and noise level, the same alone as among others."""
        if not isinstance(recommender, Denoises):
            return
        steps = (0, recommender.noise_steps() - 1)
        histories = [request.history for request in requests]
        together, alone = (
            recommender.denoising_errors(own, steps, rng=np.random.default_rng(0))
            for own in (histories, histories[-1:])
        )
        assert together.shape == (len(histories), len(steps))
        assert np.isfinite(together).all() and (together >= 0).all()
        np.testing.assert_allclose(alone[0], together[-1], rtol=TOLERANCE)

    @promised_by(ExposesRepresentations)
    def test_a_person_is_one_vector_that_hangs_on_no_company(
        self, recommender: Recommender, requests: Sequence[Request]
    ) -> None:
        """One vector of finite numbers a history, the same alone as among others."""
        if not isinstance(recommender, ExposesRepresentations):
            return
        histories = [request.history for request in requests]
        together, alone = (recommender.representations(own) for own in (histories, histories[-1:]))
        assert together.ndim == 2 and len(together) == len(histories) and np.isfinite(together).all()
        np.testing.assert_allclose(alone[0], together[-1], atol=TOLERANCE)

    @promised_by(RestoresRows)
    def test_any_noised_row_is_restored_to_one_of_its_width(
        self, recommender: Recommender, requests: Sequence[Request]
    ) -> None:
        """One finite row a history, and the same restored alone as among others."""
        if not isinstance(recommender, RestoresRows):
            return
        rows, kept = recommender.rows_of([request.history for request in requests]), recommender.signal_kept()
        assert len(rows) == len(requests) and np.isfinite(rows).all() and rows.any(axis=1).all()
        assert ((kept > 0) & (kept < 1)).all() and (np.diff(kept) < 0).all()
        for step in (0, len(kept) - 1):
            restored = recommender.restore(np.sqrt(kept[step]) * rows, step)
            alone = recommender.restore(np.sqrt(kept[step]) * rows[-1:], step)
            assert restored.shape == rows.shape and np.isfinite(restored).all()
            np.testing.assert_allclose(alone[0], restored[-1], atol=TOLERANCE)

    @promised_by(GeneratesVectors)
    def test_points_lie_in_the_space_of_items(
        self, recommender: Recommender, requests: Sequence[Request]
    ) -> None:
        """One finite point a request and a restored item, of as many numbers as an item has."""
        if not isinstance(recommender, GeneratesVectors):
            return
        items = recommender.item_vectors()
        known = [Example(request.history, request.candidates[0], True) for request in requests]
        for points in (
            recommender.generate(requests),
            recommender.restored(known, rng=np.random.default_rng(0)),
        ):
            assert points.shape == (len(requests), items.shape[1]) and np.isfinite(points).all()
        assert len(items) == len(recommender.catalog)

    def test_an_items_own_words_give_it_its_own_first_code(self, recommender: Recommender) -> None:
        """Texts are coded as the catalogue was, from the code whose vector lies nearest on."""
        if not isinstance(recommender, EncodesText) or not recommender.item_texts():
            return
        vectors = recommender.text_vectors(recommender.item_texts())
        codes, centres = recommender.codes_of(vectors), recommender.first_code_vectors()
        apart = ((vectors[:, None] - centres) ** 2).sum(axis=2)
        ids = getattr(recommender, "semantic_ids")()  # noqa: B009  another capability's method
        assert len(vectors) == len(recommender.catalog) and np.isfinite(vectors).all()
        assert (codes[:, 0] == apart.argmin(axis=1)).all()
        assert (codes[:, 0] == ids[:, 0]).mean() > 0.99

    def test_attributes_have_values_and_a_placebo(self, recommender: Recommender) -> None:
        """A reader of attributes offers values to compare, and something meaningless to compare with."""
        if isinstance(recommender, ReadsAttributes) and recommender.readable_attributes():
            assert all(values for values in recommender.readable_attributes().values())
            assert any(len(values) > 1 for values in recommender.placebo_attributes().values())
            assert recommender.wordings() >= 1

    @promised_by(ReadsTitles)
    def test_stated_attributes_and_titles_stand_in_the_text(
        self, recommender: Recommender, requests: Sequence[Request]
    ) -> None:
        """What a request states, and a replaced title, can be read in what the model is given."""
        if not isinstance(recommender, ReadsTitles):
            return
        request = requests[0]
        marked = replace(request, titles=((request.candidates[0], "Marked Title (1999)"),))
        assert "Marked Title (1999)" in recommender.render(marked)
        if isinstance(recommender, ReadsAttributes):
            for name, values in recommender.readable_attributes().items():
                stated = replace(request, attributes=request.stating(name, values[0]))
                assert values[0] in recommender.render(stated)
