"""How far the answer about 张三 moves: other seeds, and other households to learn from.

    python benchmarks/zhangsan.py               # every fit; half a minute each on two cores, resumable
    python benchmarks/zhangsan.py --most 6      # six more fits, then stop

Fits the network of chapter 06 with several seeds on all households, and then, each time with a new seed, on bootstrap
samples of the households (drawn with replacement, as many as there are). Each fit answers P(1005 in 2021-05) and is
kept in ``zhangsan.json`` beside this file: interrupt it with Ctrl-C, run it again, and it goes on. A file made from
other data, settings or versions is refused. After a change of the network's code ``--afresh`` begins again.
"""

import json
from dataclasses import asdict, replace
from importlib import import_module
from pathlib import Path

import click
import numpy as np
from scipy.special import expit, logit
from scipy.stats import t as student

from bundlebook.recommenders import RecurrentRecommender, import_keras
from bundlebook.shop import Baskets, clean, group_baskets, load_shop, time_split, zhangsan

RESULTS = Path(__file__).with_suffix(".json")


@click.command()
@click.option("--shop", default="completejourney", show_default=True, help="Name or folder of the shop.")
@click.option("--seeds", default=5, show_default=True, type=click.IntRange(1), help="Fits on all households.")
@click.option("--draws", default=13, show_default=True, type=click.IntRange(1), help="Fits on bootstrap samples.")
@click.option("--most", type=click.IntRange(0), help="Fits made by this call at most.")
@click.option("--seed", default=2021, show_default=True, help="The first network's; the others count on from it.")
@click.option("--batch", type=click.IntRange(1), help="Households a step, if others than the chapter's.")
@click.option("--epochs", type=click.IntRange(1), help="Passes over the households, if others than the chapter's.")
@click.option("--afresh", is_flag=True, help="Throw kept fits away.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=RESULTS, help="File to keep fits in.")
def main(
    shop: str,
    seeds: int,
    draws: int,
    most: int | None,
    seed: int,
    batch: int | None,
    epochs: int | None,
    afresh: bool,
    out: Path,
) -> None:
    """Answer P(1005 in 2021-05) again and again, and say how far the answers lie apart."""
    cleaned, _ = clean(load_shop(shop))
    split = time_split(group_baskets(cleaned))
    task, mapped, rule = split.task("validation"), zhangsan.mapping(split, cleaned), zhangsan.rule()
    his = zhangsan.history(split, mapped, task.at)
    column = list(split.baskets.items).index(mapped["item"][rule.asked_item])
    changed = {name: value for name, value in (("batch", batch), ("epochs", epochs)) if value is not None}
    made = _made(shop, cleaned.checksum, task, mapped["item"][rule.asked_item], seed, changed)
    fits = [] if afresh else _kept(out, made)
    done = {(fit["households"], fit["seed"]) for fit in fits}
    wanted = [("all", seed + k) for k in range(seeds)] + [("drawn", seed + seeds + k) for k in range(draws)]
    for households, number in [fit for fit in wanted if fit not in done][:most]:
        visible = task.visible if households == "all" else resampled(task.visible, number)
        p = RecurrentRecommender(seed=number, **changed).fit(visible, task.at).probability(his, task.at)[0]
        place = int((p > p[column]).sum()) + 1
        fits.append({"households": households, "seed": number, "P": _short(p[column]), "place": place})
        fits[-1]["highest P"] = _short(p.max())
        _write(out, {"made": made, "summary": summary(fits), "fits": fits})
        print(fits[-1])
    print(json.dumps(summary(fits), indent=1, ensure_ascii=False))
    print(f"{len(fits)} of {len(wanted)} fits are in {out.name}")


def resampled(visible: Baskets, seed: int) -> Baskets:
    """Draw as many households as there are, with replacement; whoever is drawn twice becomes two households."""
    rows = np.sort(np.random.default_rng(seed).integers(visible.n_users, size=visible.n_users))
    drawn = visible.of_users(rows)
    labels = [f"{place:0{len(str(len(rows)))}d} {label}" for place, label in enumerate(drawn.user_ids)]
    return replace(drawn, user_ids=np.array(labels))


def summary(fits: list[dict]) -> dict:
    """Mean over the seeds, its spread, and a 95 % interval from the spread of the bootstrap's answers.

    The interval is symmetric in log-odds around the mean of the fits on all households: log-odds ± t · sd, with the
    standard deviation of the bootstrap's log-odds (each with a seed of its own, so both kinds of luck are in it) and
    Student's t for as many draws. It says where the answer of one fit with another seed on other households of the
    same kind would lie. Empty while there are fewer than two fits of either kind.
    """
    on_all, on_drawn = (np.array([fit["P"] for fit in fits if fit["households"] == kind]) for kind in ("all", "drawn"))
    if min(len(on_all), len(on_drawn)) < 2:
        return {}
    centre, spread = logit(on_all).mean(), logit(on_drawn).std(ddof=1)
    reach = student.ppf(0.975, len(on_drawn) - 1) * spread
    return {
        "seeds": len(on_all),
        "draws": len(on_drawn),
        "mean over seeds": _short(on_all.mean()),
        "sd over seeds": _short(on_all.std(ddof=1)),
        "mean over draws": _short(on_drawn.mean()),
        "sd over draws": _short(on_drawn.std(ddof=1)),
        "low": _short(expit(centre - reach)),
        "high": _short(expit(centre + reach)),
        "lowest": _short(min(on_all.min(), on_drawn.min())),
        "highest": _short(max(on_all.max(), on_drawn.max())),
        "best place": min(fit["place"] for fit in fits),
        "worst place": max(fit["place"] for fit in fits),
        "highest P of any item": max(fit["highest P"] for fit in fits),
    }


def _made(shop: str, checksum: str, task, item: str, seed: int, changed: dict) -> dict:
    """All that the fits have in common, as it stands in the file."""
    backend = import_keras().backend.backend()
    settings = asdict(RecurrentRecommender(seed=seed, **changed).settings)
    return {
        "asked": f"P({item!r}, bought in the period that begins on {task.at})",
        "shop": {"name": Path(shop).name, "checksum": checksum, "items": task.visible.n_items},
        "households": task.visible.n_users,
        "settings of the first fit": settings,
        "versions": {name: import_module(name).__version__ for name in ("keras", "numpy", backend)},
    }


def _kept(file: Path, made: dict) -> list[dict]:
    """Fits of an earlier start, if they were made alike."""
    if not file.exists():
        return []
    known = json.loads(file.read_text(encoding="utf-8"))
    differ = sorted(name for name in made if known["made"].get(name) != made[name])
    if differ:
        raise click.ClickException(f"{file.name} was made otherwise ({', '.join(differ)}): --afresh begins again")
    return known["fits"]


def _write(file: Path, content: dict) -> None:
    """Replace the file at one stroke, so that an interrupted run leaves the fits of before."""
    draft = file.with_suffix(".part")
    draft.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    draft.replace(file)


def _short(value: float) -> float:
    return round(float(value), 6)


if __name__ == "__main__":
    main()
