"""A batch: its file, read, multiplied out into jobs, and checked as a whole before any kernel starts."""

import ast
import itertools
import json
import math
import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import nbformat
import yaml

from bundlebook import paths
from bundlebook.errors import BundlebookError
from bundlebook.reports._executed import file_name
from bundlebook.reports._identity import SHOP, SHOPS, data_sources, shown_value

#: Seconds a cell may take where neither the batch nor the command line says anything.
_CELL_TIMEOUT = 600
_BATCH_KEYS = {"title", "code", "timeout", "shops", "first", "jobs"}
_JOB_KEYS = {"template", "name", "parameters", "each", "grid", "files", "timeout", "code"}
_CODE = ("shown", "folded", "hidden")
#: Bytes that a job's name may have, so that the names of its files fit every file system.
_LONGEST_NAME = 200
#: Jobs that a batch may have: a grid multiplies quickly, and a slip in it would fill the memory.
_MOST_JOBS = 10_000
#: Values that a batch file may hold once its aliases are written out: nine levels of nine aliases are 400 million.
_MOST_VALUES = 1_000_000


@dataclass(frozen=True)
class Parameter:
    """One line of a notebook's cell tagged ``parameters``.

    Attributes
    ----------
    name : str
    default : object
        Its literal; ``...`` means that a value must be given.
    help : str
        The comment behind it.
    """

    name: str
    default: Any
    help: str = ""

    @property
    def required(self) -> bool:
        return self.default is ...

    def fits(self, value: Any) -> bool:
        """Whether a value has the type of the default. A whole number fits a float; nothing but a bool fits a bool.

        Examples
        --------
        >>> Parameter("ALPHA", 0.5).fits(1), Parameter("K", 10).fits(True), Parameter("SHOP", "sample").fits(7)
        (True, False, False)
        """
        if self.required or self.default is None or value is None:
            return value is not None or self.default is None
        if isinstance(self.default, bool) or isinstance(value, bool):
            return isinstance(self.default, bool) and isinstance(value, bool)
        if isinstance(self.default, float):
            return isinstance(value, int | float)
        if isinstance(self.default, list | tuple):
            return isinstance(value, list | tuple)
        return isinstance(value, type(self.default))

    def parse(self, text: str) -> Any:
        """Read a value typed on the command line. Text stays text, so ``007`` and ``1e3`` keep their spelling.

        Examples
        --------
        >>> Parameter("ITEM", "1001").parse("007"), Parameter("K", 10).parse("20"), Parameter("RATE", 0.1).parse("1e-3")
        ('007', 20, 0.001)
        """
        if isinstance(self.default, str):
            return text
        if isinstance(self.default, float):
            try:
                return float(text)
            except ValueError:
                return text
        try:
            return yaml.safe_load(text)
        except yaml.YAMLError:
            return text

    @property
    def kind(self) -> str:
        """Name of the type a value must have, for messages."""
        plain = {bool: "true or false", int: "a whole number", float: "a number", str: "text", dict: "a mapping"}
        return plain.get(type(self.default), "a list" if isinstance(self.default, list | tuple) else "a value")


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
    timeout: int = _CELL_TIMEOUT
    files: tuple[Path, ...] = ()

    @property
    def parameters(self) -> dict[str, Any]:
        """Every parameter with the value the notebook runs with."""
        return {name: self.given.get(name, p.default) for name, p in self.declared.items()}


@dataclass(frozen=True)
class Batch:
    """The jobs of one batch file, in order.

    Attributes
    ----------
    name, title : str
    jobs : tuple of Job
    chosen : frozenset of str
        Names of those that were asked for.
    first : tuple of str
        Names, beginnings of names or patterns of the jobs to start before all others.
    source : Path, optional
        The batch file.
    """

    name: str
    title: str
    jobs: tuple[Job, ...]
    chosen: frozenset[str]
    first: tuple[str, ...] = ()
    source: Path | None = None

    def in_turn(self, jobs: Iterable[Job]) -> list[Job]:
        """Jobs in the order in which they are started."""
        return sorted(jobs, key=lambda job: not _matches(job.name, self.first))


