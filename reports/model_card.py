"""An audit as a model card for the Hugging Face hub: metadata its pages read, and the verdicts in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import _numbers as numbers
from . import _words as words
from ._marked import safe, summary
from ._reading import WORDS, Check, in_order
from ._text import cut, plain_name, visible
from .record import AuditRecord

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

SUFFIX = ".card.md"


def render(record: AuditRecord) -> str:
    """Write a card's metadata block and text; the same record gives the same bytes.

    The metadata hold the row that decided each judged check, with its interval in the metric's arguments.
    They say nothing of licence and language, which an audit does not know: add them by hand.
    """
    return f"---\n{_metadata(record)}\n---\n\n{_text(record)}"


def _metadata(record: AuditRecord) -> str:
    from huggingface_hub import ModelCardData

    data = ModelCardData(
        model_name=_plain(record.model.name),
        base_model=_plain(record.model.base) or None,
        tags=["recommender-system", "recaudit"],
        eval_results=[
            _result(check, record) for check in in_order(record) if check.row and check.row.value is not None
        ],
    )
    return str(data.to_yaml()).strip()


def _result(check: Check, record: AuditRecord) -> EvalResult:
    from huggingface_hub import EvalResult

    row = check.row
    assert row is not None
    bound = numbers.bound(check.criterion) if check.criterion else "none"
    return EvalResult(
        task_type="recommendation",
        dataset_type=_plain(record.data.name),
        dataset_name=_plain(record.data.name),
        dataset_args={"seed": record.seed, "sha256": record.data.sha256},
        metric_type=f"recaudit/{_plain(check.finding.probe)}",
        metric_name=_plain(f"{plain_name(row.name)} ({row.group}), {row.unit}"),
        metric_value=row.value,
        metric_args={
            "low": row.low,
            "high": row.high,
            "users": row.clusters,
            "bound": bound,
            "verdict": WORDS[check.state],
        },
    )


def _text(record: AuditRecord) -> str:
    model = record.model
    lines = [
        f"# {_safe(model.name)}",
        "",
        "## Trustworthiness audit",
        "",
        summary(record).rstrip(),
        "",
        "## What was audited",
        "",
        f"- Model: {_safe(model.title or model.name)}, sha256 `{model.sha256[:16]}`",
        *(
            [f"- Simplified against the published system: {_safe(model.simplified)}"]
            if model.simplified
            else []
        ),
        f"- Data: {_safe(record.data.name)}, {record.data.users:,} users, {record.data.items:,} items,"
        f" {record.data.interactions:,} interactions, sha256 `{record.data.sha256[:16]}`",
        "",
        "## Limits of the audit",
        "",
        *(f"- {paragraph}" for paragraph in words.footing(record)),
        *(
            f"- Not asked: {_safe(check.finding.text.title)}. {_safe(words.meaning(check))}"
            for check in in_order(record)
            if check.state == "not_applicable"
        ),
    ]
    return "\n".join(lines) + "\n"


def _safe(text: str, limit: int = 600) -> str:
    return safe(text, limit)


def _plain(text: str) -> str:
    """Text from outside for the metadata block, where YAML does the quoting."""
    return cut(visible(text), 200)
