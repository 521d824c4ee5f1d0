"""A folder of files, read into the contract of :mod:`bundlebook.shop.schema`.

- ``folder``: finds the files, judges all of them before reading one, and fits the tables together.
- ``settings``: what ``shop.yaml`` may say.
- ``rawfile``: one file's table before conversion, the check of its header and its memory, and parquet files.
- ``csvfile``: CSV files: encoding, delimiter, quotation marks, row numbers.
- ``convert``: cells into the types of the contract; rows that cannot be used are set aside with a reason.
- ``increments``: what a weekly run reads: the folder without its log, one file of events with the row of each.

And how a shop system's exports become such a folder (``bundlebook new``):

- ``exports``: CSV, parquet and xlsx as batches of text; ``encodings``: which encoding a CSV file has.
- ``values``: how an export writes numbers and times; ``columns``: what its columns mean.
- ``proposal``: every guess with its evidence; ``writer``: the folder, batch by batch.
"""
