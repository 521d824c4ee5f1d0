"""The event log: taken in once, corrected, late, taken back; and its digest does not depend on the way it came in."""

import numpy as np
import pandas as pd
import pytest

from bundlebook.errors import BundlebookError
from bundlebook.feedback import Busy, EventStore


def lines(*rows):
    """Events of (user, item, day, quantity, price, basket)."""
    table = pd.DataFrame(rows, columns=["user_id", "item_id", "time", "quantity", "price", "basket_id"])
    return table.assign(time=pd.to_datetime(table["time"], format="ISO8601"), event="purchase")


FIRST = lines(
    ("a", "x", "2021-03-01", 1, 2.0, "1"), ("a", "y", "2021-03-01", 2, 3.0, "1"), ("b", "x", "2021-03-02", 1, 2.0, "2")
)


def taken(store, events, name):
    with store.change():
        return store.take_in(events, name, f"digest of {name}")


@pytest.fixture
def store(tmp_path):
    with EventStore(tmp_path / "store") as held:
        taken(held, FIRST, "first")
        yield held


def test_a_file_and_its_rows_are_taken_in_once(store):
    before = store.digest()
    again = taken(store, FIRST, "first")
    assert (again.batch, again.new) == (0, 0) and store.digest() == before
    overlap = taken(store, pd.concat([FIRST[1:], lines(("c", "x", "2021-03-03", 1, 2.0, "3"))]), "overlap")
    assert (overlap.new, overlap.known, overlap.late, overlap.corrected) == (1, 2, 0, 0) and len(store) == 4


def test_twins_within_a_file_stay_two(store):
    twins = lines(*[("c", "x", "2021-03-03", 1, 2.0, "3")] * 2)
    assert taken(store, twins, "twins").new == 2
    assert taken(store, pd.concat([twins, FIRST]), "again").known == 5 and len(store) == 5


def test_a_correction_replaces_and_a_late_event_is_counted(store):
    told = taken(store, lines(("a", "y", "2021-03-01", 5, 3.0, "1"), ("d", "x", "2021-02-20", 1, 2.0, "9")), "second")
    assert (told.corrected, told.new, told.late) == (1, 1, 1)
    held = store.events(["a"])
    assert held["quantity"].tolist() == [1, 5] and len(store) == 4
    assert store.events(["a"], before=told.batch)["quantity"].tolist() == [1, 2]
    assert store.touched(told.batch) == ["a", "d"]


def test_taking_back_restores_what_was_corrected_bit_for_bit(store):
    before = store.digest()
    batch = taken(
        store, lines(("a", "y", "2021-03-01", 0, 3.0, "1"), ("c", "z", "2021-03-09", 1, 1.0, "7")), "second"
    ).batch
    assert store.digest() != before
    with store.change():
        store.take_back(batch)
    assert store.digest() == before
    assert taken(store, lines(("a", "y", "2021-03-01", 0, 3.0, "1")), "second").corrected == 1  # may come again


def test_the_digest_depends_on_what_holds_and_on_nothing_else(tmp_path):
    rng = np.random.default_rng(0)
    rows = [
        (f"u{i % 7}", f"i{i % 5}", f"2021-03-{1 + i % 28:02d}", int(rng.integers(1, 4)), 1.5, str(i)) for i in range(60)
    ]
    every, digests = lines(*rows), []
    for number, order in enumerate([np.arange(60), rng.permutation(60), rng.permutation(60)]):
        with EventStore(tmp_path / str(number)) as store:
            for part in np.array_split(order, number + 1):
                taken(store, every.iloc[part], f"part {part[0]}")
            digests.append(store.digest())
    assert len(set(digests)) == 1


def test_missing_text_and_prices_come_back_as_they_were(tmp_path):
    table = lines(("a", "x", "2021-03-01 10:11:12.123456", 1, np.nan, None), ("b", None, "2021-03-02", 1.5, 2.0, "2"))
    table.loc[1, "event"] = "search"
    with EventStore(tmp_path) as store:
        taken(store, table, "first")
        held = store.events()
        assert held["price"].isna().tolist() == [True, False] and held["basket_id"].isna().tolist() == [True, False]
        assert held["item_id"].isna().tolist() == [False, True] and held["quantity"].tolist() == [1.0, 1.5]
        assert held["time"].tolist() == table["time"].tolist() and held["item_id"].dtype == "str"
        assert taken(store, table.iloc[::-1], "again").known == 2


