import pytest

from live_code.errors import ConfigError
from live_code.tools import sizes


@pytest.mark.parametrize(("text", "size"), [("1000", 1000), ("2k", 2048), ("1.5G", 1610612736), ("1GiB", 1 << 30)])
def test_a_size_is_read(text, size):
    assert sizes.parse(text) == size


@pytest.mark.parametrize("text", ["", "G", "much", "1X"])
def test_a_size_that_is_none_is_an_error(text):
    with pytest.raises(ConfigError):
        sizes.parse(text)