class PlanError(BundlebookError):
    """Everything that is wrong with a plan, at once."""

    def __init__(self, faults: list[str], where: str) -> None:
        self.faults = faults
        count = "one fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__(f"{count} in the plan, nothing was run\n" + "\n".join(f"  - {f}" for f in faults), where=where)


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a name, its beginning or a pattern was asked for.

    Examples
    --------
    >>> _matches("03_association_analysis", ("03",)), _matches("03_association_analysis", ("0[45]*", "x"))
    (True, False)
    """
    return any(fnmatch(name, pattern) or name.startswith(pattern) for pattern in patterns)


def declared_parameters(template: Path) -> dict[str, Parameter]:
    """Read the parameters a notebook declares, as papermill sees them.

    Raises
    ------
    BundlebookError
        If the file is not a notebook, or a default is not a literal.
    """
    import papermill

    try:
        found = papermill.inspect_notebook(str(template))
    except Exception as error:  # nbformat, json and papermill each raise their own
        raise BundlebookError(f"not a readable notebook ({type(error).__name__}: {error})") from error
    result = {}
    for name, entry in found.items():
        try:
            default = ast.literal_eval(entry["default"])
        except (ValueError, SyntaxError) as error:
            raise BundlebookError(
                f"the default of parameter {name} is not a literal: {entry['default']}",
                remedy="write a plain value into the cell tagged 'parameters'",
            ) from error
        result[name] = Parameter(name, default, (entry["help"] or "").strip())
    return result


def find_batch(name: str) -> Path:
    """Return the batch file a reader means: a path, or the name of one in ``reports/batches``."""
    shipped = paths.root() / "reports" / "batches"
    for candidate in (Path(name), shipped / name, shipped / f"{name}.yaml"):
        if candidate.is_file():
            return candidate.resolve()
    known = sorted(file.stem for file in shipped.glob("*.yaml"))
    raise BundlebookError("there is no such batch", where=name, remedy=f"give a YAML file or one of {known}")


def load_batch(
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
    batch = _read(source, faults)
    only = tuple(only)
    jobs = [job for entry in batch["jobs"] for job in _expand(entry, batch, source.parent, only, faults)]
    jobs = [replace(job, timeout=timeout or job.timeout, code=code or job.code) for job in jobs]
    jobs = [_with_folder(job, source.parent) for job in jobs]
    jobs = [_with_folder(job, Path(), paths.root()) for job in _override(jobs, shop, settings or {}, faults)]
    chosen = _choose(jobs, only, faults)
    _check(jobs, chosen, faults)
    _check_shops(batch.get("shops"), jobs, chosen, faults)
    first = tuple(map(str, batch.get("first") or ()))
    for pattern in first:
        # With only some chosen, the job may be missing because its template, not asked for, cannot be read.
        if jobs and not only and not any(_matches(job.name, (pattern,)) for job in jobs):
            faults.append(f"'first' names no job: {pattern!r}")
    if not jobs and not faults:
        faults.append("no job: no template matches")
    if not file_name(source.stem):  # the folder of its results is called like it
        faults.append("its name has no letter or digit")
    if faults:
        raise PlanError(faults, paths.shown(source))
    return Batch(file_name(source.stem), str(batch.get("title", source.stem)), tuple(jobs), chosen, first, source)


def _override(jobs: list[Job], shop: str | None, settings: Mapping[str, str], faults: list[str]) -> list[Job]:
    texts = {**({SHOP: shop} if shop is not None else {}), **settings}
    for name in texts:
        if jobs and not any(name in job.declared for job in jobs):
            faults.append(f"no template has a parameter {name}")
    return [
        replace(job, given=job.given | {n: job.declared[n].parse(t) for n, t in texts.items() if n in job.declared})
        for job in jobs
    ]


def _with_folder(job: Job, *bases: Path) -> Job:
    """A job whose shop's folder is named in full, if it lies below a base: its kernel runs in another folder."""
    shop = job.given.get(SHOP)
    if isinstance(shop, str) and shop not in SHOPS:
        for folder in (base / Path(shop).expanduser() for base in bases):
            if shop and folder.is_dir():
                return replace(job, given=job.given | {SHOP: str(folder.resolve())})
    return job


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
        if len(job.name.encode()) > _LONGEST_NAME:
            faults.append(f"{job.name[:40]}…: too long for the name of a file; set a shorter 'name'")
        try:
            os.fsencode(job.name)
        except UnicodeEncodeError:
            code = sys.getfilesystemencoding()
            faults.append(f"{job.name!a}: names of files are in {code} here; set PYTHONUTF8=1, or a plain 'name'")
        for name, value in job.given.items():
            parameter = job.declared.get(name)
            if parameter is None:
                faults.append(f"{job.name}: unknown parameter {name}; the template has {sorted(job.declared)}")
            elif not parameter.fits(value):
                faults.append(f"{job.name}: {name} = {value!r:.200} is not {parameter.kind}{_remedy(value)}")
            elif not _is_plain(value):
                faults.append(f"{job.name}: {name} = {value!r:.200} is not plain text and numbers{_remedy(value)}")
        for name, parameter in job.declared.items():
            if parameter.required and name not in job.given:
                faults.append(f"{job.name}: parameter {name} needs a value")
        shop = job.parameters.get(SHOP)
        if isinstance(shop, str) and not data_sources(shop):
            faults.append(f"{job.name}: {SHOP} = {shop!r} is neither a known shop nor a folder with tables")
        faults.extend(f"{job.name}: file {file.name} is missing" for file in job.files if not file.is_file())


