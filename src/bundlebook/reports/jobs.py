"""The nouns of a batch: a job, the batch, and everything that is wrong with a plan."""

from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from bundlebook.errors import BundlebookError
from bundlebook.reports.parameters import Parameter

#: Seconds a cell may take where neither the batch nor the command line says anything.
CELL_TIMEOUT = 600
#: The parameter that names the shop in every template; ``--data`` sets it.
SHOP = "SHOP"


@dataclass(frozen=True)
class Job:
    """One report to make: a template notebook and the parameters it is run with.

    Attributes
    ----------
    name : str
        Names the output files, unique within the batch.
    title : str
        First heading of the template.
    template : Path
    given : dict
        Parameters that differ from the template's defaults or were set explicitly.
    declared : dict of str to Parameter
    code : {"shown", "folded", "hidden"}
    timeout : int
        Seconds a cell may take.
    files : tuple of Path
        Files beside the shop that the result depends on.
    """

    name: str
    title: str
    template: Path
    given: dict[str, Any] = field(default_factory=dict)
    declared: dict[str, Parameter] = field(default_factory=dict)
    code: str = "shown"
    timeout: int = CELL_TIMEOUT
    files: tuple[Path, ...] = ()

    @property
    def parameters(self) -> dict[str, Any]:
        """Every parameter with the value the notebook runs with."""
        return {name: self.given.get(name, p.default) for name, p in self.declared.items()}


@dataclass(frozen=True)
class Batch:
    """The jobs of one batch file, in order, and which of them were asked for."""

    name: str
    title: str
    jobs: tuple[Job, ...]
    chosen: frozenset[str]


class PlanError(BundlebookError):
    """Everything that is wrong with a plan, at once."""

    def __init__(self, faults: list[str], where: str) -> None:
        self.faults = faults
        count = "one fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__(f"{count} in the plan, nothing was run\n" + "\n".join(f"  - {f}" for f in faults), where=where)


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a name, its beginning or a pattern was asked for.

    Examples
    --------
    >>> matches("03_association_analysis", ("03",)), matches("03_association_analysis", ("0[45]*", "x"))
    (True, False)
    """
    return any(fnmatch(name, pattern) or name.startswith(pattern) for pattern in patterns)
