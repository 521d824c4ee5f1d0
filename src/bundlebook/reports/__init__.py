"""Batches of notebooks, run with papermill and rendered to pages that need no network.

- ``run`` runs a batch: :func:`report` is what ``bundlebook report`` does; an engine of ``ENGINES`` runs the jobs.
- ``batch`` reads a batch file and checks it as a whole: the jobs, their templates and parameters.
- ``leaderboard`` judges every recommender on a shop and writes a table and a page.
- Private are the steps between: ``_identity`` (is an earlier result still true?), ``_kernels`` (one job in a kernel),
  ``_executed`` (what is kept of a notebook), ``_results`` (what is written, in one step each),
  ``_pages`` with ``_markdown``, ``_maths`` and ``_drawings`` (HTML, index, PDF), ``_progress`` (the terminal) and
  ``_dask`` (jobs on a cluster; needs the extra ``dask``).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
