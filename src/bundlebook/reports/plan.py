"""The plan of a batch: what the file and the command line say, checked as a whole before any kernel starts."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import nbformat

from bundlebook import paths
from bundlebook.errors import BundlebookError
from bundlebook.reports.batchfile import expand, read
from bundlebook.reports.identity import data_sources
from bundlebook.reports.jobs import SHOP, Batch, Job, PlanError, matches


def find_batch(name: str) -> Path:
    """Return the batch file a reader means: a path, or the name of one in ``reports/batches``."""
    shipped = paths.root() / "reports" / "batches"
    for candidate in (Path(name), shipped / name, shipped / f"{name}.yaml"):
        if candidate.is_file():
            return candidate.resolve()
    known = sorted(file.stem for file in shipped.glob("*.yaml"))
    raise BundlebookError("there is no such batch", where=name, remedy=f"give a YAML file or one of {known}")


def load(
    source: Path,
    *,
    shop: str | None = None,
    settings: Mapping[str, str] | None = None,
    only: Iterable[str] = (),
    timeout: int | None = None,
    code: str | None = None,
) -> Batch:
    """Read a batch file, apply what the command line says, and check the whole plan.

    Parameters
    ----------
    source : Path
        The YAML file; ``reports/README.md`` describes it.
    shop : str, optional
        Value for the parameter :data:`SHOP` of every job that has one.
    settings : mapping of str to str, optional
        Parameters as typed on the command line, for every job that declares them.
    only : iterable of str
        Names, beginnings of names, or patterns of the jobs to run; all if empty.
    timeout, code : optional
        Override what the batch file says.

    Raises
    ------
    PlanError
        With every fault found.
    """
    faults: list[str] = []
    batch = read(source, faults)
    only = tuple(only)
    jobs = [job for entry in batch["jobs"] for job in expand(entry, batch, source.parent, only, faults)]
    jobs = [replace(job, timeout=timeout or job.timeout, code=code or job.code) for job in jobs]
    jobs = _override(jobs, shop, settings or {}, faults)
    chosen = _choose(jobs, only, faults)
    _check(jobs, chosen, faults)
    _check_shops(batch.get("shops"), jobs, chosen, faults)
    if not jobs and not faults:
        faults.append("no job: no template matches")
    if faults:
        raise PlanError(faults, paths.shown(source))
    return Batch(source.stem, str(batch.get("title", source.stem)), tuple(jobs), chosen)


def _override(jobs: list[Job], shop: str | None, settings: Mapping[str, str], faults: list[str]) -> list[Job]:
    texts = {**({SHOP: shop} if shop is not None else {}), **settings}
    for name in texts:
        if jobs and not any(name in job.declared for job in jobs):
            faults.append(f"no template has a parameter {name}")
    return [
        replace(job, given=job.given | {n: job.declared[n].parse(t) for n, t in texts.items() if n in job.declared})
        for job in jobs
    ]


def _check(jobs: list[Job], chosen: frozenset[str], faults: list[str]) -> None:
    from jupyter_client.kernelspec import KernelSpecManager

    kernels = set(KernelSpecManager().find_kernel_specs())
    for template in dict.fromkeys(job.template for job in jobs if job.name in chosen):
        kernel = nbformat.read(template, as_version=4).metadata.get("kernelspec", {}).get("name")
        if kernel not in kernels:
            faults.append(f"{paths.shown(template)}: kernel {kernel!r} is not installed; there is {sorted(kernels)}")
    for name in sorted({job.name for job in jobs if [other.name for other in jobs].count(job.name) > 1}):
        faults.append(f"{name}: two jobs would write the same output")
    for job in (job for job in jobs if job.name in chosen):
        if job.name in ("index", "runs", ""):
            faults.append(f"{job.name!r} cannot name a job")
        for name, value in job.given.items():
            parameter = job.declared.get(name)
            if parameter is None:
                faults.append(f"{job.name}: unknown parameter {name}; the template has {sorted(job.declared)}")
            elif not parameter.fits(value):
                faults.append(f"{job.name}: {name} = {value!r} is not {parameter.kind}")
        for name, parameter in job.declared.items():
            if parameter.required and name not in job.given:
                faults.append(f"{job.name}: parameter {name} needs a value")
        shop = job.parameters.get(SHOP)
        if isinstance(shop, str) and not data_sources(shop):
            faults.append(f"{job.name}: {SHOP} = {shop!r} is neither a known shop nor a folder with tables")
        faults.extend(f"{job.name}: file {file.name} is missing" for file in job.files if not file.is_file())


def _check_shops(allowed: object, jobs: list[Job], chosen: frozenset[str], faults: list[str]) -> None:
    """A batch may be for some shops only, those that have what its reports are about."""
    if allowed is None:
        return
    if not isinstance(allowed, list):
        faults.append(f"'shops' is {allowed!r}, not a list of shops")
        return
    asked = dict.fromkeys(job.parameters[SHOP] for job in jobs if job.name in chosen and SHOP in job.parameters)
    faults.extend(
        f"{SHOP} = {shop!r}, but these reports can be made of {allowed} only" for shop in asked if shop not in allowed
    )


def _choose(jobs: list[Job], only: tuple[str, ...], faults: list[str]) -> frozenset[str]:
    if not only:
        return frozenset(job.name for job in jobs)
    chosen = set()
    for pattern in only:
        found = {job.name for job in jobs if matches(job.name, (pattern,))}
        if not found:
            faults.append(f"no job is called {pattern!r}; there are {[job.name for job in jobs]}")
        chosen |= found
    return frozenset(chosen)
