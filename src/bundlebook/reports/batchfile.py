"""A batch file, read and multiplied out into jobs."""

import itertools
import re
from pathlib import Path
from typing import Any

import nbformat
import yaml

from bundlebook import paths
from bundlebook.errors import BundlebookError
from bundlebook.reports.jobs import CELL_TIMEOUT, Job, PlanError, matches
from bundlebook.reports.parameters import declared

_BATCH_KEYS = {"title", "code", "timeout", "shops", "jobs"}
_JOB_KEYS = {"template", "name", "parameters", "each", "grid", "files", "timeout", "code"}
_CODE = ("shown", "folded", "hidden")


def read(source: Path, faults: list[str]) -> dict[str, Any]:
    try:
        batch = yaml.safe_load(source.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise PlanError([f"not readable: {error}"], paths.shown(source)) from error
    if not isinstance(batch, dict):
        raise PlanError(["a batch file is a mapping with a key 'jobs'"], paths.shown(source))
    faults.extend(f"unknown key {key!r}" for key in batch if key not in _BATCH_KEYS)
    jobs = batch.get("jobs")
    if not isinstance(jobs, list) or not all(isinstance(job, dict) and "template" in job for job in jobs):
        raise PlanError([*faults, "'jobs' is a list of mappings, each with a 'template'"], paths.shown(source))
    return batch


def expand(
    entry: dict[str, Any], batch: dict[str, Any], folder: Path, only: tuple[str, ...], faults: list[str]
) -> list[Job]:
    """Turn one entry into a job for each template, parameter set and point of the grid."""
    where = str(entry["template"])
    faults.extend(f"{where}: unknown key {key!r}" for key in entry if key not in _JOB_KEYS)
    code = entry.get("code", batch.get("code", "shown"))
    limit = entry.get("timeout", batch.get("timeout", CELL_TIMEOUT))
    if code not in _CODE:
        faults.append(f"{where}: code is {code!r}, not one of {list(_CODE)}")
    if isinstance(limit, bool) or not isinstance(limit, int) or limit <= 0:
        faults.append(f"{where}: timeout is {limit!r}, not a positive whole number of seconds")
    grid, each, common = entry.get("grid", {}), entry.get("each", [{}]), entry.get("parameters", {})
    if (
        not isinstance(common, dict)
        or not isinstance(grid, dict)
        or not all(isinstance(v, list) for v in grid.values())
    ):
        faults.append(f"{where}: 'parameters' is a mapping, 'grid' a mapping of lists")
        return []
    if not isinstance(each, list) or not all(isinstance(point, dict) for point in each):
        faults.append(f"{where}: 'each' is a list of mappings")
        return []
    files = tuple(_place(str(name), folder) for name in entry.get("files", []))
    templates = _templates(where, folder)
    if not templates:
        faults.append(f"{where}: no such template")
    jobs = []
    for template in templates:
        try:
            known, title = declared(template), heading(template)
        except BundlebookError as error:
            if not only or matches(template.stem, only):
                faults.append(f"{paths.shown(template)}: {error}")
            continue
        for one, values in itertools.product(each, itertools.product(*grid.values())):
            varied = {**one, **dict(zip(grid, values, strict=True))}
            name = _name(entry.get("name"), template, {**common, **varied}, varied, faults)
            jobs.append(Job(name, title, template, {**common, **varied}, known, code, limit, files))
    return jobs


def _templates(pattern: str, folder: Path) -> list[Path]:
    for base in (folder, paths.root()):
        found = [Path(pattern)] if Path(pattern).is_absolute() else sorted(base.glob(pattern))
        if found:
            return [file.resolve() for file in found if file.is_file()]
    return []


def _place(name: str, folder: Path) -> Path:
    beside = folder / name
    return beside if beside.exists() else paths.root() / name


def _name(pattern: str | None, template: Path, values: dict, varied: dict, faults: list[str]) -> str:
    if pattern is None:
        name = "-".join([template.stem, *(str(value) for value in varied.values())])
    else:
        try:
            name = pattern.format(template=template.stem, **values)
        except (KeyError, IndexError, ValueError) as error:
            faults.append(f"{template.name}: name {pattern!r} cannot be filled in ({error})")
            name = template.stem
    return re.sub(r"[^\w.-]+", "-", name).strip("-.")


def heading(template: Path) -> str:
    """First heading of a notebook, without its marks; its file name if there is none."""
    for cell in nbformat.read(template, as_version=4).cells:
        match = re.search(r"^#\s+(.+)$", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else None
        if match:
            return re.sub(r"[`*$]", "", match.group(1)).strip()
    return template.stem