def _is_plain(value: Any) -> bool:
    """Whether a value reaches a kernel as it is: what JSON knows, with text as the keys of mappings."""
    try:
        # ValueError: a mapping that holds itself, or half of a character (a lone surrogate), which no file can hold.
        json.dumps(value, ensure_ascii=False).encode()
        return repr(json.loads(json.dumps(value))) == repr(value)
    except (TypeError, ValueError, RecursionError):
        return False


def _remedy(value: Any) -> str:
    """What to write in the place of a value that YAML reads as something other than it looks, if that is so."""
    if isinstance(value, dict) and not all(isinstance(key, str) for key in value):
        return "; write keys in quotes"
    return "; write a date in quotes" if re.search(r"\bdate(time)?\(", repr(value)) else ""


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
        found = {job.name for job in jobs if _matches(job.name, (pattern,))}
        if not found:
            faults.append(f"no job is called {pattern!r}; there are {[job.name for job in jobs]}")
        chosen |= found
    return frozenset(chosen)


class _Loader(yaml.SafeLoader):
    """Reads YAML; refuses a key that stands twice in one mapping, and aliases that multiply a file beyond reason."""

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        if node is not None and (values := _values(node, {})) > _MOST_VALUES:
            raise yaml.constructor.ConstructorError(
                None, None, f"its aliases (*) make {values:,} values of it, more than {_MOST_VALUES:,}", node.start_mark
            )
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise yaml.constructor.ConstructorError(None, None, f"key {twice!r} is given twice", node.start_mark)
        return super().construct_mapping(node, deep)


def _values(node: yaml.Node, counted: dict[int, int]) -> int:
    """Number of values below a node with every alias written out; a node that holds itself counts once."""
    if id(node) not in counted:
        counted[id(node)] = 1
        parts = [] if isinstance(node, yaml.ScalarNode) else node.value
        if isinstance(node, yaml.MappingNode):
            parts = [part for pair in parts for part in pair]
        counted[id(node)] = 1 + sum(_values(part, counted) for part in parts)
    return counted[id(node)]


