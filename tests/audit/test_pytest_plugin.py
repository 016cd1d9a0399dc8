"""Audits in a user's own test suite, beside packages of theirs that bear our folders' names."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

SUITE = """
import pytest
from recaudit.audit.pytest_plugin import assert_verdict
from models.mine import build, sway
import probes, reports

SMALL = {"order_bias.n_users": 60}

@pytest.mark.audit(model=build, data="world-tiny", probes="order_bias", settings=SMALL)
def test_honest(findings):
    assert_verdict(findings["order_bias"])

@pytest.mark.audit(model=build, data="world-tiny", probes="order_bias", settings=SMALL)
def test_again(findings):
    assert_verdict(findings["order_bias"], "pass", "inconclusive")

@pytest.mark.audit(model=sway, data="world-tiny", probes="order_bias", settings=SMALL)
def test_swayed(findings):
    assert_verdict(findings["order_bias"])

def test_directly(audit):
    record = audit(model="models/mine.py:build", data="world-tiny", probes=["order_bias"], settings=SMALL)
    assert_verdict(record.findings[0])
"""
MINE = """
from recaudit.models.planted.yes_no import Dials, PlantedYesNo

def build(log):
    print("BUILT")
    return PlantedYesNo(catalog=log.catalog)

def sway(log):
    return PlantedYesNo(catalog=log.catalog, dials=Dials(swapped_shift=1.0))
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("RECAUDIT_CACHE", str(pytester.path / "cache"))
    for name in ("models", "probes", "reports"):
        pytester.mkpydir(name)
    (pytester.path / "models" / "mine.py").write_text(MINE)
    pytester.makepyfile(test_mine=SUITE)
    return pytester


def test_verdicts_and_why_they_are_not_what_was_wanted(suite: pytest.Pytester) -> None:
    done = suite.runpytest_subprocess("-p", "no:cacheprovider", "--strict-markers")
    done.assert_outcomes(passed=3, failed=1)
    text = done.stdout.str()
    assert "order_bias: fail, wanted pass" in text
    assert "swap_shift: 1 (" in text and "gate within ±0.2, " in text
    assert "Traceback" not in text


def test_an_audit_is_done_once(suite: pytest.Pytester) -> None:
    done = suite.runpytest_subprocess("-p", "no:cacheprovider", "-s", "-k", "honest or again")
    done.assert_outcomes(passed=2)
    assert done.stdout.str().count("audit report: ") == 1


def test_it_works_over_several_workers(suite: pytest.Pytester) -> None:
    done = suite.runpytest_subprocess("-p", "no:cacheprovider", "-n", "2", "--dist", "loadgroup")
    done.assert_outcomes(passed=3, failed=1)


def test_a_wrong_audit_is_said_in_words(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        test_mine="""
        import pytest

        @pytest.mark.audit(model="nosuch", data="wrld")
        def test_it(findings):
            pass

        def test_bare(findings):
            pass
        """
    )
    done = suite.runpytest_subprocess("-p", "no:cacheprovider")
    done.assert_outcomes(errors=2)
    text = done.stdout.str()
    assert "the audit cannot be done" in text and "did you mean" in text
    assert "needs @pytest.mark.audit" in text


def test_loading_the_plugin_imports_nothing_heavy(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_light():
            heavy = {"torch", "transformers", "pandas", "scipy", "sklearn", "numpy", "pydantic"}
            assert not heavy & set(sys.modules)
        """
    )
    done = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
    done.assert_outcomes(passed=1)


def test_the_plugin_is_an_entry_point() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert 'recaudit = "recaudit.audit.pytest_plugin"' in text
