"""The HTML report holds every judged number, in sound markup, whatever the titles say."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from types import ModuleType

import pytest
from recaudit.reports import html
from recaudit.reports._reading import in_order
from recaudit.reports.record import AuditRecord

VOID = {"meta", "br", "img", "link", "input", "hr"}


@dataclass
class Node:
    """An element with its text and children."""

    tag: str
    attrs: dict[str, str | None] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())

    def all(self, tag: str) -> list[Node]:
        here = [self] if self.tag == tag else []
        return here + [found for child in self.children for found in child.all(tag)]

    def walk(self) -> list[Node]:
        return [self, *(node for child in self.children for node in child.walk())]


class Tree(HTMLParser):
    """Builds nodes and refuses tags that do not close in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.root = Node("")
        self.open = [self.root]
        self.feed(page)
        assert self.open == [self.root], [node.tag for node in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, dict(attrs))
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Node(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for node in self.open:
            node.texts.append(data)


@pytest.fixture(scope="module")
def page(record: AuditRecord) -> str:
    return html.render(record)


@pytest.fixture(scope="module")
def tree(page: str) -> Node:
    return Tree(page).root


def plain(text: str) -> str:
    return " ".join(text.split())


def test_the_same_record_gives_the_same_bytes(record: AuditRecord, page: str) -> None:
    assert html.render(record) == page
    assert len(page.encode()) < 400_000


def test_one_main_one_h1_and_no_heading_skips_a_level(tree: Node) -> None:
    assert (len(tree.all("main")), len(tree.all("h1"))) == (1, 1)
    assert tree.all("html")[0].attrs["lang"] == "en"
    levels = [int(node.tag[1]) for node in tree.walk() if re.fullmatch(r"h[1-6]", node.tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))


def test_ids_are_unique_and_every_link_lands(tree: Node) -> None:
    ids = [node.attrs["id"] for node in tree.walk() if "id" in node.attrs]
    assert len(ids) == len(set(ids))
    targets = [(node.attrs.get("href") or "") for node in tree.all("a")]
    assert targets and all(target.startswith("#") and target[1:] in ids for target in targets)
    for node in tree.walk():
        assert set((node.attrs.get("aria-labelledby") or "").split()) <= set(ids)


def test_tables_have_captions_and_scopes(tree: Node) -> None:
    for table in tree.all("table"):
        assert len(table.all("caption")) == 1
        assert all(head.attrs.get("scope") for head in table.all("th"))
        widths = {sum(int(c.attrs.get("colspan") or 1) for c in row.children) for row in table.all("tr")}
        assert len(widths) == 1


def test_drawings_speak_or_are_silent(tree: Node) -> None:
    for svg in tree.all("svg"):
        assert svg.attrs.get("aria-hidden") == "true" or (svg.attrs.get("role") == "img" and svg.all("title"))


def test_the_verdict_table_has_every_check_worst_first(record: AuditRecord, tree: Node) -> None:
    rows = tree.all("table")[0].all("tbody")[0].all("tr")
    checks = [check for check in in_order(record) if check.state != "not_applicable"]
    silent = [check for check in in_order(record) if check.state == "not_applicable"]
    assert [row.attrs["data-state"] for row in rows] == [check.state for check in checks]
    for row, check in zip(rows, checks, strict=True):
        assert check.finding.text.question in row.text
        assert row.all("a")[0].attrs["href"] == f"#{check.anchor}"
        if check.row is not None:
            assert plain(check.estimate(check.row)) in row.text
            assert f"{check.row.clusters:,}" in row.text
    folded = next(node for node in tree.walk() if node.attrs.get("id") == "silent")
    lines = folded.all("tbody")[0].all("tr")
    assert [line.attrs["id"] for line in lines] == [check.anchor for check in silent]
    for line, check in zip(lines, silent, strict=True):
        assert check.finding.text.question in line.text and check.finding.not_asked[1:30] in line.text


def test_every_row_of_the_record_is_in_plot_and_table_alike(record: AuditRecord, tree: Node) -> None:
    sections = [node for node in tree.all("section") if node.attrs.get("class") == "check"]
    asked = [check for check in in_order(record) if check.state != "not_applicable"]
    for section, check in zip(sections, asked, strict=True):
        drawn = [svg for svg in section.all("svg") if "forest wide" in (svg.attrs.get("class") or "")]
        values = [plain(text.text) for svg in drawn for text in svg.all("text")]
        tables = [table for table in section.all("table")]
        cells = [[cell.text for cell in line.all("td")] for table in tables for line in table.all("tr")]
        for row in check.finding.measurements:
            estimate = plain(check.estimate(row))
            if row.value is None:
                assert any(line[:1] == ["not estimable"] for line in cells)
                continue
            assert estimate in values
            assert any(len(line) > 1 and f"{line[0]} ({line[1]})" == estimate for line in cells)


def test_states_are_said_in_words_beside_their_shapes(tree: Node) -> None:
    marks = [node for node in tree.walk() if "verdict s-" in (node.attrs.get("class") or "")]
    assert marks and all(node.text and node.all("svg") for node in marks)


def test_hostile_text_is_text(sample: ModuleType, page: str, tree: Node) -> None:
    assert len(tree.all("script")) == 1 and not tree.all("img")
    assert sample.SCRIPT not in page
    handlers = [
        name for node in tree.walk() for name in node.attrs if name.startswith("on") or name == "style"
    ]
    assert handlers == []
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", page)
    assert "⟨U+202E⟩" in page and "⟨U+0007⟩" in page
    assert "very " * 150 not in page


def test_a_hostile_record_leaves_no_field_unescaped(record: AuditRecord, sample: ModuleType) -> None:
    attack = sample.SCRIPT + "\u202e\x00"
    data = replace(
        record.data,
        name=attack,
        notes=(attack,),
        attributes={attack: {attack: 3}},
        split_counts={attack: 1},
        split_sha256={attack: attack},
        planted={attack: 1.0},
    )
    model = replace(
        record.model,
        name=attack,
        title=attack,
        base=attack,
        simplified=attack,
        capabilities=(attack,),
        lacks=(attack,),
        fit={attack: attack},
        sha256=attack,
        prompt_sha256=attack,
    )
    findings = tuple(
        replace(
            finding,
            probe=attack,
            text=replace(finding.text, title=attack, question=attack, method=attack, area=attack),
            measurements=tuple(
                replace(row, unit=attack, note=attack, method=attack) for row in finding.measurements
            ),
            caveats=(attack,),
            evidence_file=attack,
            evidence_sha256=attack,
            not_asked=finding.not_asked and attack,
        )
        for finding in record.findings
    )
    hostile = replace(
        record,
        id=attack,
        created=attack,
        command=attack,
        config={attack: attack},
        policy={attack: attack},
        environment={attack: attack},
        seconds={attack: 1.0},
        model=model,
        data=data,
        findings=findings,
    )
    page = html.render(hostile)
    assert attack not in page and sample.SCRIPT not in page
    assert "\u202e" not in page and "\x00" not in page
    assert len(Tree(page).root.all("script")) == 1


def test_nothing_is_fetched_and_only_our_own_script_may_run(page: str) -> None:
    assert not re.search(r"(?:src|srcset|action|poster)\s*=\s*[\"']|url\(|@import|https?://", html_only(page))
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert policy and "default-src 'none'" in policy[1] and "unsafe" not in policy[1]


def html_only(page: str) -> str:
    """The page's own markup and style, without the escaped text of titles."""
    return re.sub(r"&lt;.*?&gt;", "", page)


def test_the_first_page_says_demo_planted_and_partial(record: AuditRecord) -> None:
    page = html.render(replace(record, status="partial", shows_users=True))
    for words in ("Demonstration data.", "Stopped part-way.", "Shows users.", "attribute effect 0.7"):
        assert words in page
    real = html.render(replace(record, data=replace(record.data, synthetic=False, planted={})))
    assert "Demonstration data." not in real and "<dt>Planted</dt>" not in real


def test_an_empty_run_still_makes_a_page(record: AuditRecord) -> None:
    family = replace(record.family, checks=())
    page = html.render(replace(record, findings=(), family=family, status="partial"))
    assert "Nothing was judged: no check ran." in page
    Tree(page)


def test_no_word_promises(page: str) -> None:
    visible = re.sub(r"<(style|script)>.*?</\1>", "", page, flags=re.S)
    promises = r"\b(bias-free|unbiased|is fair|is private|is safe|compliant|certified|score of)\b"
    assert not re.search(promises, visible)


def test_the_page_names_only_commands_that_exist(record: AuditRecord) -> None:
    page = Tree(html.render(replace(record, command="run --model tallrec"))).root
    typed = [node.text for node in page.walk() if node.attrs.get("class") == "command"]
    run = "audit run --model tallrec"
    assert typed == [run, "audit report RUN", "audit gate RUN", "audit verify RUN", run]
    assert "The evidence folder beside the record holds every answer." in page.text
    assert "1 min 49 s (training 1 min 1 s), made" in page.text


def test_a_page_with_a_broken_check_does_not_say_that_others_are_missing(record: AuditRecord) -> None:
    broken = replace(record.findings[0], verdict="error", error="no memory")
    page = html.render(replace(record, status="partial", findings=(broken, *record.findings[1:])))
    assert "This audit is unfinished: one check ended in an error." in page
    assert "Unfinished.</strong>" in page and "Stopped part-way." not in page


def test_what_was_counted_on_the_whole_stands_in_a_table_and_no_plot(record: AuditRecord) -> None:
    finding = record.findings[0]
    count = replace(
        finding.measurements[0], name="codes_used", value=32.0, low=32.0, high=32.0, clusters=0, note="of 40"
    )
    counted = replace(finding, measurements=(*finding.measurements, count))
    page = html.render(replace(record, findings=(counted,)))
    assert page.count("Counted on the whole") == 1 and "codes used" in page
    assert page.count("32 (counted)") == 0, "a count needs no drawing"
