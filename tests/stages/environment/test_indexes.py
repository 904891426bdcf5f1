"""Indexes: which are asked in which order, what their failures say, and where secrets do not go."""

from __future__ import annotations

from pathlib import Path

import pytest

from live_code.errors import BuildError, RequirementsError
from live_code.job.ymir_exc import protocol
from live_code.tools import store as stores
from live_code.tools.packages import index as indexes
from live_code.tools.packages.requirements import Text
from tests.support import images, variables
from tests.support.servers.index import Index
from tests.support.workshop import Workshop, pins, seen

FILE = Text("requirements.txt", "-i https://file/simple\n--extra-index-url=https://extra/simple\n-f links\na\n")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("UV_HTTP_TIMEOUT", "2")


class TestChoice:
    def test_pypi_when_nothing_is_named(self) -> None:
        assert indexes.choose("", (), (), variables.packages({})) == indexes.Indexes(indexes.PYPI)

    def test_the_tasks_mirror_then_the_containers(self) -> None:
        chosen = indexes.choose("https://a/s https://b/s", (), (), variables.packages({"PIP_INDEX_URL": "https://c/s"}))
        assert (chosen.default, chosen.instead) == ("https://a/s", ("https://b/s", "https://c/s"))

    def test_a_files_index_comes_last_and_adds_up(self) -> None:
        chosen = indexes.choose("https://a/s", ("https://more/s",), (FILE,), variables.packages({}))
        assert chosen.extra == ("https://more/s", "https://file/simple", "https://extra/simple")
        assert indexes.choose("", (), (FILE,), variables.packages({})).default == "https://file/simple"
        assert chosen.find_links == ("links",)

    def test_a_url_loses_its_secret(self) -> None:
        chosen = indexes.choose("", (), (), variables.packages({"PIP_INDEX_URL": "https://me:secret@host:8080/simple"}))
        assert chosen.default == "https://host:8080/simple"


class TestFailures:
    @pytest.mark.parametrize("status", [500, 503])
    def test_an_index_that_fails_is_a_network_error_to_try_again(self, status: int, shop: Workshop) -> None:
        shop.index.add("a", "1.0").faults = {"/a/": status}
        with pytest.raises(RequirementsError, match=f"answered {status}") as caught:
            shop.write("a\n").lock()
        assert (caught.value.return_code, caught.value.retryable) == (protocol.CODE_NETWORK, True)

    def test_one_that_does_not_answer_at_all(self, shop: Workshop) -> None:
        with pytest.raises(RequirementsError, match="can't be reached") as caught:
            shop.write("a\n").lock(pypi_mirror="http://127.0.0.1:9/simple", environ={"PIP_INDEX_URL": ""})
        assert caught.value.return_code == protocol.CODE_NETWORK

    def test_a_wheel_by_url_that_does_not_come_is_named(self, shop: Workshop) -> None:
        url = "http://127.0.0.1:9/a-1.0-py3-none-any.whl"
        with pytest.raises(RequirementsError, match=f"can't be reached: {url}: .*refused"):
            shop.write(f"a @ {url}\n").lock()

    def test_a_git_server_that_does_not_answer_is_a_network_error(self, shop: Workshop) -> None:
        with pytest.raises(
            RequirementsError, match=r"git can't fetch https://127\.0\.0\.1:9/a\.git: fatal: unable"
        ) as it:
            shop.write("a @ git+https://127.0.0.1:9/a.git\n").lock()
        assert (it.value.return_code, it.value.retryable) == (protocol.CODE_NETWORK, True)

    def test_one_that_sends_garbage(self, shop: Workshop) -> None:
        shop.index.add("a", "1.0").garbage = True
        with pytest.raises(RequirementsError):
            shop.write("a\n").lock()

    def test_a_page_that_breaks_off(self, shop: Workshop) -> None:
        shop.index.add("a", "1.0").cut_after = {"/simple/a": 20}
        with pytest.raises(RequirementsError) as caught:
            shop.write("a\n").lock()
        assert caught.value.retryable

    def test_a_package_that_it_does_not_have(self, shop: Workshop) -> None:
        with pytest.raises(RequirementsError, match="asks for a, which was not found in any index") as caught:
            shop.write("a\n").lock()
        assert not caught.value.retryable

    def test_a_file_that_breaks_off_leaves_nothing_behind(self, shop: Workshop) -> None:
        locked = shop.index.add("a", "1.0") and shop.write("a\n").lock()
        shop.index.cut_after = {"/files/a": 20}
        with pytest.raises(BuildError):
            shop.make(locked)
        shop.index.cut_after = {}
        assert seen(shop.make(locked), "a")["a"][0] == "1.0"

    def test_a_yanked_release_is_not_chosen(self, shop: Workshop) -> None:
        shop.index.add("a", "1.0").add("a", "2.0", yanked="broken")
        assert pins(shop.write("a\n").lock()) == {"a": "1.0"}

    def test_a_yanked_release_that_is_pinned_is(self, shop: Workshop) -> None:
        shop.index.add("a", "1.0").add("a", "2.0", yanked="broken")
        assert pins(shop.write("a==2.0\n").lock()) == {"a": "2.0"}

    def test_a_source_release_that_does_not_build_shows_its_last_lines(self, shop: Workshop) -> None:
        shop.index.add("a", "1.0", fail="no compiler found")
        with pytest.raises(BuildError, match="a==1.0") as caught:
            shop.write("a\n").make()
        assert "no compiler found" in caught.value.details
        assert "no compiler found" in next(shop.store.path("logs").iterdir()).read_text()

    def test_a_source_release_that_builds(self, shop: Workshop) -> None:
        shop.index.add("a", "1.0", source=True)
        assert seen(shop.write("a\n").make(), "a")["a"][0] == "1.0"


