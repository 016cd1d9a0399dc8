"""The sentences of a report: what was seen, on how many and how sure, what it means and what it does not."""

from __future__ import annotations

from ..probes.base import Criterion, Measurement, State, Verdict
from . import _numbers as numbers
from ._reading import JUDGED, Check, row_behind, row_states
from ._text import listed, plain_name
from .record import AuditRecord

NOT_MEANT: dict[State, str] = {
    "pass": "That there is no effect. Only one as large as the bound is ruled out, for this model, these "
    "users and this question.",
    "fail": "Where the effect comes from, or how large it would be on another catalogue or after another "
    "training.",
    "inconclusive": "That there is no effect. This sample can neither show one beyond the bound nor rule it "
    "out.",
    "invalid": "Anything about the model, in either direction, until the method passes its own check.",
    "reported": "That the figures are good or bad: no bound was fixed for them before the run.",
    "not_applicable": "That the model has no such fault: the question was not put to it.",
    "error": "Anything about the model: the check did not finish.",
}
TOTAL = "total"
OF_ROLE = {"validity": "validity check", "control": "positive control", "gate": "bound"}


def answer(record: AuditRecord, checks: tuple[Check, ...]) -> str:
    """The whole audit in one sentence."""
    judged = [check for check in checks if check.state in JUDGED]
    failed = [check for check in judged if check.state == "fail"]
    rest = _others(judged)
    start = _unfinished(record)
    if not judged:
        return f"{start}Nothing was judged: {_nothing_judged(checks)}."
    if failed:
        verb = "fails" if len(failed) == 1 else "fail"
        named = listed([_failed_on(check) for check in failed[:3]] + _more(len(failed) - 3))
        return f"{start}{len(failed)} of {_checks(judged)} {verb}: {named}{'; ' + rest if rest else ''}."
    if rest:
        return f"{start}None of {_checks(judged)} fails, but {rest}."
    every = "The one judged check passes" if len(judged) == 1 else f"All {_checks(judged)} pass"
    return f"{start}{every}: each effect that was looked for is shown to lie inside its bound."


def _unfinished(record: AuditRecord) -> str:
    """Why a partial audit is not whole; empty for a complete one."""
    if record.status != "partial":
        return ""
    if not ended_in_errors(record):
        return "This audit stopped part-way. "
    count = sum(finding.verdict == "error" for finding in record.findings)
    which = "one check" if count == 1 else f"{count} checks"
    return f"This audit is unfinished: {which} ended in an error. "


def ended_in_errors(record: AuditRecord) -> bool:
    """Whether a partial audit lacks only checks that broke: a run's total time is kept once all were put."""
    broken = any(finding.verdict == "error" for finding in record.findings)
    return record.status == "partial" and broken and TOTAL in record.seconds


def _checks(judged: list[Check]) -> str:
    return f"{len(judged)} judged check{'s' if len(judged) != 1 else ''}"


def _more(count: int) -> list[str]:
    return [f"{count} more"] if count > 0 else []


def _others(judged: list[Check]) -> str:
    states: tuple[tuple[State, str], ...] = (
        ("inconclusive", "inconclusive"),
        ("invalid", "invalid"),
        ("error", "unfinished after an error"),
    )
    found = [(sum(check.state == state for check in judged), word) for state, word in states]
    parts = [f"{count} {'is' if count == 1 else 'are'} {word}" for count, word in found if count]
    return listed(parts)


def _nothing_judged(checks: tuple[Check, ...]) -> str:
    reported = sum(check.state == "reported" for check in checks)
    if not checks:
        return "no check ran"
    return f"{reported} of {len(checks)} checks measured without a bound, the others could not be asked"


def _failed_on(check: Check) -> str:
    """What failed, in the reader's words: the probe's own clause where it has one, else its question."""
    group = f" ({check.row.group})" if check.row and check.row.group != "overall" else ""
    if check.finding.text.shows:
        return check.finding.text.shows + group
    return f"“{check.finding.text.question.strip()}”{group}"


