"""A trained network on disk: ``.keras``, ``.npz`` and ``.json`` files only, nothing that runs code when it is read."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from bundlebook.errors import BundlebookError
from bundlebook.recommenders._keras import import_keras

#: The file that is written last and names the others: what it does not name is not there.
STATE = "recommender.json"


def write(folder: Path, network: Any, state: dict[str, Any], snapshots: list[list[np.ndarray]]) -> None:
    """Write a network and its state so that an interruption at any moment leaves the earlier ones readable.

    Parameters
    ----------
    folder : Path
        Made if need be.
    network : keras.Model
    state : dict
        JSON-serialisable.
    snapshots : list of list of ndarray
        The weights after each epoch.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    files = {"network": f"network-{len(snapshots):03d}.keras", "snapshots": f"epochs-{len(snapshots):03d}.npz"}
    network.save(folder / files["network"])
    arrays = {f"{epoch}/{i}": weight for epoch, weights in enumerate(snapshots) for i, weight in enumerate(weights)}
    np.savez(folder / files["snapshots"], **arrays)
    draft = folder / f"{STATE}.draft"
    draft.write_text(json.dumps(state | {"files": files}, ensure_ascii=False), encoding="utf-8")
    draft.replace(folder / STATE)
    for old in [*folder.glob("network-*.keras"), *folder.glob("epochs-*.npz")]:
        if old.name not in files.values():
            old.unlink()


def read(folder: Path) -> tuple[Any, dict[str, Any], list[list[np.ndarray]]]:
    """Read what :func:`write` wrote: network, state, snapshots.

    Raises
    ------
    BundlebookError
        If the folder holds no recommender, or a damaged one.
    """
    keras = import_keras()
    from bundlebook.recommenders import _networks  # noqa: F401  (registers the layers)

    folder = Path(folder)
    try:
        state = json.loads((folder / STATE).read_text(encoding="utf-8"))
        network = keras.saving.load_model(folder / state["files"]["network"])
        with np.load(folder / state["files"]["snapshots"], allow_pickle=False) as arrays:
            snapshots: list[list[np.ndarray]] = []
            for name in arrays.files:
                if int(name.split("/")[0]) == len(snapshots):
                    snapshots.append([])
                snapshots[-1].append(arrays[name])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise BundlebookError(
            f"no saved recommender could be read ({type(error).__name__})",
            where=folder.name,
            remedy="give a folder that save(folder) wrote, or fit again",
        ) from error
    return network, state, snapshots
