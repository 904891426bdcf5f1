"""Requirements and constraints of the task itself: beside the repo's, and in force for all that is locked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live_code.errors import ConfigError, FrameworkConflictError, RequirementsError
from live_code.stages.request import hyperparameters
from live_code.tools.packages.forms import task_texts
from tests.support import task_request
from tests.support.servers.index import Index
from tests.support.task_folder import TaskFolder
from tests.support.workshop import Workshop, pins, seen

RESOLVERS = ["uv", pytest.param("pip-tools", marks=pytest.mark.slow)]


@pytest.fixture
def offered(shop: Workshop) -> Workshop:
    for version in ("1.0", "2.0"):
        shop.index.add("a", version)
    shop.index.add("b", "1.0", "a")
    return shop.write("b\n")


@pytest.mark.parametrize("resolver", RESOLVERS)
class TestInTheLock:
    def test_constraints_hold_for_what_the_repo_leads_to(self, offered: Workshop, resolver: str) -> None:
        assert pins(offered.lock(constraints="a<2", resolver=resolver)) == {"a": "1.0", "b": "1.0"}

    def test_a_constraint_installs_nothing_by_itself(self, offered: Workshop, resolver: str) -> None:
        assert pins(offered.write("a==1.0\n").lock(constraints="b==1.0", resolver=resolver)) == {"a": "1.0"}

    def test_extra_requirements_come_besides(self, offered: Workshop, resolver: str) -> None:
        assert pins(offered.write("a==1.0\n").lock(extra_requirements="b", resolver=resolver)) == {
            "a": "1.0",
            "b": "1.0",
        }

    def test_without_requirements_of_the_repo_too(self, shop: Workshop, resolver: str) -> None:
        shop.index.add("a", "1.0")
        assert pins(shop.lock(extra_requirements="a", resolver=resolver)) == {"a": "1.0"}


class TestForce:
    """What stands in them counts as it does in the repo's own files."""

    def test_an_index_that_they_name_is_asked_for_the_installation_too(
        self, shop: Workshop, second_index: Index
    ) -> None:
        second_index.add("b", "1.0")
        locked = shop.lock(extra_requirements=f"--extra-index-url {second_index.url}\nb")
        assert seen(shop.make(locked), "b")["b"][0] == "1.0"

    def test_a_login_in_it_stays_out_of_the_lock(self, shop: Workshop, second_index: Index) -> None:
        second_index.add("b", "1.0").password = "s3cret"
        url = second_index.url.replace("//", "//user:s3cret@")
        locked = shop.lock(extra_requirements=f"--extra-index-url {url}\nb")
        assert seen(shop.make(locked), "b")["b"][0] == "1.0"
        assert "s3cret" not in locked.text

    def test_a_wrong_hash_is_refused(self, offered: Workshop) -> None:
        with pytest.raises(RequirementsError, match=r"extra_requirements:1 wants a 1\.0 with the hash sha256:000"):
            offered.lock(requirements="none", extra_requirements=f"a==1.0 --hash=sha256:{'0' * 64}")

    def test_beside_requirements_with_hashes_one_without_is_named(self, offered: Workshop) -> None:
        hashed = offered.lock(requirements="none", extra_requirements="a==1.0").text
        with pytest.raises(RequirementsError, match=r"extra_requirements:1 \(b\) has no hash"):
            offered.write(hashed).lock(extra_requirements="b")

    def test_what_has_to_be_built_is_built(self, offered: Workshop) -> None:
        offered.index.add("c", "1.0", source=True)
        assert "\n--no-binary c\n" in offered.lock(extra_requirements="--no-binary c\nc").text


class TestConflicts:
    def test_one_with_the_framework_names_where_it_stands(self, offered: Workshop) -> None:
        offered.image.torch("2.6.0")
        with pytest.raises(FrameworkConflictError, match=r"extra_requirements:1 asks for torch==1\.0, but the image"):
            offered.lock(extra_requirements="torch==1.0")

    def test_constraints_that_contradict_the_image(self, offered: Workshop) -> None:
        offered.image.torch("2.6.0")
        with pytest.raises(RequirementsError, match=r"torch<2"):
            offered.lock(constraints="torch<2")

    def test_constraints_that_contradict_each_other(self, offered: Workshop) -> None:
        with pytest.raises(RequirementsError, match=r"a<1|a>2"):
            offered.lock(constraints="a<1\na>2")


