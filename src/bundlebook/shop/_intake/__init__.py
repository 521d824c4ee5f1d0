"""A folder of files, read into the contract of :mod:`bundlebook.shop.schema`.

- ``folder``: finds the files, judges all of them before reading one, and fits the tables together.
- ``settings``: what ``shop.yaml`` may say.
- ``rawfile``: one file's table before conversion, the check of its header and its memory, and parquet files.
- ``csvfile``: CSV files: encoding, delimiter, quotation marks, row numbers.
- ``convert``: cells into the types of the contract; rows that cannot be used are set aside with a reason.
"""
