"""The batch as one page and one file: what ran, how it ended, how long it took, what came out."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from bundlebook import __version__
from bundlebook.reports import identity
from bundlebook.reports.metrics import shown
from bundlebook.reports.store import Store, write, write_json

#: Failures first, then what is still to come, then what is done.
ORDER = ["died", "failed", "timed out", "not written", "not started", "interrupted", "running", "waiting"]
#: Figures compared side by side at most, and jobs below which a line through their values shows nothing.
_SIDE_BY_SIDE, _LINE = 8, 4


def write_index(store: Store, title: str, entries: Sequence[Mapping[str, Any]], *, seconds: float, slots: int) -> None:
    """Write ``index.html`` and ``index.json`` of a batch, each in one step.

    Parameters
    ----------
    store : Store
    title : str
    entries : sequence of mapping
        One a job, in the order of the plan: ``name``, ``title``, ``status``, ``reused``, ``seconds``, ``parameters``,
        ``given`` (the names of those that were set), ``metrics``, ``page``, ``pdf``, ``notebook`` (addresses or None)
        and, where it went wrong, ``problem`` and ``number``.
    seconds : float
        Time since the batch began.
    slots : int
        Jobs that run at a time.
    """
    # The first kernels run while these are imported.
    from bundlebook.reports.fonts import CHINESE, chinese, face
    from bundlebook.reports.html import environment

    ranked = sorted(entries, key=lambda entry: _rank(entry["status"]))
    counts: dict[str, int] = {}
    for entry in ranked:
        state = "reused" if entry.get("reused") else entry["status"]
        counts[state] = counts.get(state, 0) + 1
    content = {
        "title": title,
        "finished": all(entry["status"] not in ("running", "waiting") for entry in entries),
        "counts": counts,
        "seconds": round(seconds, 1),
        "jobs_at_a_time": slots,
        "bundlebook": __version__,
        "commit": identity.commit(),
        "versions": identity.versions(),
        "jobs": list(ranked),
    }
    write_json(store.folder / "index.json", content)
    side_by_side = _shared_figures(entries)
    html = (
        environment()
        .get_template("index.html.j2")
        .render(
            **content,
            columns=_varying(entries),
            longest=max((entry.get("seconds") or 0 for entry in entries), default=0),
            side_by_side=side_by_side,
            compared={name for shared in side_by_side for name in shared["values"]},
            alike={shared["name"] for shared in side_by_side},
            titles=[entry["title"] for entry in entries],
            fonts="",
        )
    )
    write(store.folder / "index.html", html.replace("/*fonts*/", face(CHINESE, chinese(html)), 1))


def write_metrics(store: Store, entries: Sequence[Mapping[str, Any]]) -> None:
    """Write every headline figure of a batch as ``metrics.csv`` and ``metrics.parquet``: one row a figure."""
    import pyarrow as pa
    from pyarrow import parquet

    names = sorted({name for entry in entries for name in entry["parameters"]})
    rows = [
        {
            "job": entry["name"],
            **{name: _text(entry["parameters"].get(name)) for name in names},
            "figure": metric["name"],
            "value": float(metric["value"]) if isinstance(metric["value"], int | float) else None,
            "text": str(metric["value"]),
            "unit": metric["unit"],
        }
        for entry in entries
        for metric in entry.get("metrics", [])
    ]
    fields = ["job", *names, "figure", "value", "text", "unit"]
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fields, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write(store.folder / "metrics.csv", buffer.getvalue())
    schema = pa.schema([(name, pa.float64() if name == "value" else pa.string()) for name in fields])
    draft = store.folder / ".metrics.parquet"
    parquet.write_table(pa.Table.from_pylist(rows, schema=schema), draft)
    draft.replace(store.folder / "metrics.parquet")


def _rank(status: str) -> int:
    return ORDER.index(status) if status in ORDER else len(ORDER)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _varying(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """The parameters worth a column: set by the batch for some job, and not alike in all that have them."""
    given = dict.fromkeys(name for entry in entries for name in entry["given"])
    return [n for n in given if len({repr(e["parameters"][n]) for e in entries if n in e["parameters"]}) > 1]


def _shared_figures(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Numbers that several jobs recorded under one name, to be compared as bars and as a line."""
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        for metric in entry.get("metrics", []):
            if isinstance(metric["value"], int | float) and not isinstance(metric["value"], bool):
                shared = found.setdefault(
                    metric["name"], {"name": metric["name"], "unit": metric["unit"], "values": {}}
                )
                shared["values"][entry["name"]] = metric["value"]
    several = [shared for shared in found.values() if len(shared["values"]) > 1][:_SIDE_BY_SIDE]
    for shared in several:
        shared["largest"] = max(abs(value) for value in shared["values"].values()) or 1
        shared["line"] = sparkline(list(shared["values"].values())) if len(shared["values"]) >= _LINE else ""
    return several


def sparkline(values: Sequence[float], width: int = 96, height: int = 22) -> Markup:
    """Numbers as a small line without axes, from the first job of the plan to the last; the dot marks the last.

    Examples
    --------
    >>> str(sparkline([1, 3, 2], width=20, height=10)).split('points="')[1].split('"')[0]
    '2.0,8.0 10.0,2.0 18.0,5.0'
    """
    low, high = min(values), max(values)
    step = (width - 4) / max(len(values) - 1, 1)
    scale = (height - 4) / ((high - low) or 1)
    points = [(2 + place * step, height - 2 - (value - low) * scale) for place, value in enumerate(values)]
    drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    told = f"from {shown(min(values))} to {shown(max(values))}, last {shown(values[-1])}"
    return Markup(
        f'<svg class="line" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{told}"><title>{told}</title><polyline points="{drawn}" fill="none" stroke="#0173b2" '
        f'stroke-width="1.5"/><circle cx="{points[-1][0]:.1f}" cy="{points[-1][1]:.1f}" r="2" fill="#0173b2"/></svg>'
    )