class TestKept:
    def test_the_lock_tells_them(self, offered: Workshop) -> None:
        text = offered.lock(constraints="a<2", extra_requirements="a\nb").text
        assert "# constraints of the task: a<2\n" in text
        assert "# extra requirements of the task: a\n# extra requirements of the task: b\n" in text

    def test_an_earlier_lock_is_installed_without_them(self, offered: Workshop) -> None:
        text = offered.lock().text
        assert offered.write(text, "earlier.lock").lock(lock="earlier.lock", constraints="a<2").text == text


class TestForms:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("numpy<2", "numpy<2"),
            ("numpy<2 protobuf>=3,<5", "numpy<2\nprotobuf>=3,<5"),
            ("numpy <2", "numpy <2"),
            ("numpy<2\nprotobuf<5", "numpy<2\nprotobuf<5"),
            (["numpy<2", "protobuf<5"], "numpy<2\nprotobuf<5"),
            ("a; python_version < '3.9'", "a; python_version < '3.9'"),
            ("a @ https://host/a-1.0-py3-none-any.whl", "a @ https://host/a-1.0-py3-none-any.whl"),
            ("a[x]==1.0 b", "a[x]==1.0\nb"),
            ("", ""),
            (None, ""),
        ],
    )
    def test_text(self, folder: TaskFolder, value: Any, expected: str) -> None:
        assert task_request.request(folder, constraints=value).constraints == expected

    def test_a_file_of_the_task(self, tmp_path: Path) -> None:
        (tmp_path / "in").mkdir()
        (tmp_path / "in" / "mine.txt").write_text("numpy<2\n")
        assert task_texts.read("mine.txt", "constraints", tmp_path / "in") == "numpy<2"
        assert task_texts.read(str(tmp_path / "in" / "mine.txt"), "constraints", Path("/in")) == "numpy<2"

    @pytest.mark.parametrize("words", ["-r more.txt", "--requirement=more.txt", "-rmore.txt"])
    def test_a_file_that_one_includes_stands_in_its_place(self, tmp_path: Path, words: str) -> None:
        (tmp_path / "lists").mkdir()
        (tmp_path / "lists" / "mine.txt").write_text(f"a\n{words}\nc\n")
        (tmp_path / "lists" / "more.txt").write_text("b==1.0\n")
        assert task_texts.read("lists/mine.txt", "extra_requirements", tmp_path) == "a\nb==1.0\nc"
        assert task_texts.read("-r lists/mine.txt", "extra_requirements", tmp_path) == "a\nb==1.0\nc"

    def test_one_that_includes_itself(self, tmp_path: Path) -> None:
        (tmp_path / "mine.txt").write_text("-c mine.txt\n")
        with pytest.raises(ConfigError, match=r"includes itself"):
            task_texts.read("mine.txt", "constraints", tmp_path)

    def test_constraints_of_extra_requirements_have_a_key_of_their_own(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"-c more\.txt, which only bounds.*in the key constraints"):
            task_texts.read("a\n-c more.txt", "extra_requirements", tmp_path)

    def test_one_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"constraints names gone\.txt, which can't be read.*Put it into /in"):
            task_texts.read("gone.txt", "constraints", tmp_path)

    @given(st.lists(st.from_regex(r"\A[a-z]{1,8}(\[[a-z]{1,3}\])?((==|>=|<)[0-9]{1,3}(\.[0-9]{1,2})?)?\Z"), min_size=1))
    def test_words_in_a_line_are_the_same_as_lines(self, words: list[str]) -> None:
        read = [task_texts.read(sign.join(words), "constraints", Path("/in")) for sign in (" ", "\n")]
        assert read[0] == read[1]

    def test_they_are_keys_of_the_request(self) -> None:
        assert {"constraints", "extra_requirements"} <= {key.name for key in hyperparameters.KEYS}
