from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from recaudit.audit import keys
from recaudit.audit.config import AuditConfig
from recaudit.audit.plan import answers_key, estimates_key
from recaudit.audit.plugins import find
from recaudit.audit.progress import silent
from recaudit.audit.session import Session, open_session
from recaudit.audit.workshop import Workshop, workshop_of

Own = Callable[[str], str]


@pytest.fixture
def opened(own: Own) -> Callable[..., tuple[Session, Workshop]]:
    def opened(**changes: object) -> tuple[Session, Workshop]:
        settings = {"model": own("Lean"), "data": "world-tiny", "probes": (own("MeanOne"),)} | changes
        session = open_session(AuditConfig.model_validate(settings), silent)
        return session, workshop_of(session, "run", silent)

    return opened


def all_keys(session: Session, workshop: Workshop) -> tuple[str, str, str]:
    answers = answers_key(session.questions[0], session, workshop)
    return workshop.prepared_key, workshop.model_key, answers


def test_equal_work_has_equal_keys(opened: Callable[..., tuple[Session, Workshop]]) -> None:
    assert all_keys(*opened()) == all_keys(*opened())


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"data_options": {"per_user": "19"}},
        {"data_options": {"users": "200"}},
        {"model_settings": {"rate": 1}},
    ],
)
def test_whatever_decides_the_model_changes_every_key(
    opened: Callable[..., tuple[Session, Workshop]], change: dict[str, object]
) -> None:
    before, after = all_keys(*opened()), all_keys(*opened(**change))
    assert not set(before) & set(after)


def test_a_probes_settings_change_only_its_answers(opened: Callable[..., tuple[Session, Workshop]]) -> None:
    before = all_keys(*opened())
    after = all_keys(*opened(probe_settings={"mean_one": {"n_users": 7}}))
    assert after[:2] == before[:2]
    assert after[2] != before[2]


def test_another_probe_has_other_answers(opened: Callable[..., tuple[Session, Workshop]], own: Own) -> None:
    assert all_keys(*opened())[2] != all_keys(*opened(probes=(own("MeanTwo"),)))[2]


def test_a_copys_key_holds_all_that_decides_it(opened: Callable[..., tuple[Session, Workshop]]) -> None:
    session, workshop = opened()
    members = session.population.members
    planted = replace(session.log, liked=~session.log.liked)  # type: ignore[operator]
    found = {
        workshop.fit_key("a", members),
        workshop.fit_key("b", members),
        workshop.fit_key("a", members[1:]),
        workshop.fit_key("a", members, log=planted),
        workshop.fit_key("a", members, effort=2.0),
        replace(workshop, seed=5).fit_key("a", members),
        workshop.model_key,
    }
    assert len(found) == 7


def test_a_users_function_is_known_only_within_its_run(
    opened: Callable[..., tuple[Session, Workshop]], own: Own
) -> None:
    session, workshop = opened(model=own("honest"))
    assert workshop.model_key == replace(workshop, run_id="run").model_key
    assert workshop.model_key != replace(workshop, run_id="another").model_key


def test_changed_sources_change_the_key(
    opened: Callable[..., tuple[Session, Workshop]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = all_keys(*opened())
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "new.py").write_text("x = 1")
    monkeypatch.setattr(keys, "PRODUCT", tmp_path)
    keys.code_digest.cache_clear()
    try:
        after = all_keys(*opened())
    finally:
        keys.code_digest.cache_clear()
    assert not set(before) & set(after)


def test_a_file_beside_a_users_own_is_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text('"""Mine."""\n')
    plugin = find("model", f"{tmp_path / 'mine.py'}:make")
    before = keys.outside_digest(plugin)
    (tmp_path / "helper.py").write_text("x = 1")
    assert keys.outside_digest(plugin) != before
    assert keys.outside_digest(find("probe", "calibration")) == ""


def test_the_level_decides_the_estimate() -> None:
    assert estimates_key("a", 0.05) != estimates_key("a", 0.01)
    assert estimates_key("a", 0.05) != estimates_key("b", 0.05)


def test_a_setting_that_names_a_file_stands_for_its_content(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.mkdir()
    (path / "a.bin").write_bytes(b"one")
    before, listed = keys.looks({"base": str(path), "rate": 0.1}), keys.looks({"files": (str(path),)})
    (path / "a.bin").write_bytes(b"three")
    assert keys.looks({"base": str(path), "rate": 0.1}) != before
    assert keys.looks({"files": (str(path),)}) != listed
    assert keys.looks({"base": "hub/name"}) == {"base": "hub/name"}


def test_streams_depend_on_seed_and_name_alone() -> None:
    first = keys.stream(3, "ask", "a").random(4)
    np.testing.assert_array_equal(first, keys.stream(3, "ask", "a").random(4))
    others = [
        keys.stream(-3, "ask", "a"),
        keys.stream(4, "ask", "a"),
        keys.stream(3, "aska"),
        keys.stream(2**70, "x"),
    ]
    assert all((other.random(4) != first).all() for other in others)


def test_a_key_holds_only_what_has_one_spelling() -> None:
    assert keys.content_key("k", a=1, b=(2,)) == keys.content_key("k", b=[2], a=np.int64(1))
    with pytest.raises(TypeError, match="cannot hold object"):
        keys.content_key("k", a=object())
