from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from recaudit.audit.checks import read_config
from recaudit.audit.config import AuditConfig
from recaudit.audit.errors import UsageError
from recaudit.audit.recipe import recipe_of

Own = Callable[[str], str]


def problems(
    flags: Mapping[str, object], settings: tuple[str, ...] = (), environment: dict[str, str] | None = None
) -> tuple[str, ...]:
    with pytest.raises(UsageError) as raised:
        read_config(flags, settings, environment=environment or {})
    return raised.value.problems


def test_later_sources_win(own: Own) -> None:
    Path("audit.toml").write_text(f"model = '{own('honest')}'\nseed = 1\ndata = 'ml-1m'\n")
    from_file = read_config({}, environment={})
    assert (from_file.seed, from_file.data) == (1, "ml-1m")
    from_environment = read_config({}, environment={"RECAUDIT_SEED": "2", "RECAUDIT_DATASET": "world-tiny"})
    assert (from_environment.seed, from_environment.data) == (2, "world-tiny")
    assert read_config({"seed": "3"}, environment={"RECAUDIT_SEED": "2"}).seed == 3


def test_tables_of_settings_are_merged_key_by_key(own: Own) -> None:
    text = f"model = '{own('Lean')}'\n[model_settings]\nrate = 0.5\nepochs = 7\n"
    Path("audit.toml").write_text(text)
    config = read_config({}, ("rate=0.25", "data.users=50", "calibration.n_users=9"), environment={})
    assert config.model_settings == {"rate": "0.25", "epochs": 7}
    assert config.data_options == {"users": "50"}
    assert config.probe_settings == {"calibration": {"n_users": "9"}}


def test_names_may_be_written_with_commas(own: Own) -> None:
    environment = {"RECAUDIT_PROBES": "calibration, group_gap"}
    config = read_config({"model": own("honest")}, environment=environment)
    assert config.probes == ("calibration", "group_gap")


def test_the_folder_of_data_is_no_setting(own: Own) -> None:
    environment = {"RECAUDIT_DATA": "/somewhere", "RECAUDIT_CACHE": "/elsewhere"}
    assert read_config({"model": own("honest")}, environment=environment).data == "world"


def test_a_configuration_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        AuditConfig(model="x").seed = 1  # type: ignore[misc]


def test_all_problems_are_told_at_once() -> None:
    Path("audit.toml").write_text("sead = 1\n")
    Path("policy.toml").write_text("alpha = 2\nrequired = ['nope']\n")
    flags = {
        "model": "tallrex:",
        "data": "wurld",
        "probes": ["calibratoin", "group_gap"],
        "seed": "x",
        "policy": Path("policy.toml"),
        "data_path": Path("missing.csv"),
    }
    told = problems(flags, ("group_gap.n_user=3", "word"), {"RECAUDIT_PROBE": "x"})
    for start in (
        "audit.toml: no setting is called 'sead'; did you mean seed",
        "no environment variable is called 'RECAUDIT_PROBE'; did you mean RECAUDIT_PROBES",
        "--set word: write KEY=VALUE",
        "setting seed: input should be a valid integer",
        "model 'tallrex:': there is no module 'tallrex'",
        "no data set is called 'wurld'; did you mean world",
        "no probe is called 'calibratoin'; did you mean calibration",
        "no setting of group_gap is called 'n_user'; did you mean n_users",
        "there is no file or folder missing.csv",
        "policy policy.toml: alpha: input should be less than 0.5",
    ):
        assert any(problem.startswith(start) for problem in told), (start, told)
    assert len(told) == len(set(told)) == 10


def test_no_model_is_a_question_with_the_answer() -> None:
    (told,) = problems({})
    assert told.startswith("which model should be audited? give --model NAME")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (("epoch=3",), "no setting of model lean is called 'epoch'; did you mean epochs"),
        (("epochs=many",), "setting of model lean epochs: input should be a valid integer"),
    ],
)
def test_model_settings_are_typed(own: Own, settings: tuple[str, ...], sentence: str) -> None:
    assert problems({"model": own("Lean")}, settings)[0].startswith(sentence)


def test_presets_bases_and_settings_come_in_this_order(own: Own) -> None:
    flags = {"model": own("Lean"), "preset": "long", "base": "somewhere"}
    recipe = recipe_of(read_config(flags, ("rate=1", "names=a,b"), environment={}))
    assert recipe.settings == {"rate": 1.0, "epochs": 5, "base": "somewhere", "names": ["a", "b"]}
    assert recipe_of(read_config(flags, ("epochs=1",), environment={})).settings["epochs"] == 1


def test_presets_and_bases_belong_to_models_that_have_them(own: Own) -> None:
    assert "there is long" in problems({"model": own("Lean"), "preset": "shrt"})[0]
    assert "takes no settings" in problems({"model": own("honest"), "base": "x"})[0]


def test_unreadable_configurations_are_said_so(own: Own) -> None:
    Path("audit.toml").write_text("model = ")
    assert "no valid TOML" in problems({"model": own("honest")})[0]
    with pytest.raises(UsageError, match="nowhere.toml cannot be read"):
        read_config({"model": own("honest")}, file=Path("nowhere.toml"), environment={})


def test_settings_of_a_probe_that_does_not_run_are_refused(own: Own) -> None:
    flags = {"model": own("honest"), "probes": ["calibration"]}
    assert "no probe to run is called 'group_gap'" in problems(flags, ("group_gap.n_users=3",))[0]


def test_skipping_everything_is_refused(own: Own) -> None:
    flags = {"model": own("honest"), "probes": ["calibration"], "skip": ["calibration"]}
    assert problems(flags) == ("no probe is left to run; name one with --probe or skip fewer",)
