import os

import pytest

from live_code.errors import NetworkError, NotFoundError, RefMissingError, RefusedError
from live_code.stages.code import source
from live_code.stages.request.hyperparameters import Request
from live_code.tools.machine import container
from live_code.tools.store import Store
from tests.support import repos, variables
from tests.support.servers.repos import Repo


@pytest.fixture
def repo(tmp_path):
    return Repo(tmp_path / "repo")


@pytest.fixture
def resolve(repo, tmp_path):
    def resolve(revision, url=repo.url, environ=None):
        request = Request(git_url=url, revision=revision, revision_key="git_branch")
        return source.resolve(request, Store(tmp_path / "store"), variables.git({**os.environ, **(environ or {})}))

    return resolve


def test_a_full_commit_id_is_taken_as_it_is_without_asking_anyone(resolve):
    commit = "0123456789abcdef0123456789abcdef01234567"
    found = resolve(commit.upper(), url="https://nowhere.invalid/a/b")
    assert found[1:] == (commit.upper(), commit, "", "commit")


def test_a_branch_is_resolved_pinned_and_warned_about(resolve, repo, capsys):
    commit = repo.commit({"a": "1"})
    found = resolve("main")
    assert (found.commit, found.ref, found.kind) == (commit, "refs/heads/main", "branch")
    assert f"git_branch: {commit}" in capsys.readouterr().err


@pytest.mark.parametrize("annotated", [True, False])
def test_a_tag_is_resolved_to_its_commit(resolve, repo, annotated, capsys):
    commit = repo.commit({"a": "1"})
    repo.git("tag", *(["--annotate", "--message", "One"] if annotated else []), "v1")
    repo.commit({"a": "2"})
    found = resolve("v1")
    assert (found.commit, found.ref, found.kind) == (commit, "refs/tags/v1", "tag")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["refs/pull/7/head", "pull/7/head"])
def test_a_pull_request_is_resolved(resolve, repo, name):
    commit = repo.commit({"a": "1"})
    repo.git("update-ref", "refs/pull/7/head", commit)
    assert resolve(name)[2:] == (commit, "refs/pull/7/head", "branch")


def test_a_branch_with_slashes_is_not_mixed_up_with_one_that_ends_like_it(resolve, repo):
    wanted = repo.commit({"a": "1"})
    repo.git("branch", "fix")
    repo.commit({"a": "2"})
    repo.git("branch", "ada/fix")
    assert resolve("fix").commit == wanted


def test_a_name_that_is_a_tag_and_a_branch_of_different_commits_is_ambiguous(resolve, repo):
    repo.commit({"a": "1"})
    repo.git("tag", "v1")
    repo.commit({"a": "2"})
    repo.git("branch", "v1")
    with pytest.raises(RefMissingError, match=r"ambiguous: refs/tags/v1 .* refs/heads/v1"):
        resolve("v1")
    assert resolve("refs/tags/v1").kind == "tag"


def test_a_short_id_of_an_old_commit_is_found(resolve, repo, capsys):
    commit = repo.commit({"a": "1"})
    repo.commit({"a": "2"})
    found = resolve(commit[:8])
    assert (found.commit, found.ref, found.kind) == (commit, "", "commit")
    assert commit in capsys.readouterr().err


def test_a_short_id_is_found_in_a_sha256_repository(tmp_path, resolve):
    repo = Repo(tmp_path / "sha256", object_format="sha256")
    commit = repo.commit({"a": "1"})
    repo.commit({"a": "2"})
    assert resolve(commit[:12], url=repo.url).commit == commit


def test_a_short_id_that_begins_several_commits_is_ambiguous_and_they_are_named(resolve, repo):
    commits = [repo.commit({}, message=str(number)) for number in range(17)]
    first = next(c for c in commits if sum(other[:1] == c[:1] for other in commits) > 1)[:1]
    same = [commit for commit in commits if commit[:1] == first]
    with pytest.raises(RefMissingError, match="ambiguous") as caught:
        source._only(first, set(same), source.read_url(repo.url, variables.git()))
    assert all(commit in str(caught.value) for commit in same[:5])


def test_a_name_that_looks_like_an_id_is_a_name_first(resolve, repo):
    commit = repo.commit({"a": "1"})
    repo.git("branch", "deadbeef")
    repo.commit({"a": "2"})
    assert resolve("deadbeef").ref == "refs/heads/deadbeef"
    assert resolve("deadbeef").commit == commit


@pytest.mark.parametrize("revision", ["nothing", "abcdef1"])
def test_what_the_repository_lacks_is_the_users_mistake(resolve, repo, revision):
    repo.commit({"a": "1"})
    with pytest.raises(RefMissingError, match=revision) as caught:
        resolve(revision)
    assert (caught.value.return_code, caught.value.retryable) == (300001, False)


