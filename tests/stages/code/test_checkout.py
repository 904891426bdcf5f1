import hashlib
import subprocess
from pathlib import Path

import pytest

from live_code.errors import CheckoutError, PatchError, RefMissingError
from live_code.tools.git import access, worktree
from live_code.tools.processes import runner
from live_code.tools.store import Store
from tests.support import checkouts, variables
from tests.support.servers.repos import ENV, Repo


@pytest.fixture
def repo(tmp_path):
    return Repo(tmp_path / "repo")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def make(repo, tmp_path):
    def make(revision, place="place", url=repo.url, **settings):
        return checkouts.made(tmp_path, url, revision, place=place, **settings)

    return make


def files(place):
    return {str(path.relative_to(place)) for path in place.rglob("*") if ".git" not in path.parts and path.is_file()}


def git_in(place, *words):
    return subprocess.run(
        ["git", *words], cwd=place, env=ENV, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_commit_that_was_asked_for_is_checked_out(make, repo):
    commit = repo.commit({"start.py": "one", "lib/a.py": "a"})
    repo.commit({"start.py": "two", "lib/b.py": "b"})
    made = make(commit)
    assert (made.commit, made.tree) == (commit, repo.git("rev-parse", f"{commit}^{{tree}}"))
    assert files(made.place) == {"start.py", "lib/a.py"}
    assert (made.root / "start.py").read_text() == "one"


def test_only_the_commit_is_fetched_not_its_history(make, repo, store):
    for number in range(5):
        commit = repo.commit({"a": str(number)})
    made = make(commit)
    assert git_in(made.place, "rev-list", "--count", "HEAD") == "1"
    assert len(list((store.path("git")).glob("*/refs/live-code/*"))) == 1


def test_a_commit_in_the_store_needs_no_remote(make, repo):
    commit = repo.commit({"a": "1"})
    assert make(commit, "first").cached is False
    repo.path.rename(repo.path.with_name("gone"))
    made = make(commit, "second")
    assert made.cached is True
    assert files(made.place) == {"a"}


def test_a_commit_of_a_server_that_gives_out_only_tips_is_found_by_a_full_fetch(make, repo, monkeypatch):
    commit = repo.commit({"a": "1"})
    repo.commit({"a": "2"})
    repo.git("config", "uploadpack.allowAnySHA1InWant", "false")
    repo.git("config", "protocol.version", "0")
    made = access._configuration
    monkeypatch.setattr(access, "_configuration", lambda *words: made(*words).replace("version = 2", "version = 0"))
    assert files(make(commit).place) == {"a"}


def test_a_commit_that_does_not_exist_is_an_error_that_names_it(make, repo):
    repo.commit({"a": "1"})
    with pytest.raises(RefMissingError, match="the commit is not in .*: 0123456789abcdef"):
        make("0123456789abcdef0123456789abcdef01234567")


def test_a_tags_id_in_place_of_a_commits_is_an_error(make, repo):
    repo.commit({"a": "1"})
    repo.git("tag", "--annotate", "--message", "One", "v1")
    with pytest.raises(CheckoutError, match="tag"):
        make(repo.git("rev-parse", "v1"))


def test_a_sha256_repository_works(tmp_path, make):
    repo = Repo(tmp_path / "sha256", object_format="sha256")
    commit = repo.commit({"a": "1"})
    made = make(commit, url=repo.url)
    assert len(made.tree) == 64
    assert git_in(made.place, "rev-parse", "HEAD") == commit


def test_git_in_the_work_tree_answers_the_jobs_questions(make, repo):
    commit = repo.commit({"a": "1"})
    place = make(commit).place
    assert git_in(place, "rev-parse", "HEAD") == commit
    assert git_in(place, "status", "--porcelain") == ""
    assert git_in(place, "log", "--format=%s") == "Change"
    assert git_in(place, "remote", "get-url", "origin") == str(repo.path)
    (place / "a").write_text("changed")
    assert git_in(place, "diff", "--name-only") == "a"


def test_an_earlier_work_tree_is_replaced_with_all_that_a_job_left_in_it(make, repo):
    one, two = repo.commit({"a": "1", ".gitignore": "*.pt"}), repo.commit({"a": "2"})
    place = make(one).place
    (place / "model.pt").write_text("left")
    (place / ".git" / "config").write_text("[core]\n\tfsmonitor = touch executed\n")
    inode = place.stat().st_ino
    assert files(make(two).place) == {"a", ".gitignore"}
    assert place.stat().st_ino == inode  # /app itself can't be made anew by everyone
    assert "fsmonitor" not in (place / ".git" / "config").read_text()


def test_a_place_where_the_last_start_was_killed_half_way_is_used_again(make, repo, tmp_path):
    commit = repo.commit({"a": "1"})
    (tmp_path / "place/.git/live-code").mkdir(parents=True)
    (tmp_path / "place/half").write_text("")
    assert files(make(commit).place) == {"a"}


@pytest.mark.parametrize("kind", ["file", "repository"])
def test_a_folder_with_other_content_is_left_alone(make, repo, tmp_path, kind):
    commit = repo.commit({"a": "1"})
    if kind == "file":
        (tmp_path / "place").mkdir()
        (tmp_path / "place/thesis.tex").write_text("dear")
    else:
        Repo(tmp_path / "place").commit({"thesis.tex": "dear"})
    with pytest.raises(CheckoutError, match="not an earlier checkout's"):
        make(commit)
    assert (tmp_path / "place/thesis.tex").read_text() == "dear"


def test_nothing_is_registered_in_the_store_by_a_work_tree(make, repo, store):
    commit = repo.commit({"a": "1"})
    make(commit, "first")
    before = {path: path.stat().st_mtime_ns for path in store.path("git").rglob("*")}
    make(commit, "second")
    assert {path: path.stat().st_mtime_ns for path in store.path("git").rglob("*")} == before


def test_line_ends_that_git_would_convert_do_not_make_it_unclean(make, repo):
    (repo.path / "crlf.txt").write_bytes(b"a\r\nb\r\n")
    blob = repo.git("hash-object", "-w", "--no-filters", "crlf.txt")
    repo.commit({".gitattributes": "*.txt text\n"})
    repo.git("update-index", "--cacheinfo", f"100644,{blob},crlf.txt")
    repo.git("commit", "--quiet", "--message", "As it is")
    commit = repo.git("rev-parse", "HEAD")
    for number in range(3):
        assert make(commit, f"place{number}").commit == commit


def test_a_change_of_a_job_in_the_second_of_the_checkout_is_seen(make, repo):
    place = make(repo.commit({"a": "1"})).place
    (place / "a").write_text("2")
    assert git_in(place, "status", "--porcelain") == "M a"


def test_a_tree_that_several_processes_write_is_the_commits_too(make, repo, monkeypatch):
    monkeypatch.setattr(worktree, "_PARALLEL", worktree._PARALLEL.replace(str(worktree.PARALLEL_FROM), "2"))
    (repo.path / "link").symlink_to("folder1/file")
    commit = repo.commit({f"folder{number}/file": str(number) for number in range(9)})
    place = make(commit).place
    assert [(place / f"folder{number}/file").read_text() for number in range(9)] == [*"012345678"]
    assert (place / "link").read_text() == "1"
    assert git_in(place, "status", "--porcelain") == ""


def test_git_runs_at_most_three_times_when_the_commit_is_in_the_store(make, repo, monkeypatch):
    commit = repo.commit({"a": "1"})
    make(commit, "first")
    started = []
    run = runner.run
    monkeypatch.setattr(runner, "run", lambda argv, **more: started.append(argv) or run(argv, **more))
    make(commit, "second")
    assert len(started) <= 3


def test_the_users_git_settings_and_variables_have_no_say(make, repo, tmp_path, monkeypatch):
    commit = repo.commit({".gitattributes": "* filter=evil\n", "a": "1"})
    (tmp_path / ".gitconfig").write_text(
        f'[filter "evil"]\n\tsmudge = touch {tmp_path}/executed; cat\n[core]\n\tautocrlf = true\n'
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'core.hooksPath'='/nowhere'")
    assert files(make(commit).place) == {"a", ".gitattributes"}
    assert not (tmp_path / "executed").exists()


def test_hooks_of_the_store_do_not_run(make, repo, store, tmp_path):
    first = repo.commit({"a": "1"})
    make(first)
    (bare,) = store.path("git").iterdir()
    (bare / "hooks").mkdir(exist_ok=True)
    for hook in ("post-checkout", "reference-transaction"):
        (bare / "hooks" / hook).write_text(f"#!/bin/sh\ntouch {tmp_path}/executed\n")
        (bare / "hooks" / hook).chmod(0o755)
    make(repo.commit({"a": "2"}))
    assert not (tmp_path / "executed").exists()


def test_a_subfolder_is_the_root(make, repo):
    commit = repo.commit({"jobs/detector/start.py": "x"})
    made = make(commit, git_subdir="jobs/detector")
    assert made.root == made.place / "jobs/detector"


@pytest.mark.parametrize("subdir", ["../..", "/etc", "nothing", "a"])
def test_a_subfolder_that_is_none_is_an_error(make, repo, subdir):
    commit = repo.commit({"a": "1"})
    with pytest.raises(CheckoutError, match="git_subdir"):
        make(commit, git_subdir=subdir)


def test_only_the_subfolder_and_the_files_at_the_top_are_written(make, repo):
    commit = repo.commit({"README": "r", "jobs/[a]/start.py": "x", "jobs/b/start.py": "y", "data/big": "z"})
    made = make(commit, git_subdir="jobs/[a]")
    assert files(made.place) == {"README", "jobs/[a]/start.py"}
    assert git_in(made.place, "status", "--porcelain") == ""


def test_what_was_left_out_is_written_when_it_is_needed(make, repo):
    commit = repo.commit({"README": "r", "jobs/a/start.py": "x", "jobs/ü b/start.py": "y", "data/big": "z"})
    made = make(commit, git_subdir="jobs/a")
    (made.place / "README").write_text("changed")
    for _ in range(2):
        worktree.widen(made.place, variables.INHERITED)
    assert files(made.place) == {"README", "jobs/a/start.py", "jobs/ü b/start.py", "data/big"}
    assert (made.place / "README").read_text() == "changed"
    assert git_in(made.place, "status", "--porcelain") == "M README"


def test_somebodys_own_work_tree_is_not_widened(repo):
    commit = repo.commit({"a/x": "1", "b/y": "2"})
    repo.git("sparse-checkout", "set", "a")
    worktree.widen(repo.path, variables.INHERITED)
    assert commit
    assert not (repo.path / "b").exists()


@pytest.fixture
def patch(repo, tmp_path):
    """A commit, and a patch against it that changes a file and adds one."""
    commit = repo.commit({"a": "1\n", "b": "1\n"})
    (repo.path / "a").write_text("patched\n")
    (repo.path / "new").write_text("new\n")
    repo.git("add", "--all")
    (tmp_path / "fix.patch").write_text(repo.git("diff", "--cached", "--binary") + "\n")
    repo.git("reset", "--quiet", "--hard")
    return commit, str(tmp_path / "fix.patch")


def test_a_patch_is_applied_to_the_clean_tree(make, patch):
    commit, name = patch
    made = make(commit, git_patch=name)
    assert [(made.place / path).read_text() for path in ("a", "b", "new")] == ["patched\n", "1\n", "new\n"]
    assert made.commit == commit
    assert made.patch.tree == git_in(made.place, "write-tree") != made.tree
    assert made.patch.sha256 == hashlib.sha256(Path(name).read_bytes()).hexdigest()


def test_a_patch_is_applied_once_however_often_the_place_is_filled(make, patch):
    commit, name = patch
    assert make(commit, git_patch=name).patch == make(commit, git_patch=name).patch


def test_a_patch_that_does_not_fit_is_an_error_of_the_user(make, repo, patch):
    commit = repo.commit({"a": "2\n"})
    with pytest.raises(PatchError, match=r"does not apply") as caught:
        make(commit, git_patch=patch[1])
    assert caught.value.return_code == 300001


def test_a_patch_that_is_not_there_is_an_error_that_names_it(make, patch):
    with pytest.raises(PatchError, match=r"/nowhere/fix.patch can't be read"):
        make(patch[0], git_patch="/nowhere/fix.patch")


def test_a_patch_can_not_write_outside_of_the_tree(make, patch, tmp_path):
    text = "--- /dev/null\n+++ b/../escaped\n@@ -0,0 +1 @@\n+x\n"
    (tmp_path / "evil.patch").write_text(f"diff --git a/../escaped b/../escaped\nnew file mode 100644\n{text}")
    with pytest.raises(PatchError):
        make(patch[0], git_patch=str(tmp_path / "evil.patch"))
    assert not (tmp_path / "escaped").exists()


def test_a_place_that_can_not_be_made_is_an_error_that_names_it(make, repo, tmp_path):
    commit = repo.commit({"a": "1"})
    Path(tmp_path / "file").write_text("")
    with pytest.raises(CheckoutError, match="file/place"):
        make(commit, "file/place")


def test_git_in_the_work_tree_knows_the_tag_that_the_commit_was_found_by(make, repo):
    repo.commit({"a": "1"})
    repo.git("tag", "v1.4.0")
    assert git_in(make("v1.4.0").place, "describe", "--tags") == "v1.4.0"


@pytest.mark.parametrize("subdir", ["./projects/det", "projects//det/", "projects/./det"])
def test_a_subfolder_is_the_same_however_it_is_written(make, repo, subdir):
    commit = repo.commit({"projects/det/start.py": "x"})
    assert (make(commit, git_subdir=subdir).root / "start.py").read_text() == "x"


def test_a_subfolder_that_is_none_is_the_users_mistake(make, repo):
    commit = repo.commit({"a": "1"})
    with pytest.raises(CheckoutError) as caught:
        make(commit, git_subdir="projects")
    assert caught.value.return_code == 300001
