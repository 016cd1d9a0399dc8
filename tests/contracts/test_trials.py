"""Every built-in probe has a known-answer world: silent in it at 0, loud where the fault is planted."""

import pytest
from recaudit.audit import plugins
from recaudit.audit._trials import Batch, count, has_trial, trial_of
from recaudit.audit.selftest import selftest

PROBES = [name for name, plugin in plugins.discover("probe").items() if plugin.built_in]
WORLDS = 10
SURELY_MORE_THAN_FIVE_PERCENT = 4
"""Ten worlds at a rate of 5 % give this many alarms once in a thousand times."""


@pytest.mark.parametrize("probe", PROBES)
def test_a_probe_is_silent_at_zero_and_loud_where_planted(probe: str) -> None:
    assert has_trial(probe), f"no known-answer world: write probes/trials/{probe}.py"
    trial = trial_of(probe)
    silent, loud = (count(Batch(probe=probe, dial=dial, worlds=(0, WORLDS))) for dial in (0.0, trial.planted))
    assert silent.rejected < SURELY_MORE_THAN_FIVE_PERCENT
    assert loud.rejected >= WORLDS - 2


def test_no_world_is_left_without_a_probe() -> None:
    folder = plugins.PRODUCT / "probes" / "trials"
    worlds = {path.stem for path in folder.glob("[!_]*.py")}
    assert worlds <= set(PROBES)


@pytest.mark.parametrize("probe", PROBES)
def test_a_quick_probe_trains_nothing(probe: str) -> None:
    plugin = plugins.find("probe", probe)
    assert plugin.suite != "quick" or plugin.fits == 0
    assert plugin.says.get("suite", "") in ("", *plugins.SUITES)


@pytest.mark.slow
def test_rates_over_many_worlds_hold_their_bars() -> None:
    result = selftest(processes=2)
    assert result.exit_code == 0, [(row.probe, row.standing, row.why) for row in result.rows]
