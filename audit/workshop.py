"""Makes the audited model and copies of it, each once, and keeps them by what went into them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from ..models.base import FitReport, ModelError, Recommender, Trainable
from ..models.data import Catalog, DataError, IntArray, InteractionLog
from ..models.splits import Population
from ..probes.base import NotApplicable
from . import plugins
from .cache import Cache
from .errors import AuditError
from .keys import content_key, folder_digest, stream
from .progress import Listener, told
from .recipe import Recipe
from .session import Session

AUDITED = "audited model"
TRAINER = "plain"


@dataclass(frozen=True, kw_only=True)
class Made:
    """The audited model, how it was trained (``None``: it came trained), and a digest of it."""

    model: Recommender
    fit: FitReport | None
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """Builds, trains and keeps models by one recipe.

    Parameters
    ----------
    run_id : keeps apart what cannot be told apart by content: models that a user's own function made.
    """

    recipe: Recipe
    log: InteractionLog
    population: Population
    seed: int
    cache: Cache
    run_id: str
    listener: Listener

    @property
    def trains(self) -> bool:
        """Whether the audited model is trained here."""
        return self.recipe.trained_here and isinstance(self.recipe.build(self.log), Trainable)

    @property
    def prepared_key(self) -> str:
        """What decides the untuned model."""
        return content_key(
            "prepare",
            recipe=self.recipe.identity(),
            data=self.log.digest,
            base=users_digest(self.population.base),
            seed=self.seed,
        )

    @property
    def model_key(self) -> str:
        """What decides the audited model."""
        if self.trains:
            return self.fit_key(AUDITED, self.population.members)
        return content_key("model", made=self.made_key, run=None if self.recipe.trained_here else self.run_id)

    @property
    def made_key(self) -> str:
        """What can be seen of a model that is not trained here; its function may use more than that."""
        return content_key(
            "make", recipe=self.recipe.identity(), data=self.log.digest, users=self.population.digests()
        )

    def fit_key(
        self, label: str, users: IntArray, *, log: InteractionLog | None = None, effort: float = 1.0
    ) -> str:
        """What decides one tuned copy."""
        return content_key(
            "fit",
            untuned=self.prepared_key if self.trains else self.model_key,
            trainer=TRAINER,
            label=label,
            users=users_digest(users),
            log=(log or self.log).digest,
            effort=effort,
            seed=self.seed,
        )

    def audited(self) -> Made:
        """Return the audited model, from the cache or trained now on the members."""
        if not self.trains:
            return Made(model=self._as_it_comes(), fit=None, sha256=self.made_key)
        key = self.model_key
        entry = self.cache.find("fits", key)
        if entry is None:
            model = self._trained(self._prepared(), AUDITED, self.population.members, self.log, 1.0, key)
        else:
            model = self._loaded(entry, AUDITED)
        entry = self.cache.find("fits", key)
        assert entry is not None
        report = FitReport(**json.loads((entry / "report.json").read_text(encoding="utf-8")))
        return Made(model=model, fit=report, sha256=folder_digest(entry / "model"))

    def copies_of(self, model: Recommender) -> Copies:
        """Return what trains copies of a model for a probe."""
        return Copies(workshop=self, model=model)

    def copy(
        self, model: Recommender, users: IntArray, label: str, log: InteractionLog, effort: float
    ) -> Recommender:
        """Return an untuned twin of the model after tuning on these users' rows, or the one kept of it."""
        if not isinstance(model, Trainable):
            raise NotApplicable("this model cannot be trained again, and the question needs trained copies")
        key = self.fit_key(label, users, log=log, effort=effort)
        entry = self.cache.find("fits", key)
        if entry is None:
            return self._trained(model, label, users, log, effort, key)
        twin = model.twin()
        twin.load(entry / "model", log)
        return cast(Recommender, twin)

    def _as_it_comes(self) -> Recommender:
        """A model that is not trained here; a function is shown no row of a user it must not know."""
        with told("make the model", self.listener), own_randomness(stream(self.seed, "model")):
            known = np.concatenate([self.population.base, self.population.members])
            return _checked(self._built(self.log if self.recipe.trained_here else self.log.only(known)))

    def _built(self, log: InteractionLog) -> object:
        try:
            return self.recipe.build(log)
        except (AuditError, ModelError, DataError, ModuleNotFoundError):
            raise
        except (Exception, SystemExit) as problem:
            raise ModelError(
                f"building the model failed ({type(problem).__name__}: {problem}); it is called with one"
                " argument, the data, and must return a recommender"
            ) from problem

    def _prepared(self) -> Trainable:
        key, rng = self.prepared_key, stream(self.seed, "prepare")
        model = self._fresh()
        entry = self.cache.find("prepared", key)
        if entry is not None:
            model.load(entry / "model", self.log)
            return model
        with told("prepare the model", self.listener), own_randomness(rng, torch=True):
            model.prepare(self.log, self.population.base, rng)
            with self.cache.making("prepared", key) as draft:
                model.save(_made(draft / "model"))
        return model

    def _trained(
        self, model: Trainable, label: str, users: IntArray, log: InteractionLog, effort: float, key: str
    ) -> Recommender:
        rng = stream(self.seed, "fit", label)
        trainer = plugins.load(plugins.find("trainer", TRAINER))
        with told(f"train the {label}", self.listener) as telling, own_randomness(rng, torch=True):
            twin = model.twin()
            task = twin.task(log, users, rng)
            report = trainer.fit(task, rng, effort=effort, on_epoch=telling.advance)
            with self.cache.making("fits", key) as draft:
                twin.save(_made(draft / "model"))
                (draft / "report.json").write_text(json.dumps(asdict(report)), encoding="utf-8")
        return cast(Recommender, twin)

    def _loaded(self, entry: Path, label: str) -> Recommender:
        with told(f"train the {label}", self.listener) as telling:
            model = self._fresh()
            model.load(entry / "model", self.log)
            telling.state = "reused"
        return cast(Recommender, model)

    def _fresh(self) -> Trainable:
        model = self.recipe.build(self.log)
        assert isinstance(model, Trainable)
        return model


