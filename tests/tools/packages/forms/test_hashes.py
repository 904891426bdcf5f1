"""Hashes in a repo's requirements bind as they do for pip (K3): all entries have one or none, and a wrong one is an
error, never the index's instead."""

from __future__ import annotations

import hashlib
import subprocess

import pytest

from live_code.errors import BuildError, RequirementsError
from live_code.tools.packages import solution, uv
from tests.support.servers.index import wheel
from tests.support.workshop import Workshop, pins, seen

RESOLVERS = ["uv", pytest.param("pip-tools", marks=pytest.mark.slow)]
WRONG = f"--hash=sha256:{'0' * 64}"


@pytest.fixture
def offered(shop: Workshop) -> Workshop:
    for name in ("a", "b", "c"):
        shop.index.add(name, "1.0").add(name, "2.0")
    return shop


def right(shop: Workshop, name: str, version: str = "1.0") -> str:
    return f"--hash=sha256:{shop.index.files[f'{name}-{version}-py3-none-any.whl'].sha256}"


class TestHalf:
    @pytest.mark.parametrize("other", ["a>=1", "a==1.0", "a==1.*", "a", "git+https://host/a.git@main#egg=a"])
    def test_an_entry_without_one_beside_one_that_has_it_is_refused_by_its_line(
        self, offered: Workshop, other: str
    ) -> None:
        with pytest.raises(
            RequirementsError, match=r"^requirements\.txt:1 \(.*a.*\) has no hash with an exact version"
        ):
            offered.write(f"{other}\nb==1.0 {right(offered, 'b')}\n").lock()

    def test_all_of_them_are_named(self, offered: Workshop) -> None:
        offered.write("a>=1\n-r more.txt\n").write(f"b==1.0 {WRONG}\nc\n", "more.txt")
        with pytest.raises(RequirementsError, match=r"requirements\.txt:1 \(a>=1\), more\.txt:2 \(c\) have no hash"):
            offered.lock()

    def test_a_range_with_a_hash_is_not_whole(self, offered: Workshop) -> None:
        with pytest.raises(RequirementsError, match=r"requirements\.txt:1 \(a>=1\) has no hash with an exact version"):
            offered.write(f"a>=1 {right(offered, 'a')}\n").lock()

    def test_hashes_may_be_required_without_any(self, offered: Workshop) -> None:
        with pytest.raises(RequirementsError, match=r"requirements\.txt:2 \(a==1\.0\) has no hash"):
            offered.write("--require-hashes\na==1.0\n").lock()

    def test_in_condas_file(self, offered: Workshop) -> None:
        text = f"dependencies:\n- pip:\n  - a>=1\n  - b==1.0 {WRONG}\n"
        with pytest.raises(RequirementsError, match=r"environment\.yml:3 \(a>=1\) has no hash"):
            offered.write(text, "environment.yml").lock(requirements="environment.yml")

    def test_what_is_not_for_this_interpreter_needs_none(self, offered: Workshop) -> None:
        locked = offered.write(f"a; sys_platform == 'win32'\nb==1.0 {right(offered, 'b')}\n").lock()
        assert pins(locked) == {"b": "1.0"}

    def test_a_project_of_the_commit_is_proved_by_that(self, offered: Workshop) -> None:
        offered.write('[project]\nname = "p"\nversion = "1"\ndependencies = ["a"]\n', "pyproject.toml")
        offered.write("def prepare_metadata_for_build_editable(folder, *_): pass\n", "b.py")
        text = f"-e .\na==1.0 {right(offered, 'a')}\n"
        assert pins(offered.write(text).lock()) == {"a": "1.0"}

    def test_what_an_entry_needs_has_to_stand_there_too(self, offered: Workshop) -> None:
        offered.write('[project]\nname = "p"\nversion = "1"\ndependencies = ["a"]\n', "pyproject.toml")
        with pytest.raises(RequirementsError, match=r"a \(needed by p\) has no hash in requirements\.txt"):
            offered.write(f"-e .\nb==1.0 {right(offered, 'b')}\n").lock()


