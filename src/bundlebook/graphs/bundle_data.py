"""Bundle data sets in the format of the papers: a folder of pairs of numbers, one pair a line, split by tabs."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse

from bundlebook.errors import BundlebookError

#: Parts of the users' bundles, in order.
PARTS = ("train", "tune", "test")


@dataclass(frozen=True, eq=False)
class BundleData:
    """Who took which bundle, who bought which item, and what the bundles hold. All matrices hold 0 and 1.

    Attributes
    ----------
    user_bundle : dict of str to csr_matrix, shape (n_users, n_bundles)
        ``"train"``, ``"tune"``, ``"test"``; no pair stands in two of them.
    user_item : csr_matrix, shape (n_users, n_items)
    bundle_item : csr_matrix, shape (n_bundles, n_items)
    repeated : dict of str to int
        Lines of each file that repeat an earlier one. They count once.
    """

    user_bundle: dict[str, sparse.csr_matrix]
    user_item: sparse.csr_matrix
    bundle_item: sparse.csr_matrix
    repeated: dict[str, int]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Users, bundles, items."""
        return (*self.user_bundle["train"].shape, self.user_item.shape[1])


def load_bundle_data(folder: str | Path) -> BundleData:
    """Read a folder in the format of BGCN and CrossCBR, for example Youshu or NetEase.

    Parameters
    ----------
    folder : path
        With ``NAME_data_size.txt`` (users, bundles, items), ``user_bundle_train.txt``, ``user_bundle_tune.txt``,
        ``user_bundle_test.txt``, ``user_item.txt`` and ``bundle_item.txt``: two numbers a line, from 0 on, split by a
        tab, without a header.

    Returns
    -------
    BundleData

    Raises
    ------
    BundlebookError
        If a file is missing or empty, a line is not two whole numbers, a number is not below the size that the folder
        names, or a pair stands in two parts. The message tells the file and the line.
    """
    folder = Path(folder)
    sizes = sorted(folder.glob("*_data_size.txt"))
    if len(sizes) != 1:
        problem = f"{len(sizes)} files *_data_size.txt" if folder.is_dir() else "the folder does not exist"
        raise BundlebookError(problem, where=str(folder), remedy="give the folder of one data set, such as Youshu's")
    words = sizes[0].read_text(encoding="utf-8").split()
    if len(words) != 3 or not all(word.isdecimal() and int(word) > 0 for word in words):
        raise BundlebookError(f"holds {words[:4]}", where=sizes[0].name, remedy="users, bundles, items: 3 numbers")
    users, bundles, items = map(int, words)
    repeated: dict[str, int] = {}
    parts = {
        part: _matrix(folder / f"user_bundle_{part}.txt", (users, bundles), ("user", "bundle"), repeated)
        for part in PARTS
    }
    for earlier, later in (("train", "tune"), ("train", "test"), ("tune", "test")):
        shared = parts[earlier].multiply(parts[later]).tocoo()
        if shared.nnz:
            problem = f"{shared.nnz} pairs stand in {earlier} too, first: user {shared.row[0]}, bundle {shared.col[0]}"
            raise BundlebookError(problem, where=f"user_bundle_{later}.txt", remedy="keep each pair in one part")
    own = _matrix(folder / "user_item.txt", (users, items), ("user", "item"), repeated)
    content = _matrix(folder / "bundle_item.txt", (bundles, items), ("bundle", "item"), repeated)
    return BundleData(parts, own, content, repeated)


def _matrix(file: Path, shape: tuple[int, int], names: tuple[str, str], repeated: dict[str, int]) -> sparse.csr_matrix:
    """Read pairs of numbers as a matrix of 0 and 1."""
    if not file.exists():
        raise BundlebookError("the file is missing", where=file.name, remedy=f"put it into {file.parent}")
    lines = file.read_text(encoding="utf-8").splitlines()
    pairs = np.zeros((len(lines), 2), dtype=np.int64)
    for number, line in enumerate(lines, start=1):
        words = line.split("\t")
        if len(words) != 2 or not all(word.strip().isdecimal() for word in words):
            remedy = f"write a {names[0]} and a {names[1]} with one tab between them, and no header"
            raise BundlebookError(
                f"{line[:40]!r} is not two numbers", where=f"{file.name}, line {number}", remedy=remedy
            )
        pairs[number - 1] = int(words[0]), int(words[1])
    if not len(pairs):
        raise BundlebookError("no pair", where=file.name, remedy="an empty graph teaches nothing; check the export")
    outside = np.flatnonzero((pairs >= shape).any(axis=1))
    if len(outside):
        row = outside[0]
        which = 0 if pairs[row, 0] >= shape[0] else 1
        problem = f"unknown {names[which]} {pairs[row, which]}: there are {shape[which]:,}"
        raise BundlebookError(
            problem, where=f"{file.name}, line {row + 1}", remedy="numbers run from 0 on; check the sizes"
        )
    matrix = sparse.csr_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=shape)
    repeated[file.name] = len(pairs) - matrix.nnz
    matrix.data[:] = 1
    return matrix
