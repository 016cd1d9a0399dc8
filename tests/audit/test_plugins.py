import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from recaudit.audit import plugins
from recaudit.audit.errors import UsageError
from recaudit.probes.base import Probe

Own = Callable[[str], str]


def test_every_probe_is_found_with_its_question() -> None:
    found = plugins.discover("probe")
    assert "calibration" in found
    for plugin in found.values():
        assert plugin.line.endswith("?"), plugin.name
        assert plugin.text.question == plugin.line
        assert plugin.text.area in ("fairness", "privacy", "hallucination", "robustness", "provenance")
        assert issubclass(plugins.load(plugin), Probe)


def test_needs_read_from_the_source_are_those_of_the_class() -> None:
    for plugin in plugins.discover("probe").values():
        probe = plugins.load(plugin)
        assert plugin.needs == probe.needs
        assert plugin.fits == probe.fits


def test_data_sets_are_found_by_the_names_they_serve() -> None:
    found = plugins.discover("data")
    assert {"world", "world-tiny", "table", "ml-100k"} <= set(found)
    assert "nothing planted" in found["world-honest"].line


def test_listing_imports_no_plugin(own: Own) -> None:
    before = set(sys.modules)
    for kind in ("model", "probe", "data", "report"):
        plugins.discover(kind)  # type: ignore[arg-type]
    plugins.find("probe", own("MeanOne"))
    new = set(sys.modules) - before
    assert not {name for name in new if "probes." in name or "datasets." in name or "standins" in name}


def test_a_users_own_probe_keeps_its_docstring(own: Own) -> None:
    plugin = plugins.find("probe", own("MeanOne"))
    assert plugin.name == "mean_one"
    assert plugin.line == "Is the first mean answer small?"


def test_a_users_own_module_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "our_models.py").write_text('"""Ours."""\n\ndef make(log):\n    return log\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    plugin = plugins.find("model", "our_models:make")
    assert (plugin.name, plugin.line) == ("make", "Ours.")
    assert plugins.load(plugin)(3) == 3


def test_an_installed_package_brings_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    about = tmp_path / "ours-1.2.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: ours\nVersion: 1.2\n")
    (about / "entry_points.txt").write_text(
        "[recaudit.models]\nours = ours_models:Ours\n\n[recaudit.datasets]\nworld = ours_models\n"
    )
    (tmp_path / "ours_models.py").write_text("class Ours:\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    plugin = plugins.find("model", "ours")
    assert (plugin.area, plugin.version, plugin.built_in) == ("ours", "1.2", False)
    assert plugins.load(plugin).__name__ == "Ours"
    assert plugins.find("data", "world").built_in


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x = ", "cannot be read as Python"),
        ("import nowhere_at_all", "this needs nowhere_at_all, which is not installed"),
        ("1 / 0", "cannot be imported: ZeroDivisionError: division by zero"),
        ("def mak(log): pass", "no part of mine.py is called 'make'; did you mean mak"),
    ],
)
def test_a_broken_file_is_one_sentence(text: str, sentence: str) -> None:
    Path("mine.py").write_text(text)
    with pytest.raises(UsageError, match=sentence):
        plugins.load(plugins.find("model", "mine.py:make"))


@pytest.mark.parametrize("name", ["mine.py:x", "nowhere.models:x", ":x", "a.b.:x"])
def test_a_missing_file_or_module_is_one_sentence(name: str) -> None:
    with pytest.raises(UsageError, match="there is no"):
        plugins.find("model", name)
