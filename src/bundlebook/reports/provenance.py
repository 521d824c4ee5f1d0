"""Where a report comes from, as its page and ``status.json`` tell it."""

from typing import Any

from bundlebook import paths
from bundlebook.reports import identity
from bundlebook.reports.jobs import SHOP, Job


def describe(job: Job) -> dict[str, Any]:
    """Parameters, data, versions and commit of a job; no path of the machine, nothing from its environment.

    Returns
    -------
    dict
        ``template``, ``parameters`` (name, value, default, changed, given, help), ``data`` (name, rows, md5),
        ``versions``, ``commit``, ``seed``.
    """
    values = job.parameters
    return {
        "template": paths.shown(job.template),
        "parameters": [
            {
                "name": name,
                "value": shown_value(name, values[name]),
                "default": None if parameter.required else parameter.default,
                "changed": parameter.required or values[name] != parameter.default,
                "given": name in job.given,
                "help": parameter.help,
            }
            for name, parameter in job.declared.items()
        ],
        "data": [
            {"name": file.name, "rows": identity.rows(file), "md5": identity.checksum(file)}
            for file in identity.data_files(job)
        ],
        "versions": identity.versions(),
        "commit": identity.commit(),
        "seed": values.get("SEED"),
    }


def shown_value(name: str, value: Any) -> Any:
    """A parameter's value without the folders above a reader's own shop."""
    if name == SHOP and isinstance(value, str) and ("/" in value or "\\" in value):
        return value.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    return value


def hidden_folders(job: Job) -> dict[str, str]:
    """Folders that may appear in a job's outputs, and what to show instead."""
    shop = job.parameters.get(SHOP)
    if isinstance(shop, str) and shown_value(SHOP, shop) != shop:
        return {shop.rstrip("/"): shown_value(SHOP, shop)}
    return {}