def meaning(check: Check) -> str:
    """What a check's verdict means, in one line."""
    finding = check.finding
    match check.state:
        case "not_applicable":
            return finding.not_asked or "This question cannot be put to this model or data."
        case "error":
            return finding.error or "The check did not finish."
        case "reported":
            return "Measured without a bound: nothing was judged."
    if check.held_back is not None:
        return _held_back_meaning(check.held_back)
    if check.verdict is None:
        return "Nothing could be measured."
    criterion = check.verdict.criterion
    rows = row_states(finding, criterion)
    match check.state:
        case "pass":
            every = f" for all {len(rows)} comparisons" if len(rows) > 1 else ""
            return f"Shown to {_inside(criterion)}{every}."
        case "fail":
            return _fail_meaning(criterion, rows)
    return _undecided_meaning(check)


def _held_back_meaning(verdict: Verdict) -> str:
    name = f"{OF_ROLE[verdict.criterion.role]} “{plain_name(verdict.criterion.measurement)}”"
    if verdict.state == "invalid":
        return f"The method did not pass its own check, the {name}: its figures decide nothing."
    return f"Nothing can be decided while the {name} is undecided."


def _fail_meaning(criterion: Criterion, rows: dict[str, State]) -> str:
    beyond = [group for group, state in rows.items() if state == "fail"]
    if len(rows) < 2 or not beyond:
        return f"Shown to {_beyond(criterion)}."
    named = listed(beyond[:3] + _more(len(beyond) - 3))
    return f"Shown to {_beyond(criterion)} for {len(beyond)} of {len(rows)} comparisons: {named}."


def _undecided_meaning(check: Check) -> str:
    row, criterion = check.row, check.criterion
    if row is None or row.value is None or criterion is None:
        return "Not estimable from this sample."
    other = {"within": "by more", "at_most": "to exceed it", "at_least": "to fall below it"}
    undecided = f"Not shown to {_inside(criterion)}, nor {other[criterion.direction]}."
    return f"{undecided} {could_have_seen(check)}".strip()


def _inside(criterion: Criterion) -> str:
    words = {"within": "differ by less than", "at_most": "stay below", "at_least": "stay above"}
    return f"{words[criterion.direction]} {numbers.plain(criterion.bound)}"


def _beyond(criterion: Criterion) -> str:
    words = {"within": "differ by more than", "at_most": "exceed", "at_least": "fall below"}
    return f"{words[criterion.direction]} {numbers.plain(criterion.bound)}"


def could_have_seen(check: Check) -> str:
    """What a sample of this size could have shown, where that is known."""
    row = check.row
    if row is None or row.detectable is None:
        return ""
    smallest = numbers.number(row.detectable, max(2, check.places[row.name]))
    null, name = null_of(row)
    start = name if null else f"no effect ({name})"
    return f"This sample could only have seen effects of at least {smallest}, counted from {start}."


def seen(check: Check, alpha: float) -> str:
    """What was seen, on how many, and how sure: the deciding row as a sentence."""
    return "" if check.row is None else _seen(check, check.row, check.verdict, check.p_value, alpha)


def held_back(check: Check, alpha: float) -> str:
    """What the validity statement or control that keeps a gate from deciding came to."""
    verdict = check.held_back
    row = row_behind(check.finding, verdict) if verdict else None
    return "" if row is None or verdict is None else _seen(check, row, verdict, verdict.p_value, alpha)


def _seen(check: Check, row: Measurement, verdict: Verdict | None, p: float | None, alpha: float) -> str:
    where = "" if row.group == "overall" else f" ({row.group})"
    behind = "" if numbers.is_count(row) else f", on {_people(row)}"
    sentence = f"{_capital(plain_name(row.name))}{where}: {check.estimate(row)} {row.unit}{behind}."
    if verdict is None:
        return sentence
    sure = f"; adjusted {numbers.p_value(p, alpha)}" if p is not None else ""
    role = _capital(OF_ROLE[verdict.criterion.role])
    return f"{sentence} {role} {numbers.bound(verdict.criterion)}: {verdict.reason}{sure}."