class TestFallback:
    def test_a_mirror_that_is_down_gives_way_to_the_containers_index(self, shop: Workshop) -> None:
        shop.index.add("a", "1.0")
        locked = shop.write("a\n").lock(pypi_mirror="http://127.0.0.1:9/simple")
        assert pins(locked) == {"a": "1.0"}
        assert seen(shop.make(locked), "a")["a"][0] == "1.0"

    def test_a_further_index_that_is_down_is_left_out(self, shop: Workshop) -> None:
        shop.index.add("a", "1.0")
        assert pins(shop.write("a\n").lock(extra_index_url=("http://127.0.0.1:9/simple",))) == {"a": "1.0"}

    def test_without_a_network_the_package_cache_is_enough_for_a_known_lock(self, shop: Workshop) -> None:
        shop.index.add("a", "1.0")
        locked = shop.write("a\n").lock()
        first = shop.make(locked)
        shop.index.faults = {"/": 500}
        (first.root / ".complete").unlink()
        again = shop.make(locked)
        assert not again.cached
        assert seen(again, "a")["a"][0] == "1.0"


DOWN = "http://127.0.0.1:9"


class TestNotNeeded:
    """An index or a page that is down, and that nothing comes from."""

    @pytest.mark.parametrize("resolver", ["uv", pytest.param("pip-tools", marks=pytest.mark.slow)])
    @pytest.mark.parametrize("line", [f"--extra-index-url {DOWN}/simple", f"-f {DOWN}/links.html"])
    def test_it_is_passed_over_with_a_warning(
        self, shop: Workshop, line: str, resolver: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shop.index.add("a", "1.0")
        made = shop.make(shop.write(f"{line}\na\n").lock(resolver=resolver))
        assert seen(made, "a")["a"][0] == "1.0"
        if resolver == "uv":  # to pip, one that is down is one that has nothing
            assert "Going on without it." in capsys.readouterr().err

    def test_what_only_it_may_have_is_its_error(self, shop: Workshop) -> None:
        with pytest.raises(
            RequirementsError, match=r"can't be reached.*and without it .*nosuch, which was not found"
        ) as caught:
            shop.write(f"--extra-index-url {DOWN}/simple\nnosuch\n").lock()
        assert caught.value.retryable

    @pytest.mark.parametrize(
        "line",
        [
            "-f https://download.pytorch.org/whl/torch_stable.html",
            "--find-links=https://download.pytorch.org/whl/cu113/torch_stable.html",
            "--extra-index-url https://download.pytorch.org/whl/cu118",
            "-f https://repo.mxnet.io/dist/index.html",
        ],
    )
    def test_one_that_only_the_framework_needs_is_not_asked(
        self, shop: Workshop, line: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shop.image.torch("2.6.0+cu124")
        shop.index.add("a", "1.0")
        made = shop.make(shop.write(f"{line}\ntorch>=1.7\na\n").lock())
        assert seen(made, "a")["a"][0] == "1.0"
        assert "warning" not in capsys.readouterr().err

    def test_it_hides_no_conflict_with_the_framework(self, shop: Workshop) -> None:
        shop.image.torch("2.6.0+cu124")
        text = "-f https://download.pytorch.org/whl/torch_stable.html\ntorch==1.7.1+cu110\n"
        with pytest.raises(RequirementsError, match=r"asks for torch==1\.7\.1\+cu110, but the image ships torch 2\.6"):
            shop.write(text).lock()

    def test_a_part_of_the_framework_that_the_image_lacks_is_looked_for_there(self) -> None:
        from live_code.tools.packages.framework import Protection

        own = indexes.Indexes(indexes.PYPI, extra=("https://download.pytorch.org/whl/cu118",))
        protection = Protection({"torch": "2.6.0"})
        assert indexes.for_pins(own, ["a", "torchvision"], protection) == own
        assert indexes.for_pins(own, ["a"], protection).extra == ()


class TestOfSources:
    def test_an_index_that_a_project_names_for_one_package_is_asked_for_the_installation_too(
        self, shop: Workshop, second_index: Index
    ) -> None:
        second_index.add("b", "1.0")
        text = (
            '[project]\nname = "p"\nversion = "1"\ndependencies = ["b"]\n'
            '[tool.uv.sources]\nb = { index = "mine" }\n'
            f'[[tool.uv.index]]\nname = "mine"\nurl = "{second_index.url}"\nexplicit = true\n'
        )
        made = shop.make(shop.write(text, "pyproject.toml").lock(requirements="pyproject.toml"))
        assert seen(made, "b")["b"][0] == "1.0"

    @pytest.mark.parametrize("explicit", ["true", "false"])
    def test_a_login_in_its_url_holds_for_the_installation_too(
        self, shop: Workshop, second_index: Index, tmp_path: Path, explicit: str
    ) -> None:
        second_index.add("b", "1.0").password = "s3cret/word"
        url = second_index.url.replace("//", "//user:s3cret%2Fword@")
        text = (
            '[project]\nname = "p"\nversion = "1"\ndependencies = ["b"]\n[tool.uv.sources]\nb = { index = "mine" }\n'
            f'[[tool.uv.index]]\nname = "mine"\nurl = "{url}"\nexplicit = {explicit}\n'
        )
        made = shop.make(shop.write(text, "pyproject.toml").lock(requirements="pyproject.toml"))
        assert seen(made, "b")["b"][0] == "1.0"
        assert leaks(tmp_path / "store") == []

    def test_one_for_all_packages_is_asked_for_those_that_do_not_name_it(
        self, shop: Workshop, second_index: Index
    ) -> None:
        second_index.add("b", "1.0")
        text = '[project]\nname = "p"\nversion = "1"\ndependencies = ["b"]\n'
        shop.write(f'{text}[[tool.uv.index]]\nurl = "{second_index.url}"\n', "pyproject.toml")
        assert pins(shop.lock(requirements="pyproject.toml")) == {"b": "1.0"}


def test_an_index_without_what_the_jobs_side_needs_is_told_as_that(
    shop: Workshop, second_index: Index, tmp_path: Path
) -> None:
    second_index.add("b", "1.0")
    bare = shop._replace(image=images.venv(tmp_path / "bare"), environ={"PIP_INDEX_URL": ""})
    with pytest.raises(RequirementsError, match=r"live-code's job side asks for \w+, .* in extra_index_url"):
        bare.write(f"-i {second_index.url}\nb\n").lock()


class TestFile:
    """A file of a requirement by its URL."""

    @pytest.mark.parametrize("named", ["b @ ", ""])
    @pytest.mark.parametrize("secret", ["s3cret%2Fword", "${INDEX_TOKEN}"])
    def test_a_login_in_it_is_used_and_not_kept(
        self, shop: Workshop, second_index: Index, tmp_path: Path, named: str, secret: str
    ) -> None:
        second_index.add("b", "1.0").password = "s3cret/word"
        shop = shop._replace(environ={"INDEX_TOKEN": "s3cret%2Fword"})
        url = second_index.url.replace("//", f"//user:{secret}@").replace("/simple", "/files/b-1.0-py3-none-any.whl")
        locked = shop.write(f"{named}{url}\n").lock()
        assert seen(shop.make(locked), "b")["b"][0] == "1.0"
        assert "s3cret" not in repr(locked)
        assert leaks(tmp_path / "store") == []

    def test_one_that_wants_a_login_says_what_to_give(self, shop: Workshop, second_index: Index) -> None:
        second_index.add("b", "1.0").password = "s3cret"
        url = second_index.url.replace("/simple", "/files/b-1.0-py3-none-any.whl")
        with pytest.raises(
            RequirementsError, match=r"requirements\.txt:1 names .*answers 401.*LIVE_CODE_INDEX_CREDENTIALS"
        ):
            shop.write(f"b @ {url}\n").lock()


class TestLogin:
    @pytest.fixture
    def closed(self, shop: Workshop) -> Workshop:
        shop.index.add("a", "1.0").password = "s3cret/word"
        return shop.write("a\n")

    def test_without_one_the_error_says_what_to_give(self, closed: Workshop) -> None:
        with pytest.raises(RequirementsError, match=r"wants a login \(401\).*LIVE_CODE_INDEX_CREDENTIALS"):
            closed.lock()

    @pytest.mark.parametrize("way", ["url", "file", "netrc"])
    def test_it_comes_from_the_container(
        self, way: str, closed: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        host = closed.index.url.split("/")[2]
        if way == "url":
            closed = closed._replace(environ={"PIP_INDEX_URL": f"http://user:s3cret%2Fword@{host}/simple"})
        elif way == "file":
            (tmp_path / "logins").write_text(f"http://user:s3cret%2Fword@{host}\n")
            monkeypatch.setenv("LIVE_CODE_INDEX_CREDENTIALS", str(tmp_path / "logins"))
        else:
            (tmp_path / "netrc").write_text("machine 127.0.0.1 login user password s3cret/word\n")
            (tmp_path / "netrc").chmod(0o600)
            monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        made = closed.make(closed.lock())
        assert seen(made, "a")["a"][0] == "1.0"
        assert leaks(tmp_path / "store") == []

    @pytest.mark.parametrize("option", ["--extra-index-url", "--index-url", "-i", "--find-links"])
    @pytest.mark.parametrize("resolver", ["uv", pytest.param("pip-tools", marks=pytest.mark.slow)])
    def test_one_in_the_files_own_url_holds_for_the_installation_too(
        self, shop: Workshop, second_index: Index, tmp_path: Path, option: str, resolver: str
    ) -> None:
        second_index.add("b", "1.0").password = "s3cret/word"
        url = second_index.url.replace("//", "//user:s3cret%2Fword@") + ("/b/" if option == "--find-links" else "")
        made = shop.make(shop.write(f"{option} {url}\nb\n").lock(resolver=resolver))
        assert seen(made, "b")["b"][0] == "1.0"
        assert leaks(tmp_path / "store") == []

    def test_one_in_variables_of_the_container_that_the_file_names(
        self, shop: Workshop, second_index: Index, tmp_path: Path
    ) -> None:
        second_index.add("b", "1.0").password = "s3cret/word"
        shop = shop._replace(environ={"INDEX_USER": "user", "INDEX_TOKEN": "s3cret%2Fword"})
        url = second_index.url.replace("//", "//${INDEX_USER}:${INDEX_TOKEN}@")
        locked = shop.write(f"--extra-index-url {url}\nb\n").lock()
        assert seen(shop.make(locked), "b")["b"][0] == "1.0"
        assert "s3cret" not in repr(locked)
        assert leaks(tmp_path / "store") == []

    def test_a_wrong_one_is_told_without_it(self, closed: Workshop) -> None:
        wrong = {"PIP_INDEX_URL": closed.index.url.replace("//", "//user:wr0ng@")}
        with pytest.raises(RequirementsError) as caught:
            closed.lock(wrong)
        assert "wr0ng" not in f"{caught.value} {caught.value.details}"


def leaks(store: Path) -> list[Path]:
    return [
        path
        for path in store.rglob("*")
        if path.is_file() and not path.is_symlink() and (b"s3cret" in path.read_bytes())
    ]


def test_a_store_that_cannot_be_written_is_told(shop: Workshop, tmp_path: Path) -> None:
    from live_code.errors import StoreError

    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="can't be written"):
        shop._replace(store=stores.Store(tmp_path / "file" / "store")).lock()


def test_downloads_are_not_repeated_for_another_image(shop: Workshop, second_index: Index) -> None:
    shop.index.add("a", "1.0")
    shop.write("a\n").make()
    shop.image.has("other", "1.0")
    shop.index.asked.clear()
    shop.make()
    assert shop.index.downloads() == []
