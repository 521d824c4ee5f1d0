"""A folder of pairs is read as it is, or one message says which line is wrong; closed forms equal their definitions."""

import numpy as np
import pytest
from scipy import sparse

from bundlebook.errors import BundlebookError
from bundlebook.evaluation import benchmark_leaks
from bundlebook.graphs import BundleData, CrossView, UserSideEASE, graph_filter, load_bundle_data, standardised

USERS, BUNDLES, ITEMS = 60, 20, 40


def lines(matrix):
    return "".join(f"{row}\t{column}\n" for row, column in zip(*matrix.nonzero(), strict=True))


def write(folder, seed=0):
    """Users of four tastes take bundles of their taste."""
    rng = np.random.default_rng(seed)
    taste, kind = np.arange(USERS) % 4, np.arange(BUNDLES) % 4
    part = rng.integers(0, 4, (USERS, BUNDLES))
    takes = (taste[:, None] == kind[None]) & (rng.random((USERS, BUNDLES)) < 0.9)
    takes[np.arange(USERS), taste] = True
    part[np.arange(USERS), taste] = 0  # everybody has a training pair
    parts = {"train": takes & (part < 2), "tune": takes & (part == 2), "test": takes & (part == 3)}
    content = (np.arange(ITEMS)[None] % 4 == kind[:, None]) & (rng.random((BUNDLES, ITEMS)) < 0.5)
    own = (np.arange(ITEMS)[None] % 4 == taste[:, None]) & (rng.random((USERS, ITEMS)) < 0.2)
    (folder / "Toy_data_size.txt").write_text(f"{USERS}\t{BUNDLES}\t{ITEMS}\t")
    for name, matrix in parts.items():
        (folder / f"user_bundle_{name}.txt").write_text(lines(matrix))
    (folder / "user_item.txt").write_text(lines(own))
    (folder / "bundle_item.txt").write_text(lines(content))
    return parts, own, content


def test_a_folder_is_read_as_it_is(tmp_path):
    parts, own, content = write(tmp_path)
    with (tmp_path / "user_item.txt").open("a") as file:
        file.write(lines(own).splitlines()[0] + "\n")
    data = load_bundle_data(tmp_path)
    assert data.shape == (USERS, BUNDLES, ITEMS) and data.repeated["user_item.txt"] == 1
    np.testing.assert_array_equal(data.user_item.toarray(), own)
    np.testing.assert_array_equal(data.bundle_item.toarray(), content)
    for name, matrix in parts.items():
        np.testing.assert_array_equal(data.user_bundle[name].toarray(), matrix)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("user_item.txt", "0,3\n", r"user_item.txt, line 1: '0,3' is not two numbers"),
        ("user_item.txt", "user\titem\n0\t1\n", r"user_item.txt, line 1: 'user\\titem' is not two numbers"),
        ("bundle_item.txt", "0\t1\n3\n", r"bundle_item.txt, line 2: '3' is not two numbers"),
        ("bundle_item.txt", "0\t1\n1\t40\n", r"bundle_item.txt, line 2: unknown item 40: there are 40"),
        ("user_bundle_train.txt", "60\t1\n", r"user_bundle_train.txt, line 1: unknown user 60"),
        ("user_bundle_tune.txt", "", r"user_bundle_tune.txt: no pair"),
        ("user_bundle_test.txt", None, r"user_bundle_test.txt: the file is missing"),
        ("Toy_data_size.txt", "60\t20\n", r"Toy_data_size.txt: holds \['60', '20'\]"),
        ("Toy_data_size.txt", None, r"0 files \*_data_size.txt"),
    ],
)
def test_a_broken_file_is_one_message_with_file_and_line(tmp_path, file, text, message):
    write(tmp_path)
    if text is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_text(text)
    with pytest.raises(BundlebookError, match=message) as error:
        load_bundle_data(tmp_path)
    assert error.value.remedy


def test_a_pair_in_two_parts_is_refused(tmp_path):
    write(tmp_path)
    train = (tmp_path / "user_bundle_train.txt").read_text()
    with (tmp_path / "user_bundle_test.txt").open("a") as file:
        file.write(train.splitlines()[0] + "\n")
    with pytest.raises(BundlebookError, match=r"user_bundle_test.txt: 1 pairs stand in train too, first: user 0"):
        load_bundle_data(tmp_path)