@pytest.mark.parametrize("revision", ["-x", "--upload-pack=x", "a..b", "main~1", "a b", "x:y", "HEAD@{1}", "a\nb", "*"])
def test_a_revision_that_is_no_name_is_refused_before_git_sees_it(resolve, revision):
    with pytest.raises(RefMissingError, match="is no revision"):
        resolve(revision, url="https://nowhere.invalid/a/b")


def test_an_unreachable_host_is_a_network_failure_worth_another_try(resolve):
    with pytest.raises(NetworkError) as caught:
        resolve("main", url="http://127.0.0.1:9/team/detector.git")
    assert (caught.value.return_code, caught.value.retryable, caught.value.kind) == (300301, True, "GIT_NETWORK")


def test_a_repository_that_is_not_there_is_told_apart(resolve, tmp_path):
    with pytest.raises(NotFoundError):
        resolve("main", url=str(tmp_path / "nothing.git"))


def test_a_folder_as_remote_can_be_switched_off(resolve, repo):
    with pytest.raises(RefusedError, match="LIVE_CODE_ALLOW_LOCAL"):
        resolve("main", environ={"LIVE_CODE_ALLOW_LOCAL": "0"})


def test_an_image_takes_no_folder_as_remote_unless_it_is_told_to(resolve, repo, tmp_path, monkeypatch):
    commit = repo.commit({"a": "1"})
    monkeypatch.setattr(container, "FORMS", tmp_path)
    with pytest.raises(RefusedError, match="LIVE_CODE_ALLOW_LOCAL"):
        resolve("main", environ={})
    assert resolve("main", environ={"LIVE_CODE_ALLOW_LOCAL": "1"}).commit == commit


def test_a_password_in_the_address_is_refused_and_not_shown(resolve):
    with pytest.raises(RefusedError) as caught:
        resolve("main", url="https://ada:s3cret@git.test/a.git")
    assert "s3cret" not in f"{caught.value} {caught.value.details} {caught.value!r}"


def test_a_browsers_page_of_the_same_commit_is_taken_for_its_repository(resolve):
    commit = "0123456789abcdef0123456789abcdef01234567"
    found = resolve(commit, url=f"https://git.test/team/detector/blob/{commit}/config/a.yaml")
    assert (str(found.url), found.commit) == ("https://git.test/team/detector", commit)


def test_a_browsers_page_of_another_revision_is_a_disagreement(resolve):
    with pytest.raises(RefMissingError, match=r"is the page of 'main/a.yaml', but git_branch is 'v1'"):
        resolve("v1", url="https://git.test/team/detector/blob/main/a.yaml")


def test_files_of_a_folder_that_are_not_committed_are_warned_of(tmp_path, resolve, capsys):
    repo = repos.make(tmp_path / "mine")
    commit = repo.commit(a__py="1", b__py="1")
    resolve("HEAD", url=str(repo.path))
    assert "will not be run" not in capsys.readouterr().err
    repo.write("a.py", "2")
    repo.write("new/c.py", "1")
    repo.write("new/d.py", "1")
    assert resolve("HEAD", url=str(repo.path)).commit == commit
    assert f"3 files in {repo.path} differ from {commit[:12]} and will not be run" in capsys.readouterr().err
    resolve(commit, url=str(repo.path))
    assert capsys.readouterr().err == ""


def test_a_mistyped_branch_is_told_with_what_it_may_be_and_the_forms_field(resolve, repo):
    repo.commit({"a": "1"})
    repo.git("branch", "feature/boxes")
    with pytest.raises(RefMissingError, match=r"^git_branch: .* has no tag or branch .*Is it 'feature/boxes'\?"):
        resolve("feature/boxs")


@pytest.mark.parametrize("name", ["origin/main", "refs/remotes/origin/main"])
def test_a_branch_as_a_clone_calls_it_is_the_remotes(resolve, repo, name):
    commit = repo.commit({"a": "1"})
    found = resolve(name)
    assert (found.commit, found.ref) == (commit, "refs/heads/main")


def test_a_branch_that_is_really_named_so_is_meant_first(resolve, repo):
    repo.commit({"a": "1"})
    repo.git("checkout", "--quiet", "-b", "origin/main")
    own = repo.commit({"a": "2"})
    assert resolve("origin/main").commit == own


def test_a_folder_with_a_space_in_its_name_is_a_repository(resolve, tmp_path):
    commit = Repo(tmp_path / "My Project").commit({"a": "1"})
    assert resolve("main", url=str(tmp_path / "My Project")).commit == commit
