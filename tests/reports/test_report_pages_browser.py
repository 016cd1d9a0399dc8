"""Comparison, mitigation and history pages in a real browser: accessible, offline, no wider than a screen."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from recaudit.probes.base import Criterion, Curve
from recaudit.reports import html
from recaudit.reports.comparison import CheckChange, Comparison, RowChange
from recaudit.reports.comparison import render as compared
from recaudit.reports.frontier import Variant
from recaudit.reports.frontier import render as mitigated
from recaudit.reports.history import Entry
from recaudit.reports.history import render as listed
from recaudit.reports.record import AuditRecord

CHROMIUM = next(
    (path for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(path).exists()), ""
)
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 375, "height": 800}
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not CHROMIUM or importlib.util.find_spec("playwright") is None, reason="needs chromium and playwright"
    ),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


def comparison(record: AuditRecord) -> str:
    checks = []
    for finding in record.findings:
        rows = tuple(
            RowChange(
                before=row,
                after=row,
                change=(0.01, -0.02, 0.04) if row.value is not None else None,
                paired=True,
                criterion=Criterion(measurement=row.name, bound=0.1, direction="at_most")
                if place % 2
                else None,
                margin=0.02 if place % 2 else None,
            )
            for place, row in enumerate(finding.measurements)
        )
        checks.append(
            CheckChange(probe=finding.probe, text=finding.text, before="pass", after=None, rows=rows)
        )
    later = replace(record, id="later", seed=5)
    return compared(Comparison(before=record, after=later, checks=tuple(checks), alpha=0.05))


def mitigation(record: AuditRecord) -> str:
    return mitigated([Variant(label=label, record=record, link="") for label in ("plain", "dp, epsilon 1")])


def history(record: AuditRecord) -> str:
    days = [replace(record, id=f"run {day}", created=f"2026-11-0{day}T00:00:00+00:00") for day in (1, 2, 3)]
    return listed([Entry(record=own, link="") for own in days])


def curves(record: AuditRecord) -> str:
    roc = Curve(kind="roc", label="loss", x=(0.001, 1.0), y=(0.01, 1.0), low=(0.0, 0.9), high=(0.1, 1.0))
    dots = Curve(kind="reliability", label="all", x=(0.2, 0.8), y=(0.3, 0.7), low=(0.2, 0.6), high=(0.4, 0.8))
    first = replace(record.findings[0], curves=(roc, dots))
    return html.render(replace(record, findings=(first, *record.findings[1:])))


PAGES: dict[str, Callable[[AuditRecord], str]] = {
    "comparison": comparison,
    "mitigation": mitigation,
    "history": history,
    "curves": curves,
}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(("scheme", "size"), [("light", DESK), ("dark", DESK), ("light", PHONE)])
def test_a_page_is_accessible_offline_and_fits(
    browser: Any, record: AuditRecord, tmp_path: Path, name: str, scheme: str, size: dict[str, int]
) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe-playwright is not installed"
    )
    path = tmp_path / "page.html"
    path.write_text(PAGES[name](record), encoding="utf-8")
    page = browser.new_page(viewport=size, color_scheme=scheme)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    found = axe.Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [(rule["id"], rule["impact"], rule["nodes"][0]["html"][:200]) for rule in found] == []
    assert asked == [path.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    page.close()
