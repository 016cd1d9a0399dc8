"""recaudit: trustworthiness audits of generative recommender systems."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .audit.config import AuditConfig as AuditConfig
    from .audit.runner import run as run
    from .audit.store import load_record as load_record
    from .models.base import Recommendation as Recommendation
    from .models.base import Recommender as Recommender
    from .models.base import Request as Request
    from .models.base import Slate as Slate
    from .models.data import Catalog as Catalog
    from .models.data import History as History
    from .models.data import Interaction as Interaction
    from .models.data import InteractionLog as InteractionLog
    from .probes.base import Auditee as Auditee
    from .probes.base import Criterion as Criterion
    from .probes.base import Evidence as Evidence
    from .probes.base import Finding as Finding
    from .probes.base import Measurement as Measurement
    from .probes.base import Probe as Probe
    from .probes.base import Verdict as Verdict
    from .reports.record import AuditRecord as AuditRecord

__version__ = "0.1.0"

_DOORS = {
    ".audit.config": ("AuditConfig",),
    ".audit.runner": ("run",),
    ".audit.store": ("load_record",),
    ".models.base": ("Recommendation", "Recommender", "Request", "Slate"),
    ".models.data": ("Catalog", "History", "Interaction", "InteractionLog"),
    ".probes.base": ("Auditee", "Criterion", "Evidence", "Finding", "Measurement", "Probe", "Verdict"),
    ".reports.record": ("AuditRecord",),
}
_DOOR_OF = {name: door for door, names in _DOORS.items() for name in names}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used."""
    if name not in _DOOR_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_DOOR_OF[name], __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_DOOR_OF])