def test_a_planted_leak_is_found_and_an_honest_data_set_is_not_accused():
    rng, users, bundles = np.random.default_rng(0), 200, 60
    part = rng.integers(0, 3, (users, bundles))
    takes = rng.random((users, bundles)) < 0.04
    parts = {name: sparse.csr_matrix(takes & (part == k)) for k, name in enumerate(("train", "tune", "test"))}
    content = np.repeat(np.eye(bundles, dtype=bool), 5, axis=1)  # five items each, none shared
    honest = rng.random((users, content.shape[1])) < 0.05
    for own, leak in ((honest, False), (honest | (takes @ content), True)):
        data = BundleData(parts, sparse.csr_matrix(own), sparse.csr_matrix(content), {})
        table = benchmark_leaks(data, k=5)
        assert table.index.tolist() == ["train", "tune", "test"]
        assert (table["leak"] == leak).all() and (table["complete"] == 1).all() == leak


def test_the_user_side_solution_is_ease_with_further_columns(tmp_path):
    write(tmp_path)
    data = load_bundle_data(tmp_path)
    users = np.flatnonzero(np.diff(data.user_bundle["train"].indptr))
    plain = UserSideEASE(3.0, 0, 0, 0, 0, 0, 0).scores(data, users)
    x = data.user_bundle["train"][users].toarray()

    def item_side(x, l2):
        p = np.linalg.inv(x.T @ x + l2 * np.eye(x.shape[1]))
        weights = np.eye(len(p)) - p / np.diag(p)
        return x @ weights

    wanted = item_side(x, 3.0)[:, :BUNDLES] - x  # X itself is left out
    np.testing.assert_allclose(plain, standardised(wanted), atol=1e-8)
    # With a kernel: as if √w times the users' item profiles were further columns of X.
    own = data.user_item.toarray()
    idf = np.log(USERS / np.maximum(own.sum(axis=0), 1))
    profile = own * idf
    profile /= np.maximum(np.linalg.norm(profile, axis=1, keepdims=True), 1e-12)
    wide = np.hstack([x, np.sqrt(2.0) * profile[users]])
    wanted = item_side(wide, 3.0)[:, :BUNDLES] - x
    found = UserSideEASE(3.0, 2.0, 0, 0, 0, 0, 0).scores(data, users)
    np.testing.assert_allclose(found, standardised(wanted), atol=1e-8)


def test_the_filter_with_all_singular_vectors_is_smoothing_plus_the_row():
    x = sparse.random(12, 8, 0.4, random_state=1, data_rvs=lambda n: np.ones(n)).tocsr()
    dense = x.toarray()
    of_row, of_column = (np.sqrt(np.maximum(dense.sum(axis=axis), 1)) for axis in (1, 0))
    scaled = dense / of_row[:, None] / of_column
    found = graph_filter(x, 7, 0.0, seed=0)
    np.testing.assert_allclose(found, x @ scaled.T @ scaled)
    with pytest.raises(BundlebookError, match="rank 8 of a matrix"):
        graph_filter(x, 8, seed=0)


def test_a_network_with_two_views_finds_the_tastes_and_keeps_its_best_epoch(tmp_path):
    write(tmp_path)
    data = load_bundle_data(tmp_path)
    users = np.arange(USERS)
    tune = data.user_bundle["tune"].toarray() > 0
    seen = data.user_bundle["train"].toarray() > 0

    def judge(scores):
        order = np.argsort(-np.where(seen, -np.inf, scores), axis=1)[:, :5]
        return np.take_along_axis(tune, order, axis=1).sum() / tune.sum()

    settings = {"width": 8, "rate": 0.05, "epochs": 20, "batch": 32, "every": 5, "seed": 1}
    for own in (True, False):
        network = CrossView(own=own, **settings).fit(data, users, judge)
        assert list(network.curve_) == [5, 10, 15, 20]
        assert judge(network.scores_) == max(network.curve_.values()) > 0.8
        again = CrossView(own=own, **settings).fit(data, users, judge)
        np.testing.assert_allclose(network.scores_, again.scores_)
    empty = np.flatnonzero(np.diff(data.user_bundle["tune"].indptr) == 0)
    assert len(empty) < USERS
    data.user_bundle["train"] = sparse.diags((np.arange(USERS) > 0).astype(float)) @ data.user_bundle["train"]
    data.user_bundle["train"].eliminate_zeros()
    with pytest.raises(BundlebookError, match="user 0 has no training pair"):
        CrossView(**settings).fit(data, users, judge)
