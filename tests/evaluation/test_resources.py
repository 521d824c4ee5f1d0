import numpy as np
import pytest

from bundlebook.evaluation import judge


@pytest.mark.parametrize("exact", [True, False], ids=["kernel's mark", "samples"])
def test_the_peak_is_seen_also_when_it_is_over(monkeypatch, exact):
    if not exact:
        monkeypatch.setattr(judge, "_reset_high_water", lambda: False)
    elif not judge._reset_high_water():
        pytest.skip("this system keeps no high-water mark that can be set back")
    with judge._watch() as used:
        for _ in range(20):
            block = np.ones(10_000_000)  # 80 MB
            block += 1
        del block
        few = np.ones(1000)
    assert 60 < used.peak_mb < 400 and few.sum() == 1000
    assert used.cpu_seconds > 0


def test_little_is_little():
    with judge._watch() as used:
        sum(range(1000))
    assert used.peak_mb < 20
