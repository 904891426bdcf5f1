import subprocess

import pytest

from live_code.errors import NotFoundError, RefMissingError, RefusedError
from live_code.tools.git import submodules
from live_code.tools.git.url import UrlError, parse
from tests.support import checkouts, variables
from tests.support.servers.repos import ENV, Repo


@pytest.mark.parametrize(
    ("parent", "url", "joined"),
    [
        ("https://h.test/team/detector.git", "../lib.git", "https://h.test/team/lib.git"),
        ("https://h.test/team/detector", "./lib", "https://h.test/team/detector/lib"),
        ("https://h.test/team/detector/", "../../other/lib", "https://h.test/other/lib"),
        ("git@h.test:team/detector.git", "../lib.git", "git@h.test:team/lib.git"),
        ("ssh://git@h.test:22/team/detector.git", "../lib.git", "ssh://git@h.test:22/team/lib.git"),
        ("/srv/detector.git", "../lib.git", "/srv/lib.git"),
        ("https://h.test/team/detector.git", "https://other.test/lib.git", "https://other.test/lib.git"),
    ],
)
def test_a_relative_address_starts_at_its_parents(parent, url, joined):
    assert submodules.joined(parse(parent), url) == joined


def test_a_relative_address_does_not_climb_to_another_host():
    with pytest.raises(UrlError):
        submodules.joined(parse("https://h.test/detector.git"), "../../other.test/lib.git")


@pytest.fixture
def lib(tmp_path):
    return Repo(tmp_path / "lib")


@pytest.fixture
def repo(tmp_path):
    return Repo(tmp_path / "repo")


@pytest.fixture
def make(repo, tmp_path):
    def make(revision, url=repo.url, **settings):
        return checkouts.made(tmp_path, url, revision, **settings)

    return make


def add(repo, path, url, commit, name="lib"):
    """Adds a submodule by hand, so that anything can stand in .gitmodules. Returns the commit."""
    text = f'[submodule "{name}"]\n\tpath = {path}\n\turl = {url}\n' if url else ""
    (repo.path / ".gitmodules").write_text(text)
    repo.git("add", ".gitmodules")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{commit},{path}")
    repo.git("commit", "--quiet", "--message", "Add a submodule")
    return repo.git("rev-parse", "HEAD")


def test_a_submodule_is_checked_out_at_its_pinned_commit(make, repo, lib):
    pinned = lib.commit({"lib.py": "one"})
    lib.commit({"lib.py": "two"})
    made = make(add(repo, "vendor/lib", "../lib", pinned))
    assert (made.place / "vendor/lib/lib.py").read_text() == "one"
    assert [(one.path, one.commit) for one in made.submodules] == [("vendor/lib", pinned)]
    assert made.submodules[0].url == str(lib.path)


def test_submodules_of_submodules_come_too(make, repo, lib, tmp_path):
    deep = Repo(tmp_path / "deep")
    deepest = deep.commit({"deep.py": "x"})
    middle = add(lib, "sub/deep", deep.url, deepest)
    made = make(add(repo, "vendor/lib", lib.url, middle))
    assert (made.place / "vendor/lib/sub/deep/deep.py").read_text() == "x"
    assert [one.path for one in made.submodules] == ["vendor/lib", "vendor/lib/sub/deep"]


def test_git_sees_nothing_changed_in_the_work_tree(make, repo, lib):
    made = make(add(repo, "vendor/lib", "../lib", lib.commit({"lib.py": "one"})))
    words = ["git", "status", "--porcelain"]
    done = subprocess.run(words, cwd=made.place, env=ENV, capture_output=True, text=True, check=True)
    assert done.stdout == ""


def test_submodules_are_in_the_store_the_second_time(make, repo, lib):
    commit = add(repo, "vendor/lib", "../lib", lib.commit({"lib.py": "one"}))
    assert make(commit).cached is False
    for one in (repo, lib):
        one.path.rename(one.path.with_name(f"gone-{one.path.name}"))
    made = make(commit, url=f"file://{repo.path}")
    assert made.cached is True
    assert (made.place / "vendor/lib/lib.py").read_text() == "one"


def test_submodules_stay_empty_when_they_are_switched_off(make, repo, lib):
    made = make(add(repo, "vendor/lib", "../lib", lib.commit({"lib.py": "one"})), git_submodules="off")
    assert list((made.place / "vendor/lib").iterdir()) == []
    assert made.submodules == ()


def test_a_folder_that_gitmodules_does_not_name_is_passed_over_unless_submodules_are_demanded(make, repo, lib):
    commit = add(repo, "vendor/lib", "", lib.commit({"lib.py": "one"}))
    assert make(commit).submodules == ()
    with pytest.raises(RefMissingError, match="vendor/lib has no url"):
        make(commit, git_submodules="on")


def test_a_commit_that_the_submodules_repository_lacks_is_an_error(make, repo, lib):
    lib.commit({"lib.py": "one"})
    with pytest.raises(
        RefMissingError, match=r"the submodule vendor/lib \(at 0123456789ab\): the commit is not in"
    ) as caught:
        make(add(repo, "vendor/lib", "../lib", "0123456789abcdef0123456789abcdef01234567"))
    assert "git_submodules: off" in caught.value.hint


def test_a_submodule_that_is_gone_is_named(make, repo, tmp_path):
    with pytest.raises(NotFoundError, match="the submodule vendor/lib"):
        make(add(repo, "vendor/lib", str(tmp_path / "gone"), "0123456789abcdef0123456789abcdef01234567"))


def test_a_submodule_in_a_subfolder_that_is_not_asked_for_is_not_fetched(make, repo, lib, tmp_path):
    repo.commit({"job/start.py": "x"})
    commit = add(repo, "other/lib", "https://nowhere.invalid/lib", "0123456789abcdef0123456789abcdef01234567")
    assert make(commit, git_subdir="job").submodules == ()


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c touch% executed",
        "-u./payload",
        "--upload-pack=touch executed",
        "git://git.test/lib",
        "https://ada:s3cret@git.test/lib",
        "ssh://-oProxyCommand=touch/lib",
        "../../../../../../../../../../../../etc",
    ],
)
def test_an_address_that_could_do_harm_is_refused(make, repo, url):
    commit = add(repo, "lib", url, "0123456789abcdef0123456789abcdef01234567")
    with pytest.raises(RefusedError) as caught:
        make(commit)
    assert "s3cret" not in str(caught.value)


def test_a_repository_of_the_network_may_not_name_a_folder_of_this_machine():
    one = submodules.Submodule("lib", "file:///etc", "0" * 40)
    with pytest.raises(RefusedError, match="a folder of this machine"):
        submodules.plan(parse("https://h.test/detector"), (one,), variables.git({}))


def test_repositories_can_be_limited_to_a_list():
    known = variables.git({"LIVE_CODE_ALLOWED_REPOS": "h.test/team/* other.test"})
    for url, allowed in (
        ("https://h.test/team/lib.git", True),
        ("git@other.test:x/y", True),
        ("https://h.test/x", False),
    ):
        one = submodules.Submodule("lib", url, "0" * 40)
        if allowed:
            assert submodules.plan(parse("https://h.test/team/a"), (one,), known)
        else:
            with pytest.raises(RefusedError, match="not among the repositories"):
                submodules.plan(parse("https://h.test/team/a"), (one,), known)
