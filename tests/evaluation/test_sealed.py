import pytest

from bundlebook.errors import BundlebookError
from bundlebook.evaluation import Sealed


def test_the_test_window_opens_once_settings_are_final(split):
    sealed = Sealed(split)
    with pytest.raises(BundlebookError, match="is sealed"):
        sealed.open()
    sealed.settle({"half-life": 30})
    digest = sealed.settle({"half-life": 90})  # nothing was read yet
    assert sealed.open("window").at == split.validation_end
    sealed.open("next_basket")
    sealed.settle({"half-life": 90})
    with pytest.raises(BundlebookError, match="read with other settings"):
        sealed.settle({"half-life": 60})
    assert sealed.readings == [f"window, settings {digest}", f"next_basket, settings {digest}"]