class TestConstraints:
    @pytest.mark.parametrize("resolver", RESOLVERS)
    def test_a_hash_there_is_one_for_the_requirement(self, offered: Workshop, resolver: str) -> None:
        offered.write("a\n-c limits.txt\n").write(f"a==1.0 {right(offered, 'a')}\n", "limits.txt")
        assert pins(offered.lock(resolver=resolver)) == {"a": "1.0"}

    @pytest.mark.parametrize("resolver", RESOLVERS)
    def test_a_wrong_one_is_refused_with_both(self, offered: Workshop, resolver: str) -> None:
        offered.write("a\n-c limits.txt\n").write(f"a==1.0 {WRONG}\n", "limits.txt")
        with pytest.raises(RequirementsError) as caught:
            offered.lock(resolver=resolver)
        assert f"limits.txt:1 wants a 1.0 with the hash sha256:{'0' * 64}" in str(caught.value)
        assert right(offered, "a").removeprefix("--hash=") in str(caught.value)

    def test_an_entry_without_one_is_refused(self, offered: Workshop) -> None:
        offered.write("a\nb\n-c limits.txt\n").write(f"a==1.0 {right(offered, 'a')}\n", "limits.txt")
        with pytest.raises(RequirementsError, match=r"requirements\.txt:2 \(b\) has no hash"):
            offered.lock()

    def test_the_lock_has_those_of_the_file_and_not_the_indexs(self, offered: Workshop) -> None:
        offered.index.add("a", "1.0", source=True)
        offered.write("a\n-c limits.txt\n").write(f"a==1.0 {right(offered, 'a')}\n", "limits.txt")
        locked = offered.lock()
        assert locked.text.count("--hash") == 1
        assert right(offered, "a") in locked.text
        assert seen(offered.make(locked), "a")["a"][0] == "1.0"


class TestWrong:
    def test_one_of_a_whole_file_ends_the_installation(self, offered: Workshop) -> None:
        with pytest.raises(BuildError, match="not the one that was locked"):
            offered.make(offered.write(f"a==1.0 {WRONG}\n").lock())

    @pytest.mark.parametrize("resolver", RESOLVERS)
    def test_one_of_a_wheel_in_the_repo_ends_the_lock(self, offered: Workshop, resolver: str) -> None:
        (offered.root / "x-1.0-py3-none-any.whl").write_bytes(wheel("x", "1.0"))
        offered.write(f"./x-1.0-py3-none-any.whl {WRONG}\n-c limits.txt\n").write("", "limits.txt")
        with pytest.raises(RequirementsError, match=r"requirements\.txt:1 wants x .*with the hash sha256:000"):
            offered.lock(resolver=resolver)

    def test_the_right_one_of_a_wheel_in_the_repo_is_kept(self, offered: Workshop) -> None:
        content = wheel("x", "1.0")
        (offered.root / "x-1.0-py3-none-any.whl").write_bytes(content)
        locked = offered.write(f"./x-1.0-py3-none-any.whl --hash=sha256:{hashlib.sha256(content).hexdigest()}\n").lock()
        assert seen(offered.make(locked), "x")["x"][0] == "1.0"

    def test_another_kind_of_hash_is_held_at_the_installation(self, offered: Workshop) -> None:
        content = offered.index.files["a-1.0-py3-none-any.whl"].content
        own = f"--hash=sha512:{hashlib.sha512(content).hexdigest()}"
        offered.write("a\n-c limits.txt\n").write(f"a==1.0 {own}\n", "limits.txt")
        locked = offered.lock()
        assert own in locked.text
        assert seen(offered.make(locked), "a")["a"][0] == "1.0"

    def test_an_index_that_lies_about_its_own_is_refused(self, offered: Workshop) -> None:
        offered.index.add("liar", "1.0", wrong_hash=True)
        with pytest.raises(BuildError, match="not the one that was locked"):
            offered.make(offered.write("liar\n").lock())

    @pytest.mark.parametrize("form", ["uv.lock", "pylock.toml"])
    def test_one_of_another_tools_lock_is_not_the_indexs(self, offered: Workshop, form: str) -> None:
        offered.write(
            '[project]\nname = "p"\nversion = "1"\nrequires-python = ">=3.8"\ndependencies = ["a<2"]\n',
            "pyproject.toml",
        )
        words = {
            "uv.lock": ["lock"],
            "pylock.toml": ["export", "--format", "pylock.toml", "--no-emit-project", "-o", form],
        }
        command = [
            uv.binary(),
            *words[form],
            "-q",
            "--default-index",
            offered.index.url,
            "--python",
            offered.image.python,
        ]
        subprocess.run([*command, "--no-config", "--cache-dir", offered.root / ".c"], cwd=offered.root, check=True)
        own = offered.index.files["a-1.0-py3-none-any.whl"].sha256
        offered.write((offered.root / form).read_text().replace(own, "0" * 64), form).write("b<2\n", "more.txt")
        assert [pin.is_hashed for pin in solution.parse(offered.lock(requirements=form).text)] == [True]
        with pytest.raises(RequirementsError, match="wants a 1.0 with the hash sha256:000"):
            offered.lock(requirements=f"{form} more.txt")


def test_a_file_without_any_is_as_ever(offered: Workshop) -> None:
    assert pins(offered.write("a<2\nb\n").lock()) == {"a": "1.0", "b": "2.0"}
