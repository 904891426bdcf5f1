"""The container's variables: one table, read once into typed values."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live_code.errors import ConfigError
from live_code.stages.record.serialize import plain
from live_code.tools import settings
from live_code.tools.settings import table
from live_code.tools.settings.table import File

PACKAGE = Path(settings.__file__).parents[2]
NAMES = [variable.name for variable in table.VARIABLES]


def test_all_variables_that_are_read_anywhere_stand_in_the_table() -> None:
    """And none besides them."""
    texts = [path.read_text() for path in PACKAGE.rglob("*.py") if path.name != "table.py"]
    assert {name for text in texts for name in re.findall(r'"(LIVE_CODE_[A-Z_]+)"', text)} == set(NAMES)


def test_each_variable_has_a_meaning_and_a_default_in_its_form() -> None:
    for variable in table.VARIABLES:
        assert variable.meaning
        variable.form(variable.default, variable.name)


def test_a_variable_that_nobody_reads_is_named_with_the_nearest_that_is_read() -> None:
    environ = {"LIVE_CODE_STORE": "/a", "LIVE_CODE_ALOWED_REPOS": "s3cret", "LIVE_CODE_XYZ": "", "HOME": "/"}
    assert settings.unknown(environ) == [
        "nobody reads the variable LIVE_CODE_ALOWED_REPOS; is LIVE_CODE_ALLOWED_REPOS meant?",
        "nobody reads the variable LIVE_CODE_XYZ",
    ]


def test_an_empty_container_has_the_defaults() -> None:
    empty = settings.read({})
    assert (empty.git.deadline_s, empty.git.max_checkout_gb, empty.git.user) == (30, 20, "oauth2")
    assert (empty.git.allow_local, empty.git.verify_signature, empty.git.allowed_repos) == (None, False, ())
    assert (empty.store.folder, empty.store.user_cache, empty.gpus, empty.path) == ("", "", None, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LIVE_CODE_GIT_DEADLINE_S", "soon"),
        ("LIVE_CODE_GIT_DEADLINE_S", "-1"),
        ("LIVE_CODE_GIT_DEADLINE_S", "nan"),
        ("LIVE_CODE_MAX_CHECKOUT_GB", "20G"),
        ("LIVE_CODE_VERIFY_SIGNATURE", "maybe"),
        ("LIVE_CODE_ALLOW_LOCAL", "sometimes"),
        ("LIVE_CODE_SSH_TRUST_FIRST", "y e s"),
        ("LIVE_CODE_ALLOWED_REPOS", "https://git.example.com/team/*"),
        ("LIVE_CODE_ALLOWED_REPOS", "git.example.com, other.example.com"),
    ],
)
def test_a_value_that_is_not_in_its_form_is_an_error_that_names_the_variable(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name) as caught:
        settings.read({name: value})
    assert caught.value.hint
    assert list(settings.problems({name: value, "LIVE_CODE_STORE": "/a"})) == [name]


def test_all_values_that_are_wrong_are_told_at_once() -> None:
    wrong = {"LIVE_CODE_GIT_DEADLINE_S": "soon", "LIVE_CODE_ALLOW_LOCAL": "?"}
    assert settings.problems(wrong).keys() == wrong.keys()


def test_a_task_is_known_though_a_setting_is_wrong() -> None:
    environ = {"DEFAULT_ENV_FILE_PATH": "/in/e.yaml", "LIVE_CODE_GIT_DEADLINE_S": "soon"}
    assert settings.task_files(environ).env_file == "/in/e.yaml"


@pytest.mark.parametrize(("value", "local"), [("1", True), (" Yes ", True), ("0", False), ("off", False), ("", None)])
def test_a_switch_is_on_off_or_not_set(value: str, local: bool | None) -> None:
    assert settings.read({"LIVE_CODE_ALLOW_LOCAL": value}).git.allow_local is local


def test_a_file_keeps_the_variable_that_names_it() -> None:
    environ = {"SSL_CERT_FILE": "/other.pem", "LIVE_CODE_CA_FILE": "/ca.pem", "LIVE_CODE_GIT_TOKEN_FILE": "/token"}
    found = settings.read(environ)
    assert found.git.ca == File("/ca.pem", "LIVE_CODE_CA_FILE")
    assert found.git.token_file == File("/token", "LIVE_CODE_GIT_TOKEN_FILE")
    assert settings.read({"SSL_CERT_FILE": "/other.pem"}).git.ca == File("/other.pem", "SSL_CERT_FILE")


def test_the_nearest_index_is_the_default_and_all_are_known_with_their_logins() -> None:
    found = settings.read({"PIP_INDEX_URL": "https://a:b@pip/simple", "UV_INDEX_URL": "https://uv/simple"}).packages
    assert found.default_index == "https://uv/simple"
    assert found.index_urls == ("https://uv/simple", "https://a:b@pip/simple")


def test_a_comma_in_an_indexs_password_is_no_end_of_its_url() -> None:
    found = settings.read(
        {"PIP_INDEX_URL": "https://ci:pa,ss@idx/simple", "PIP_EXTRA_INDEX_URL": "https://a/x,https://b/x"}
    )
    assert found.packages.default_index == "https://ci:pa,ss@idx/simple"
    assert found.packages.extra_indexes == ("https://a/x", "https://b/x")


def test_a_login_in_a_pattern_of_repositories_is_not_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        settings.read({"LIVE_CODE_ALLOWED_REPOS": "https://user:s3cret@git.example.com/*"})
    assert "s3cret" not in str(caught.value)


def test_a_limit_may_be_infinite() -> None:
    assert settings.read({"LIVE_CODE_MAX_CHECKOUT_GB": "inf"}).git.max_checkout_gb == float("inf")


def test_no_secret_is_shown() -> None:
    names = [variable.name for variable in table.VARIABLES if variable.form in (table._text, table._file)]
    found = settings.read({**dict.fromkeys(names, "s3cret"), "PIP_INDEX_URL": "https://u:s3cret@h/"})
    for part in (found.git, found.packages, found.inherited):
        assert "s3cret" not in f"{part!r} {part} {plain(part)}"
    with pytest.raises(TypeError) as caught:
        found.git._replace(tokn="x")
    assert "s3cret" not in str(caught.value)


@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=20)))
def test_any_values_give_settings_or_errors_that_name_the_variables(environ: dict[str, str]) -> None:
    wrong = settings.problems(environ)
    assert wrong.keys() <= environ.keys()
    settings.read({name: value for name, value in environ.items() if name not in wrong})