def by_day(*rows):
    """Events of (user, item, day, quantity) in a shop that knows no baskets and no times."""
    return lines(*[(*row, 2.0, None) for row in rows]).drop(columns="basket_id")


DAY = by_day(*[(user, item, "2021-03-01", 1) for user in "abc" for item in "xy"])


def test_what_may_be_a_second_purchase_of_a_day_is_counted_as_unclear(tmp_path):
    with EventStore(tmp_path) as store:
        assert taken(store, DAY, "morning").unclear == 0 and store.days_only()
        evening = by_day(("a", "x", "2021-03-01", 1), ("b", "y", "2021-03-01", 3), ("c", "z", "2021-03-01", 1))
        told = taken(store, evening, "evening")
        assert (told.known, told.corrected, told.new, told.unclear) == (1, 1, 1, 2)
        assert "2 of these unclear" in str(told)
        assert store.events(["b"])["quantity"].tolist() == [1, 3] and len(store) == 7  # read as the same purchase


def test_a_day_that_is_said_again_is_no_second_purchase(tmp_path):
    with EventStore(tmp_path) as store:
        taken(store, DAY, "first")
        whole = pd.concat(
            [DAY.assign(quantity=DAY["quantity"] + (DAY["user_id"] == "b")), by_day(("d", "x", "2021-03-01", 1))]
        )
        told = taken(store, whole, "the whole day again")
        assert (told.known, told.corrected, told.new, told.unclear) == (4, 2, 1, 0)
        taken(store, by_day(("a", "x", "2021-03-02", 1)), "a day of one line")
        assert taken(store, by_day(("a", "x", "2021-03-02", 2)), "again").unclear == 1  # all of it, and says nothing


@pytest.mark.parametrize("told_by", ["basket_id", "session_id", "time"])
def test_a_basket_a_session_or_a_time_tells_second_purchases_apart(tmp_path, told_by):
    first, second = by_day(("a", "x", "2021-03-01", 1)), by_day(("a", "x", "2021-03-01", 1))
    if told_by == "time":
        first["time"] += pd.Timedelta(hours=9)
        second["time"] += pd.Timedelta(hours=18)
    else:
        first[told_by], second[told_by] = "1", "2"
    with EventStore(tmp_path) as store:
        taken(store, first, "first")
        told = taken(store, second, "second")
        assert (told.new, told.unclear) == (1, 0) and len(store) == 2 and not store.days_only()
        if told_by != "time":  # a row whose cell is blank is known by its day alone
            blank = second.assign(**{told_by: pd.Series([None], dtype=object)})
            assert (
                taken(store, blank, "third").new == 1 and taken(store, pd.concat([blank, blank]), "fourth").unclear == 2
            )


def test_an_error_inside_a_change_leaves_nothing(store):
    before = store.digest(), len(store.batches())
    with pytest.raises(RuntimeError), store.change():
        store.take_in(lines(("z", "z", "2021-03-09", 1, 1.0, "7")), "second", "second")
        raise RuntimeError
    assert (store.digest(), len(store.batches())) == before


def test_a_store_lets_one_run_in(store):
    with pytest.raises(Busy, match="another run"):
        EventStore(store.folder)


def test_a_column_that_is_gone_and_a_damaged_file_are_refused(store, tmp_path):
    with pytest.raises(BundlebookError, match="'price' is missing"):
        taken(store, FIRST.drop(columns="price"), "second")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "events.duckdb").write_bytes(b"no database" * 999)
    with pytest.raises(BundlebookError, match="cannot be read"):
        EventStore(tmp_path / "other")
    with pytest.raises(BundlebookError, match="no event store"):
        EventStore(tmp_path / "none", create=False)


def test_no_byte_of_a_forgotten_user_is_left(tmp_path):
    name = "somebody-who-wants-to-be-forgotten"
    aside = pd.DataFrame({"row": [7], "column": "user_id", "value": name, "reason": "why"})
    with EventStore(tmp_path) as store:
        with store.change():
            store.take_in(pd.concat([FIRST, lines((name, "x", "2021-03-01", 1, 2.0, "8"))]), "first", "first", aside)
        with store.change():
            assert store.forget(name, "user-0") == {"events": 1, "rows set aside": 1}
        store.rewrite()
        assert len(store) == 3 and store.forgotten() == {"user-0"} and store.aside().empty
    assert not any(name.encode() in file.read_bytes() for file in tmp_path.iterdir())
