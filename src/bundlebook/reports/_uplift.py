"""The page of `bundlebook measure`: what offers changed, for whom, and whether the probabilities held."""

import base64
import io
from pathlib import Path

import numpy as np
import pandas as pd

from bundlebook.feedback import Uplift
from bundlebook.reports._pages import environment, with_chinese
from bundlebook.reports._results import write
from bundlebook.shop import Shop

_NAMES = {
    "measure": "measure",
    "group": "group",
    "offered": "offered",
    "held_out": "held out",
    "difference": "difference",
    "low": "low",
    "high": "high",
    "users_offered": "users offered",
    "users_held_out": "users held out",
    "part": "part, by P",
    "bundles": "bundles",
    "predicted": "mean P",
    "came_true": "came true",
}


def write_uplift_page(shop: Shop, found: Uplift, out: str | Path) -> None:
    """Write what offers changed as one page that loads nothing.

    Parameters
    ----------
    shop : Shop
    found : Uplift
        From :func:`~bundlebook.feedback.measure`.
    out : str or Path
        The file; written whole or not at all.
    """
    first = found.overall.iloc[0]
    sign = "more" if first["difference"] > 0 else "less"
    answer = (
        f"Offered {shop.user_words} bought {100 * abs(first['difference']):.2f} percentage points {sign} of their "
        f"bundles than those held out (95 % interval {100 * first['low']:+.2f} to {100 * first['high']:+.2f})."
        if found.found
        else f"No effect can be told from chance: the interval of the difference, {100 * first['low']:+.2f} to "
        f"{100 * first['high']:+.2f} percentage points, holds 0."
    )
    facts = [
        f"Period of the offers: {found.first_day} to {found.last_day}.",
        f"These groups find an uplift of {100 * found.detectable:.2f} percentage points or more in four of five cases.",
        f"An uplift of a tenth of the rate without an offer would need {found.needed:,} {shop.user_words} in all.",
        *(f"{note[0].upper()}{note[1:]}." for note in found.notes),
    ]
    tables = [
        (
            "Offered against held out",
            "The first line counts bundles all of whose items were bought within the period; the others count money.",
            found.overall,
        )
    ]
    if len(found.before):
        tables.append(
            (
                "The same groups before the offers",
                "Nothing had been offered yet, so this interval should hold 0.",
                found.before,
            )
        )
    by = "Groups with fewer than 30 on either side are left out."
    tables += [
        (title, by, table)
        for title, table in (("By kind of bundle", found.by_kind), ("By segment", found.by_segment))
        if len(table)
    ]
    tables.append(
        (
            "Did the probabilities hold?",
            "Offered bundles in five parts by predicted probability; what came true should lie near the mean P.",
            found.calibration,
        )
    )
    page = environment().get_template("uplift.html.j2")
    html = page.render(
        shop=shop.name if shop.real else f"{shop.name} (simulated)",
        answer=answer,
        facts=facts,
        figure=_forest(found),
        tables=[(heading, text, _html(table, shop)) for heading, text, table in tables],
        users=shop.user_words,
    )
    write(Path(out), with_chinese(html))


def _html(table: pd.DataFrame, shop: Shop) -> str:
    names = {name: shop.in_own_words(called) for name, called in _NAMES.items()}
    shown = table.assign(**{name: table[name].map("{:.4g}".format) for name in table.select_dtypes("float")})
    return shown.rename(columns=names).to_html(border=0, index=False)


def _forest(found: Uplift) -> str:
    import matplotlib as mpl

    rows = [("all", found.overall.iloc[0])]
    rows += [(row["group"], row) for table in (found.by_kind, found.by_segment) for _, row in table.iterrows()]
    with mpl.rc_context():
        mpl.use("agg", force=False)
        import matplotlib.pyplot as plt

        from bundlebook.plots import PALETTE, plain, use_style

        use_style()
        figure, ax = plt.subplots(figsize=(8, 1.4 + 0.38 * len(rows)))
        place = -np.arange(len(rows))
        middle, low, high = (100 * np.array([float(row[n]) for _, row in rows]) for n in ("difference", "low", "high"))
        ax.hlines(place, low, high, color=PALETTE[0], lw=2)
        ax.plot(middle, place, "o", color=PALETTE[0])
        ax.axvline(0, color="0.45", lw=1, ls="--")
        ax.set_yticks(place, [plain(str(name)) for name, _ in rows])
        ax.set(xlabel="bought whole, offered minus held out (percentage points)", title="What the offers changed")
        picture = io.BytesIO()
        figure.savefig(picture, format="png", bbox_inches="tight")
        plt.close(figure)
    return base64.b64encode(picture.getvalue()).decode()