@dataclass(frozen=True, kw_only=True)
class Copies:
    """Trains copies of the audited model by its own recipe and trainer; what a probe calls ``fit``."""

    workshop: Workshop
    model: Recommender

    def __call__(
        self,
        users: npt.ArrayLike,
        *,
        label: str,
        log: InteractionLog | None = None,
        effort: float = 1.0,
    ) -> Recommender:
        """Return a copy tuned on these users' rows of ``log``; ``effort`` multiplies the epochs.

        Raises
        ------
        NotApplicable
            If the model cannot be trained again.
        """
        positions = np.unique(np.asarray(users, dtype=np.int64))
        return self.workshop.copy(self.model, positions, label, log or self.workshop.log, effort)


def workshop_of(session: Session, run_id: str, listener: Listener) -> Workshop:
    """The workshop of a session."""
    return Workshop(
        recipe=session.recipe,
        log=session.log,
        population=session.population,
        seed=session.config.seed,
        cache=session.cache,
        run_id=run_id,
        listener=listener,
    )


def _checked(model: object) -> Recommender:
    """The model, if it has the least that any audit needs."""
    if not callable(getattr(model, "recommend", None)) or not isinstance(
        getattr(model, "catalog", None), Catalog
    ):
        raise ModelError(
            f"{type(model).__name__} is no recommender: it needs a method recommend(requests, k) and the"
            " data's catalogue as its attribute `catalog`"
        )
    return cast(Recommender, model)


def users_digest(users: IntArray) -> str:
    """Sha256 of a set of users."""
    return sha256(np.sort(users).astype("<i8").tobytes()).hexdigest()


@contextmanager
def own_randomness(rng: np.random.Generator, *, torch: bool = False) -> Iterator[None]:
    """Give PyTorch a random stream of its own for a while, where it is in use or about to be.

    The seed is drawn in any case, so that ``rng`` goes on alike whether PyTorch is loaded or not.
    """
    seed = int(rng.integers(2**63))
    if not torch and not sys.modules.get("torch"):
        yield
        return
    from torch import cuda, manual_seed, random

    with random.fork_rng(devices=range(cuda.device_count())):
        manual_seed(seed)
        yield


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