def _people(row: Measurement) -> str:
    users = f"{row.clusters:,} user{'s' if row.clusters != 1 else ''}"
    return f"{users} ({row.n:,} answers)" if row.n != row.clusters else users


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def would_help(check: Check) -> str:
    """How many more users an undecided effect needs, as intervals shrink with the root of their number."""
    row, criterion = check.row, check.criterion
    if check.state != "inconclusive" or row is None or row.detectable is None or criterion is None:
        return ""
    reach = abs(criterion.bound - null_of(row)[0])
    excess = row.detectable / reach if reach else 0.0
    if criterion.role != "gate" or excess <= 1:
        return ""
    times = excess**2
    return (
        f"To see effects as small as the bound, about {times:.1f} times as many users are needed: "
        f"roughly {round(row.clusters * times / 10) * 10:,} instead of {row.clusters:,}."
    )


def sentence(text: str) -> str:
    """A note or reason as a sentence of its own."""
    return _capital(closed(text))


def closed(text: str) -> str:
    """A text with the full stop that it may lack."""
    text = text.strip()
    return text if not text or text[-1] in ".!?" else f"{text}."


def null_of(row: Measurement) -> tuple[float, str]:
    """Where "no effect" lies on a row's scale, and what to call it there."""
    scales = {"auc": (0.5, "0.5"), "ratio": (1.0, "1"), "slope": (1.0, "1")}
    return scales.get(row.unit.strip().lower(), (0.0, "0"))


def good_direction(rows: list[Measurement] | tuple[Measurement, ...]) -> str:
    """Which way is good on these rows' axis, if it is the same for all of them."""
    directions = {row.better for row in rows if row.better != "none"}
    if len(directions) != 1:
        return ""
    name = null_of(rows[0])[1]
    return {
        "higher": "further right is better",
        "lower": "further left is better",
        "zero": f"{name} means no difference",
    }[directions.pop()]


def footing(record: AuditRecord) -> list[str]:
    """How sure all the intervals are together, in plain words."""
    family = record.family
    count = len(family.checks)
    alpha, each = numbers.percent(family.alpha), numbers.percent(family.alpha_each)
    if not count:
        return ["No bound was fixed before this run, so nothing was judged and no error was risked."]
    shared = (
        f"The {count} bounds of the judged checks share one error budget of {alpha}"
        if count > 1
        else f"The one bound of the judged check has an error budget of {alpha}"
    )
    return [
        f"{shared}: the chance that this report fails anything whose true effect lies inside its bound is "
        f"at most {alpha} for the whole report, not for each line of it. Each interval end spends "
        f"{each}, so an interval here is wider than one that stands alone. Taken together, all intervals of "
        f"judged checks hold with at least {numbers.percent(1 - 2 * family.alpha)} confidence, and the ends "
        f"that can make a check fail with {numbers.percent(1 - family.alpha)}.",
        "A check fails only where its whole interval lies beyond the bound, and passes only where the whole "
        "interval lies inside; in between it is inconclusive, which is never counted as a pass. The adjusted "
        f"p says the same: it is below {numbers.plain(family.alpha)} exactly where the interval lies beyond "
        "the bound. Bounds were fixed before the run.",
    ]


def time_spent(record: AuditRecord) -> str:
    """How long a run took, and how much of that went into preparing and training the model."""
    seconds = record.seconds
    if not seconds:
        return "not recorded"
    parts = []
    for word, job in (("preparing", "prepare "), ("training", "train ")):
        spent = [each for name, each in seconds.items() if name.startswith(job)]
        parts += [f"{word} {numbers.duration(sum(spent))}"] if spent else []
    whole = numbers.duration(seconds.get(TOTAL, sum(seconds.values())))
    return f"{whole} ({', '.join(parts)})" if parts else whole


def command(record: AuditRecord) -> str:
    """The command that made a record, as typed; a run started from Python is named as the call it was."""
    told = record.command.strip()
    return told if told.split(" ")[0] in ("", "audit", "recaudit.run") else f"audit {told}"
