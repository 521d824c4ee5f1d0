"""A small sound folder, and folders that differ from it in one thing."""

from pathlib import Path

USER_DATA = """\
user_id,item_id,time,event,quantity,price
007,A1,2021-01-04 10:00,view,1,2.50
007,A1,2021-01-04 10:05,purchase,2,2.50
008,A2,2021-02-11 18:30,purchase,1,4
008,A3,2021-02-11 18:30,cart,1,1.25
009,A1,2021-03-01 09:15,purchase,3,2.40
"""
PRODUCT_DATA = """\
item_id,name,category,brand,price
A1,Tea,Drinks,Leaf,2.50
A2,Coffee,Drinks,Bean,4.00
A3,Sugar,Pantry,Sweet,1.25
"""
USERS = "user_id,city\n007,Lyon\n008,Paris\n"
BUNDLES = "bundle_id,item_id\nB1,A1\nB1,A3\nB2,A2\n"
BUNDLE_EVENTS = "user_id,bundle_id,time,event\n007,B1,2021-01-04,shown\n007,B1,2021-01-04,click\n"


def write_folder(folder: Path, changes: dict[str, str | bytes | None] | None = None) -> Path:
    """Write the sound files with some replaced, added, or (None) left out."""
    files = {"user_data.csv": USER_DATA, "product_data.csv": PRODUCT_DATA, **(changes or {})}
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        if content is not None:
            (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder
