"""Sentences say what the record says, and never more."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import pytest
from recaudit.probes.base import Criterion, Measurement
from recaudit.reports import _words as words
from recaudit.reports._numbers import NBSP
from recaudit.reports._reading import Check, counts, in_order
from recaudit.reports.record import AuditRecord, FindingRecord, ProbeText


def judged(sample: ModuleType, value: float | None, **about: object) -> FindingRecord:
    row: Measurement = sample.row("gap", value, 0.02, "share", detectable=about.get("detectable"))
    text = ProbeText(title="Gap", question="Is there a gap?", method="", area="fairness")
    criterion = Criterion(measurement="gap", bound=0.05, direction="within")
    made: FindingRecord = sample.finding("gap", text, (row,), (criterion,))
    return made


def only(record: AuditRecord, *findings: FindingRecord) -> tuple[AuditRecord, tuple[Check, ...]]:
    small = replace(record, findings=findings)
    return small, in_order(small)


def answer(record: AuditRecord, *findings: FindingRecord) -> str:
    return words.answer(*only(record, *findings))


def test_the_answer_names_what_failed_and_counts_the_rest(record: AuditRecord) -> None:
    sentence = words.answer(record, in_order(record))
    assert sentence.startswith("2 of 7 judged checks fail: “")
    assert "“Does the model change its recommendations" in sentence
    assert sentence.endswith("; 1 is inconclusive and 1 is invalid.")


def test_the_answer_where_all_pass(record: AuditRecord, sample: ModuleType) -> None:
    passing = judged(sample, 0.01)
    assert answer(record, passing).startswith("The one judged check passes")
    assert answer(record, passing, passing).startswith("All 2 judged checks pass")


def test_an_open_check_is_never_told_as_a_pass(record: AuditRecord, sample: ModuleType) -> None:
    sentence = answer(record, judged(sample, 0.01), judged(sample, 0.05))
    assert sentence == "None of 2 judged checks fails, but 1 is inconclusive."


def test_silence_is_no_pass(record: AuditRecord) -> None:
    silent = [finding for finding in record.findings if finding.verdict in ("not_applicable", "reported")]
    assert answer(record).startswith("Nothing was judged: no check ran")
    assert answer(record, *silent).startswith("Nothing was judged: 1 of 2 checks measured without a bound")


def test_a_partial_run_says_so_first(record: AuditRecord, sample: ModuleType) -> None:
    broken, checks = only(record, judged(sample, 0.01))
    assert words.answer(replace(broken, status="partial"), checks).startswith("This audit stopped part-way. ")


def test_a_run_in_which_only_checks_broke_says_so(record: AuditRecord, sample: ModuleType) -> None:
    passing, broken = judged(sample, 0.01), replace(judged(sample, None), verdict="error", error="no memory")
    whole = replace(record, status="partial", seconds={"total": 9.0})
    start = "This audit is unfinished: {} ended in an error. None of "
    assert answer(whole, passing, broken).startswith(start.format("one check"))
    assert answer(whole, passing, broken, broken).startswith(start.format("2 checks"))
    assert answer(replace(whole, seconds={}), passing, broken).startswith("This audit stopped part-way. ")
    assert answer(whole, passing).startswith("This audit stopped part-way. ")


def test_the_time_is_the_total_and_nested_jobs_are_not_added(record: AuditRecord) -> None:
    jobs = {"make the model": 70.0, "prepare the model": 8.0, "train the model": 40.0, "train the copy": 20.0}
    timed = replace(record, seconds={**jobs, "total": 75.0})
    assert words.time_spent(timed) == "1 min 15 s (preparing 8.0 s, training 1 min 0 s)"
    assert words.time_spent(replace(record, seconds={"ask": 2.0, "estimate": 1.0})) == "3.0 s"
    assert words.time_spent(replace(record, seconds={})) == "not recorded"


@pytest.mark.parametrize(
    ("kept", "typed"),
    [
        ("run --model tallrec", "audit run --model tallrec"),
        ("audit run --model tallrec", "audit run --model tallrec"),
        ("recaudit.run", "recaudit.run"),
    ],
)
def test_the_command_can_be_typed_again(record: AuditRecord, kept: str, typed: str) -> None:
    assert words.command(replace(record, command=kept)) == typed


def test_all_comparisons_inside_are_counted(record: AuditRecord) -> None:
    checks = {check.finding.probe: check for check in in_order(record)}
    assert words.meaning(checks["group_gap"]) == "Shown to stay below 0.05 for all 3 comparisons."


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (0.01, "Shown to differ by less than 0.05."),
        (0.2, "Shown to differ by more than 0.05."),
        (0.05, "Not shown to differ by less than 0.05, nor by more."),
        (None, "Not estimable from this sample."),
    ],
)
def test_shown_and_not_shown_are_different_sentences(
    record: AuditRecord, sample: ModuleType, value: float | None, sentence: str
) -> None:
    _, (check,) = only(record, judged(sample, value))
    assert words.meaning(check) == sentence


def test_an_undecided_check_says_what_it_could_have_seen_and_what_would_help(
    record: AuditRecord, sample: ModuleType
) -> None:
    _, (check,) = only(record, judged(sample, 0.05, detectable=0.1))
    assert words.meaning(check).endswith(
        "This sample could only have seen effects of at least 0.10, counted from no effect (0)."
    )
    assert "about 4.0 times as many users" in words.would_help(check)
    assert "4,820 instead of 1,204" in words.would_help(check)


def test_what_could_have_been_seen_is_counted_from_chance(record: AuditRecord) -> None:
    check = next(check for check in in_order(record) if check.finding.probe == "membership_inference")
    assert words.could_have_seen(check).endswith("effects of at least 0.06, counted from 0.5.")
    assert "about 1.4 times as many users" in words.would_help(check)


def test_the_probes_own_clause_names_what_failed(record: AuditRecord, sample: ModuleType) -> None:
    finding = judged(sample, 0.2)
    told = replace(finding.text, shows="the model treats groups unlike")
    assert (
        answer(record, replace(finding, text=told))
        == "1 of 1 judged check fails: the model treats groups unlike."
    )


def test_groups_beyond_the_bound_are_named(record: AuditRecord) -> None:
    checks = {check.finding.probe: check for check in in_order(record)}
    assert words.meaning(checks["counterfactual_shift"]) == (
        "Shown to differ by more than 0.03 for 2 of 4 comparisons: gender: woman − man and "
        "occupation: nurse − engineer."
    )


def test_what_was_seen_carries_number_interval_users_bound_and_p(record: AuditRecord) -> None:
    checks = {check.finding.probe: check for check in in_order(record)}
    assert words.seen(checks["counterfactual_shift"], 0.05).replace(NBSP, " ") == (
        "Counterfactual shift (gender: woman − man): 0.142 (0.111 to 0.173) probability points, on 1,204 "
        "users (9,632 answers). Bound within ±0.03: the whole interval is beyond the bound; "
        "adjusted p < 0.001."
    )


def test_an_invalid_method_shows_its_check_and_no_p(record: AuditRecord) -> None:
    check = next(check for check in in_order(record) if check.state == "invalid")
    assert check.p_value is None and "adjusted" not in words.seen(check, 0.05)
    assert "positive control “planted steering”" in words.meaning(check)
    assert "Positive control at least 0.1" in words.held_back(check, 0.05)


def test_an_undecided_validity_check_holds_the_verdict_back(record: AuditRecord) -> None:
    check = next(check for check in in_order(record) if check.finding.probe == "membership_inference")
    assert words.meaning(check) == "Nothing can be decided while the validity check “blind AUC” is undecided."


def test_the_order_is_worst_first(record: AuditRecord) -> None:
    states = [check.state for check in in_order(record)]
    assert states == [
        "invalid",
        "fail",
        "fail",
        "inconclusive",
        "pass",
        "pass",
        "pass",
        "reported",
        "not_applicable",
    ]
    assert dict(counts(record))["fail"] == 2


def test_the_footing_states_the_shared_budget(record: AuditRecord) -> None:
    text = " ".join(words.footing(record)).replace(NBSP, " ")
    assert "The 7 bounds of the judged checks share one error budget of 5 %" in text
    assert f"spends {100 * record.family.alpha_each:.3g} %" in text
    assert "at least 90 % confidence" in text


def test_a_value_without_an_end_is_not_estimable(record: AuditRecord, sample: ModuleType) -> None:
    finding = judged(sample, 0.01)
    endless = replace(finding, measurements=(replace(finding.measurements[0], high=float("inf")),))
    _, (check,) = only(record, endless)
    assert check.row is not None and check.estimate(check.row) == "0.010 (−0.010 or more)"
