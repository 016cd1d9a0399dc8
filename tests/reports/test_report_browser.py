"""The report in a real browser: nothing fetched, nothing executed, readable by everyone, printable."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from recaudit.reports import html
from recaudit.reports.record import AuditRecord

pytestmark = pytest.mark.browser
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PHONE = {"width": 375, "height": 812}
DESK = {"width": 1440, "height": 900}


@pytest.fixture(scope="module")
def address(record: AuditRecord, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(html.render(record), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def opened(browser: Any, address: str, *, size: dict[str, int] = DESK, **about: Any) -> Any:
    page = browser.new_context(viewport=size, **about).new_page()
    page.requests, page.troubles = [], []
    page.on("request", lambda request: page.requests.append(request.url))
    page.on("pageerror", lambda error: page.troubles.append(str(error)))
    page.on("console", lambda message: page.troubles.append(message.text))
    page.on("dialog", lambda dialog: page.troubles.append(dialog.message))
    page.goto(address)
    return page


def test_one_file_nothing_fetched_nothing_complains(browser: Any, address: str) -> None:
    page = opened(browser, address)
    page.mouse.wheel(0, 30_000)
    assert page.requests == [address]
    assert page.troubles == []


def test_hostile_titles_do_not_execute(browser: Any, address: str) -> None:
    page = opened(browser, address)
    for bold in page.locator("bdi").all()[:20]:
        bold.dispatch_event("mouseover")
    assert page.title() == "Audit of tallrec on world"
    assert page.locator("script").count() == 1
    assert page.locator("main img").count() == 0


def test_an_injected_script_would_be_refused(browser: Any, address: str) -> None:
    page = opened(browser, address)
    page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'document.title = \"owned\"';"
        " document.body.append(s); }"
    )
    assert page.title() == "Audit of tallrec on world"


def test_the_page_is_complete_without_scripts(browser: Any, address: str, record: AuditRecord) -> None:
    page = opened(browser, address, java_script_enabled=False)
    asked = sum(finding.verdict != "not_applicable" for finding in record.findings)
    assert page.locator("table.verdicts tbody tr:visible").count() == asked
    assert page.locator("button").count() == 0
    page.locator("summary", has_text="The same figures as a table").first.click()
    assert page.locator("table.data:visible").count() == 1
    page.locator("table.verdicts a").last.click()
    assert "#check-" in page.url


def test_the_filter_narrows_the_table(browser: Any, address: str) -> None:
    page = opened(browser, address)
    page.get_by_role("button", name="Fail 2").click()
    assert page.locator("table.verdicts tbody tr:visible").count() == 2
    page.get_by_role("button", name="All 8").click()
    assert page.locator("table.verdicts tbody tr:visible").count() == 8


@pytest.mark.parametrize(
    ("scheme", "size"), [("light", DESK), ("dark", DESK), ("light", PHONE)], ids=["light", "dark", "phone"]
)
def test_no_accessibility_violation_of_any_impact(
    browser: Any, address: str, scheme: str, size: dict[str, int]
) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe-playwright is not installed"
    )
    page = opened(browser, address, size=size, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    found = axe.Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [(rule["id"], rule["impact"], rule["nodes"][0]["html"][:200]) for rule in found] == []


@pytest.mark.parametrize("width", [320, 375, 700, 900, 1280])
def test_nothing_runs_off_the_side(browser: Any, address: str, width: int) -> None:
    page = opened(browser, address, size={"width": width, "height": 800})
    page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_drawings_have_contrast_in_both_schemes(browser: Any, address: str) -> None:
    script = """() => {
      const bright = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map(Number).map((c) => c / 255)
        .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
      const paper = bright(getComputedStyle(document.body).backgroundColor);
      return [...document.querySelectorAll('.shape, svg text')].map((drawn) => {
        const style = getComputedStyle(drawn);
        const ink = bright(drawn.tagName === 'text' ? style.fill : style.color);
        return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
      });
    }"""
    for scheme in ("light", "dark"):
        assert min(opened(browser, address, color_scheme=scheme).evaluate(script)) >= 4.5


def test_print_opens_what_is_folded(browser: Any, address: str, tmp_path: Path) -> None:
    page = opened(browser, address, java_script_enabled=False)
    page.emulate_media(media="print")
    assert page.locator("table.data:visible").count() == page.locator("table.data").count() > 5
    assert not page.locator("nav.contents").is_visible()
    written = page.pdf(format="A4", path=str(tmp_path / "report.pdf"))
    assert written.startswith(b"%PDF")