def _read(source: Path, faults: list[str]) -> dict[str, Any]:
    try:
        batch = yaml.load(source.read_text(encoding="utf-8"), _Loader)
    except RecursionError:
        raise PlanError(["not readable: its brackets are nested too deeply"], paths.shown(source)) from None
    except (yaml.YAMLError, ValueError, OSError) as error:  # ValueError: a date such as 2021-99-99
        raise PlanError([f"not readable: {error}"], paths.shown(source)) from error
    if not isinstance(batch, dict):
        raise PlanError(["a batch file is a mapping with a key 'jobs'"], paths.shown(source))
    faults.extend(f"unknown key {key!r}" for key in batch if key not in _BATCH_KEYS)
    if not isinstance(batch.get("first") or [], list):
        faults.append("'first' is a list of names")
        del batch["first"]
    jobs = batch.get("jobs")
    if not isinstance(jobs, list) or not all(isinstance(job, dict) and "template" in job for job in jobs):
        raise PlanError([*faults, "'jobs' is a list of mappings, each with a 'template'"], paths.shown(source))
    return batch


def _expand(
    entry: dict[str, Any], batch: dict[str, Any], folder: Path, only: tuple[str, ...], faults: list[str]
) -> list[Job]:
    """Turn one entry into a job for each template, parameter set and point of the grid."""
    where = str(entry["template"])
    faults.extend(f"{where}: unknown key {key!r}" for key in entry if key not in _JOB_KEYS)
    code = entry.get("code", batch.get("code", "shown"))
    limit = entry.get("timeout", batch.get("timeout", _CELL_TIMEOUT))
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
    named = entry.get("files") or []
    if not isinstance(named, list):
        faults.append(f"{where}: 'files' is a list")
        return []
    files = tuple(_place(str(name), folder) for name in named)
    templates = _templates(where, folder)
    if not templates:
        faults.append(f"{where}: no such template")
    if (count := len(templates) * len(each) * math.prod(map(len, grid.values()))) > _MOST_JOBS:
        faults.append(f"{where}: {count:,} jobs, more than {_MOST_JOBS:,}")
        return []
    jobs = []
    for template in templates:
        try:
            known, title = declared_parameters(template), _heading(template)
        except BundlebookError as error:
            if not only or _matches(template.stem, only):
                faults.append(f"{paths.shown(template)}: {error}")
            continue
        for one, values in itertools.product(each, itertools.product(*grid.values())):
            varied = {**one, **dict(zip(grid, values, strict=True))}
            name = _name(entry.get("name"), template, {**common, **varied}, varied, faults)
            jobs.append(Job(name, title, template, {**common, **varied}, known, code, limit, files))
    return jobs


def _templates(pattern: str, folder: Path) -> list[Path]:
    for base in (folder, paths.root()):
        try:
            found = [Path(pattern)] if Path(pattern).is_absolute() else sorted(base.glob(pattern))
        except ValueError:  # no pattern at all, or "a**b"
            return []
        if found:
            return [file.resolve() for file in found if file.is_file()]
    return []


def _place(name: str, folder: Path) -> Path:
    beside = folder / name
    return beside if beside.exists() else paths.root() / name


def _name(pattern: str | None, template: Path, values: dict, varied: dict, faults: list[str]) -> str:
    if not isinstance(pattern, str | None):
        faults.append(f"{template.name}: name is {pattern!r}, not text")
        pattern = None
    if pattern is None:
        return file_name("-".join([template.stem, *(str(shown_value(n, value)) for n, value in varied.items())]))
    try:
        if re.search(r"\{[^{}]*(\d{4}|\{)", pattern):  # a width of millions would fill the memory
            raise ValueError("no width has four digits")
        shown = {name: shown_value(name, value) for name, value in values.items()}
        return file_name(pattern.format(**{**shown, "template": template.stem}))
    except (KeyError, IndexError, ValueError, AttributeError, TypeError) as error:
        faults.append(f"{template.name}: name {pattern!r} cannot be filled in ({error})")
        return file_name(template.stem)


def _heading(template: Path) -> str:
    """First heading of a notebook, without its marks; its file name if there is none."""
    for cell in nbformat.read(template, as_version=4).cells:
        match = re.search(r"^#\s+(.+)$", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else None
        if match:
            return re.sub(r"[`*$]", "", match.group(1)).strip()
    return template.stem
