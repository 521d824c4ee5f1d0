"""The sample shop: small, simulated, complete with browsing and shown bundles, and with a truth that is known.

``bundlebook sample --out FOLDER`` writes it; ``data/sample_shop`` holds the committed copy that ``load_shop("sample")``
reads. Customers walk through it visit by visit: what they look at, put into the cart, are offered and buy.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from bundlebook import paths
from bundlebook.simulator._planted import Planted, plant, truth
from bundlebook.simulator.behaviour import _draw_slates

#: Seed of the committed tables.
SAMPLE_SEED = 2021
#: Seconds between two steps of a session: at least, and less than.
_PAUSE = (5, 90)


@dataclass(frozen=True)
class _SampleShop:
    """The tables of the sample shop, in the contract, and what was planted.

    Attributes
    ----------
    events, products, users, bundles, bundle_events : DataFrame
        See :class:`bundlebook.shop.Shop`. A view or a search has quantity 0; a bundle has its ``discount`` off the sum
        of the list prices; a bundle event has the ``position`` of the slot (from 1), the ``propensity`` with which the
        bundle was drawn into it, and its ``session_id``, which an event of the same visit has too.
    planted : Planted
    """

    events: pd.DataFrame
    products: pd.DataFrame
    users: pd.DataFrame
    bundles: pd.DataFrame
    bundle_events: pd.DataFrame
    planted: Planted


def _sample_shop(seed: int = SAMPLE_SEED) -> _SampleShop:
    """Simulate the sample shop.

    A session offers four ways to buy. *Unplanned*: each item with intensity preference × season ×
    (price / list price)^elasticity, more if it was viewed last time. *Habit*: the user's regular items, the sooner
    the longer ago the last purchase. *Matching*: an item that goes with one just put in. *Bundle*: from a panel of
    offers shown in a random share of the sessions.

    Parameters
    ----------
    seed : int

    Returns
    -------
    _SampleShop
        Equal for equal seeds, on every machine with the locked version of NumPy.
    """
    planted = plant(seed)
    rng = np.random.default_rng([seed, 1])
    sessions = _sessions(planted, rng)
    panels = _panels(planted, sessions, rng)
    walk = _Walk(planted, rng)
    for session in sessions.itertuples():
        walk.visit(session, panels.get(session.Index, ()))
    events, bundle_events = walk.tables()
    members = planted.bundles.explode("columns")
    bundles = pd.DataFrame(
        {
            "bundle_id": members["bundle_id"],
            "item_id": planted.products["item_id"].to_numpy()[members["columns"].astype(int)],
            "discount": members["discount"],
        }
    ).reset_index(drop=True)
    return _SampleShop(events, planted.products, planted.users, bundles, bundle_events, planted)


def _sessions(planted: Planted, rng: np.random.Generator) -> pd.DataFrame:
    """Draw the visits: ``user`` (row), ``week``, ``start`` (seconds since the first day); sorted by start."""
    plan = planted.plan
    monday = np.datetime64(plan["first_day"], "D") + 7 * np.arange(plan["weeks"])
    busy = np.array([plan["campaign_weeks"].get(str(day), 1.0) for day in monday])
    spread = plan["sessions"]["spread"]
    rate = plan["sessions"]["per_week"] * np.exp(rng.normal(-(spread**2) / 2, spread, plan["users"]))
    here = planted.users["joined"].to_numpy()[:, None] <= monday[None, :]
    count = rng.poisson(rate[:, None] * busy * here)
    user, week = np.nonzero(count)
    user, week = np.repeat(user, count[user, week]), np.repeat(week, count[user, week])
    weekday, hour = np.array(plan["weekday"]), np.array(plan["hour"], dtype=float)
    day = rng.choice(7, len(user), p=weekday / weekday.sum())
    second = rng.choice(24, len(user), p=hour / hour.sum()) * 3600 + rng.integers(3600, size=len(user))
    start = (7 * week + day) * 86400 + second
    sessions = pd.DataFrame({"user": user, "week": week, "start": start})
    return sessions.sort_values(["start", "user"], kind="stable", ignore_index=True)


def _panels(planted: Planted, sessions: pd.DataFrame, rng: np.random.Generator) -> dict[int, list[tuple]]:
    """For a random share of the sessions: (bundle, propensity, clicked, bought) in the order of the slots."""
    panel = planted.plan["panel"]
    shown = np.flatnonzero(rng.random(len(sessions)) < panel["share"])
    user = sessions["user"].to_numpy()[shown]
    chosen, propensity = _draw_slates(panel["policy_taste"] * planted.taste[user], panel["slots"], rng)
    # The matrices differ from slot to slot only by the factor of position bias.
    attraction, position = planted.click(1)[user[:, None], chosen], np.array(panel["position"])
    clicked = rng.random(chosen.shape) < attraction * position / position[0]
    bought = clicked & (rng.random(chosen.shape) < planted.buy()[user[:, None], chosen])
    rows = zip(chosen.tolist(), propensity.tolist(), clicked.tolist(), bought.tolist(), strict=True)
    return {int(s): list(zip(*row, strict=True)) for s, row in zip(shown, rows, strict=True)}


class _Walk:
    """The customers' memory while the sessions go by in the order of time, and the log of what they do."""

    def __init__(self, planted: Planted, rng: np.random.Generator) -> None:
        self.planted, self.rng, plan = planted, rng, planted.plan
        n_users, n_items = planted.preference.shape
        products = planted.products
        self.user_ids, self.item_ids = planted.users["user_id"].tolist(), products["item_id"].tolist()
        self.list_price = products["price"].to_numpy()
        self.price = np.round(self.list_price[:, None] * (1 - planted.depth), 2)
        self.demand = (self.price / self.list_price[:, None]) ** planted.elasticity[:, None]
        self.type_of = products["product_type"].to_numpy()
        self.columns = {name: np.flatnonzero(self.type_of == name) for name in plan["types"]}
        self.consumable = np.array(["gap" in plan["types"][name] for name in self.type_of])
        self.matching: dict[str, list[tuple[str, float]]] = {}
        for first, second, probability in plan["complements"]:
            self.matching.setdefault(first, []).append((second, probability))
        self.viewed = np.zeros((n_users, n_items), dtype=bool)
        self.owned = np.zeros((n_users, n_items), dtype=bool)
        # Habits began before the log does, somewhere within their first gap.
        self.due = [{item: float(-gap * rng.random()) for item, gap in habits.items()} for habits in planted.habits]
        self.log: list[tuple] = []
        self.bundle_log: list[tuple] = []
        self.n_baskets = 0

    def visit(self, session, panel) -> None:
        """Let one user act: look at the panel, fill the basket, look around, pay."""
        user, week = session.user, session.week
        in_bundle, clock = self._panel(session, panel)
        basket = dict.fromkeys(self._habitual(user, session), "habit")
        for item in self._unplanned(user, week):
            basket.setdefault(item, "unplanned")
        for item in in_bundle:
            basket[item] = "bundle"
        for item in self._matching(user, list(basket)):
            basket.setdefault(item, "matching")
        self._write(session, clock, basket, self._looked_at(user, week, basket), in_bundle)

    def _panel(self, session, panel) -> tuple[dict[int, float], int]:
        """Log the offers; return the items of what was bought with their price in the bundle, and the time then."""
        prices: dict[int, float] = {}
        bundles, clock = self.planted.bundles, session.start

        def row(event: str, slot: int) -> tuple:
            bundle, propensity = panel[slot - 1][:2]
            offer = (self.user_ids[session.user], bundles["bundle_id"][bundle])
            return (*offer, clock, event, slot, round(propensity, 5), _session_id(session))

        self.bundle_log += [row("shown", slot) for slot in range(1, len(panel) + 1)]
        for slot, (bundle, _, clicked, bought) in enumerate(panel, start=1):
            for event, happened in (("click", clicked), ("purchase", bought)):
                if happened:
                    clock += self._pause()
                    self.bundle_log.append(row(event, slot))
            if bought:
                for item in bundles["columns"][bundle]:
                    offer = round(float(self.list_price[item] * (1 - bundles["discount"][bundle])), 2)
                    prices[item] = min(offer, float(self.price[item, session.week]))
        return prices, clock

    def _habitual(self, user: int, session) -> list[int]:
        setting = self.planted.plan["habits"]
        now = session.start / 86400
        chosen = []
        for item, gap in self.planted.habits[user].items():
            elapsed = now - self.due[user][item]
            probability = setting["height"] * min(1.0, (elapsed / gap) ** 2) * self.demand[item, session.week]
            if self.rng.random() < probability:
                self.due[user][item] = now
                loyal = self.rng.random() < setting["loyalty"]
                chosen.append(item if loyal else self._pick(user, self.type_of[item]))
        return chosen

    def _unplanned(self, user: int, week: int) -> np.ndarray:
        setting, planted = self.planted.plan["discovery"], self.planted
        factor = np.where(self.viewed[user], setting["after_view"], 1.0)
        factor = np.where(self.owned[user] & ~self.consumable, setting["owned"] * factor, factor)
        intensity = planted.preference[user] * planted.wave[:, week] * self.demand[:, week] * factor
        return np.flatnonzero(self.rng.random(len(intensity)) < -np.expm1(-intensity))

    def _matching(self, user: int, queue: list[int]) -> list[int]:
        """Draw what goes with the basket, and with what was added for that reason."""
        types, added = {self.type_of[item] for item in queue}, []
        for item in queue:
            for partner, probability in self.matching.get(self.type_of[item], ()):
                if partner not in types and self.rng.random() < probability:
                    types.add(partner)
                    added.append(self._pick(user, partner))
                    queue.append(added[-1])
        return added

    def _pick(self, user: int, product_type: str) -> int:
        columns = self.columns[product_type]
        weight = self.planted.preference[user, columns]
        return int(self.rng.choice(columns, p=weight / weight.sum()))

    def _looked_at(self, user: int, week: int, basket: dict) -> list[int]:
        """Items viewed and not bought; they are wanted more in the next session."""
        weight = self.planted.preference[user] * self.planted.wave[:, week] * self.demand[:, week]
        number = self.rng.poisson(self.planted.plan["browsing"]["extra"])
        drawn = self.rng.choice(len(weight), number, p=weight / weight.sum()) if number else ()
        return [int(item) for item in dict.fromkeys(drawn) if item not in basket]

    def _write(self, session, clock: int, basket: dict, looked_at: list[int], in_bundle: dict[int, float]) -> None:
        trace, rng = self.planted.plan["browsing"], self.rng
        user, week = session.user, session.week
        steps = []
        for item, why in basket.items():
            habit, bundle = why == "habit", why == "bundle"
            if not bundle and rng.random() < trace["habit" if habit else "discovery"]:
                steps.append(("search" if rng.random() < trace["search"] else "view", item, 0))
            if rng.random() < trace["habit_cart" if habit else "cart"]:
                steps.append(("cart", item, 1))
        for item in looked_at:
            steps.append(("search" if rng.random() < trace["search"] else "view", item, 0))
            if rng.random() < trace["abandoned"]:
                steps.append(("cart", item, 1))
        self.viewed[user] = False
        self.viewed[user, looked_at] = True
        for event, item, quantity in steps:
            clock += self._pause()
            self._log(session, item, clock, event, quantity, self.price[item, week], "")
        if basket:
            self.n_baskets += 1
            clock += self._pause()
            for item in sorted(basket):
                self.owned[user, item] = True
                several = self.consumable[item] and basket[item] != "bundle"
                quantity = 1 + int(rng.poisson(0.25)) if several else 1
                price = in_bundle.get(item, self.price[item, week])
                self._log(session, item, clock, "purchase", quantity, price, f"K{self.n_baskets:05d}")

    def _log(self, session, item, clock, event, quantity, price, basket_id) -> None:
        who_and_what, list_price = (self.user_ids[session.user], self.item_ids[item]), self.list_price[item]
        self.log.append((*who_and_what, clock, event, quantity, price, list_price, basket_id, _session_id(session)))

    def _pause(self) -> int:
        """Seconds until the next step."""
        return int(self.rng.integers(*_PAUSE))

    def tables(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Events and bundle events in the order of time."""
        names = ["user_id", "item_id", "time", "event", "quantity", "price", "list_price", "basket_id", "session_id"]
        bundle_names = ["user_id", "bundle_id", "time", "event", "position", "propensity", "session_id"]
        first = np.datetime64(self.planted.plan["first_day"], "s")
        tables = []
        for log, columns in ((self.log, names), (self.bundle_log, bundle_names)):
            table = pd.DataFrame(log, columns=columns).sort_values("time", kind="stable", ignore_index=True)
            tables.append(table.assign(time=first + table["time"].to_numpy().astype("timedelta64[s]")))
        return tuple(tables)


def _session_id(session) -> str:
    return f"S{session.Index + 1:05d}"


def write_sample(folder: Path, seed: int = SAMPLE_SEED) -> list[Path]:
    """Simulate the sample shop and write it into a folder that ``load_shop`` reads.

    Parameters
    ----------
    folder : Path
        Made if it does not exist; files of the same names are replaced.
    seed : int

    Returns
    -------
    list of Path
        Five tables, ``shop.yaml`` and ``truth.json``. The same seed gives the same bytes.
    """
    paths.check_writable(folder)
    shop = _sample_shop(seed)
    tables = {
        "user_data.csv": shop.events,
        "product_data.csv": shop.products,
        "users.csv": shop.users,
        "bundles.csv": shop.bundles,
        "bundle_events.csv": shop.bundle_events,
    }
    texts = {name: table.to_csv(index=False, lineterminator="\n") for name, table in tables.items()}
    settings = shop.planted.plan["shop"]
    texts["shop.yaml"] = yaml.safe_dump(
        {**settings, "local_timezone": settings["timezone"], "simulated": True}, allow_unicode=True
    )
    texts["truth.json"] = _one_entry_a_line(truth(shop.planted, seed))
    for name, text in texts.items():
        (folder / name).write_bytes(text.encode("utf-8"))
    return [folder / name for name in texts]


def _one_entry_a_line(entries: dict) -> str:
    """JSON that shows a small difference as a small diff."""
    lines = []
    for key, value in entries.items():
        if isinstance(value, dict) and len(value) > 6:
            inner = ",\n".join(f"  {json.dumps(str(k))}: {json.dumps(v)}" for k, v in value.items())
            lines.append(f"{json.dumps(key)}: {{\n{inner}\n}}")
        else:
            lines.append(f"{json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"
