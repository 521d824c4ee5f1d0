import pytest

from bundlebook.errors import BundlebookError
from bundlebook.evaluation import HeldOutTest


def test_the_test_window_opens_once_settings_are_final(split):
    test = HeldOutTest(split)
    with pytest.raises(BundlebookError, match="is closed"):
        test.open()
    test.settle({"half-life": 30})
    digest = test.settle({"half-life": 90})  # nothing was read yet
    assert test.open("window").at == split.validation_end
    test.open("next_basket")
    test.settle({"half-life": 90})
    with pytest.raises(BundlebookError, match="read with other settings"):
        test.settle({"half-life": 60})
    assert test.readings == [f"window, settings {digest}", f"next_basket, settings {digest}"]
