"""What a hostile repository, address or server may try, by name: each is refused or harmless, and nothing is run."""

import os
from pathlib import Path

import pytest

from live_code.errors import LiveCodeError, SourceError
from tests.support import checkouts
from tests.support.servers.repos import Repo

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Attack:
    """A repository to arm, and what running it would leave behind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repo = Repo(folder / "repo")
        self.repo.commit({"start.py": "print(1)"})
        self.executed = folder / "executed"
        self.script = f"touch {self.executed}"

    def run(self, revision=None, url=None, environ=os.environ, **settings):
        revision = revision or self.repo.git("rev-parse", "HEAD")
        return checkouts.made(self.folder, url or self.repo.url, revision, environ, place="work/place", **settings)

    def blob(self, text, mode="100644"):
        return mode, self.repo.git("hash-object", "-w", "--stdin", stdin=text)

    def tree(self, *entries):
        """A raw tree of (name, (mode, id)), with whatever names; git's own commands would refuse many of them."""
        raw = b"".join(f"{mode} {name}\0".encode() + bytes.fromhex(oid) for name, (mode, oid) in entries)
        path = self.folder / "raw-tree"
        path.write_bytes(raw)
        return "40000", self.repo.git("hash-object", "-w", "-t", "tree", "--literally", str(path))

    def commit(self, *entries):
        commit = self.repo.git("commit-tree", self.tree(*entries)[1], "-m", "Attack")
        self.repo.git("update-ref", "refs/heads/main", commit)
        return commit

    def link(self, target):
        return self.blob(target, "120000")

    def dot_git(self):
        """A folder with what git would run if it took the folder for its own."""
        hook = self.blob(f"#!/bin/sh\n{self.script}\n", "100755")
        settings = self.blob(f"[core]\n\tfsmonitor = {self.script}\n\tsshCommand = {self.script}\n")
        return self.tree(
            ("config", settings), ("hooks", self.tree(("post-checkout", hook), ("post-index-change", hook)))
        )

    def submodule(self, path="lib", url="../lib", more="", name="lib"):
        text = f'[submodule "{name}"]\n\tpath = {path}\n\turl = {url}\n{more}'
        return self.commit((".gitmodules", self.blob(text)), ("lib", ("160000", COMMIT)))


@pytest.fixture
def attack(tmp_path):
    attack = Attack(tmp_path)
    yield attack
    assert not attack.executed.exists(), "the attack's program ran"
    allowed = {"repo", "store", "work", "raw-tree", "lib", "outside"}
    assert {path.name for path in tmp_path.iterdir()} <= allowed, "something was written outside"


def refused(attack, *words, kind=LiveCodeError, **settings):
    with pytest.raises(kind) as caught:
        attack.run(*words, **settings)
    assert caught.value.return_code in (300001, 160004)
    return caught.value


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("an option in place of the address", "--upload-pack=touch executed"),
        ("a short option in place of the address", "-utouch executed"),
        ("a remote helper that runs a shell", "ext::sh -c touch% executed"),
        ("a remote helper that reads a file descriptor", "fd::7"),
        ("a helper by its double colon alone", "evil::https://git.test/a"),
        ("an option in place of an ssh host", "ssh://-oProxyCommand=touch executed/a"),
        ("an option in place of an ssh user", "ssh://-oProxyCommand=x@git.test/a"),
        ("an option in place of an scp-like host", "-oProxyCommand=x:a"),
        ("an option in place of an scp-like path", "git@git.test:--upload-pack=x"),
        ("a line's end that adds a credential's host", "https://git.test/a\nhost=github.com"),
        ("a line's end in percent signs", "https://git.test%0ahost=github.com/a"),
        ("the unauthenticated git protocol", "git://git.test/a"),
        ("a password in the address", "https://ada:s3cret@git.test/a"),
    ],
)
def test_address(attack, name, url):
    refused(attack, COMMIT, kind=SourceError, url=url)


@pytest.mark.parametrize(
    "revision", ["--upload-pack=touch executed", "-x", "main:refs/heads/x", "+main", "^main", "@{-1}"]
)
def test_revision_that_is_more_than_a_name(attack, revision):
    if revision == "+main":
        refused(attack, revision, kind=SourceError)
    else:
        assert "is no revision" in refused(attack, revision, kind=SourceError).message


@pytest.mark.parametrize(
    "name",
    [
        ".git",
        ".GIT",
        ".gIt",
        "git~1",
        ".git ",
        ".git.",
        ".git::$INDEX_ALLOCATION",
        ".g\u200cit",
        "..",
        ".",
        "a/../../x",
    ],
)
def test_tree_that_writes_into_git_or_outside(attack, name):
    attack.commit((name, attack.dot_git()))
    refused(attack)
    assert not (attack.folder / "work/place/.git/hooks").exists()


def test_tree_with_names_of_another_systems_folders(attack):
    attack.commit(("a\\..\\..\\x", attack.blob("x")), ("c:x", attack.blob("x")))
    assert sorted(path.name for path in attack.run().place.iterdir()) == [".git", "a\\..\\..\\x", "c:x"]


def test_tree_with_one_name_as_link_and_as_folder(attack):
    attack.commit(("a", attack.link(".git/hooks")), ("a", attack.tree(("post-checkout", attack.blob("x", "100755")))))
    refused(attack)


def test_tree_with_names_that_differ_by_case_only(attack):
    inner = attack.tree(("post-checkout", attack.blob(f"#!/bin/sh\n{attack.script}", "100755")))
    attack.commit(("A", inner), ("a", attack.link(".git/hooks")))
    made = attack.run()
    assert (made.place / "A/post-checkout").is_file()
    assert not (made.place / ".git/hooks").exists()


def test_gitmodules_that_is_a_link(attack):
    attack.commit((".gitmodules", attack.link("/etc/passwd")), ("lib", ("160000", COMMIT)))
    refused(attack)


@pytest.mark.parametrize(
    "url", ["ext::sh -c touch% executed", "-u./payload", "file:///etc\n", "ssh://-oProxyCommand=x/a"]
)
def test_submodule_with_an_address_that_runs_something(attack, url):
    attack.submodule(url=url)
    refused(attack)


def test_submodule_whose_name_climbs_into_gits_folder(attack):
    lib = Repo(attack.folder / "lib")
    pinned = lib.commit({"lib.py": "x", "hooks/post-checkout": f"#!/bin/sh\n{attack.script}\n"})
    text = '[submodule "../../hooks"]\n\tpath = lib\n\turl = ../lib\n'
    attack.commit((".gitmodules", attack.blob(text)), ("lib", ("160000", pinned)))
    refused(attack)


def test_submodule_in_gits_folder(attack):
    text = '[submodule "x"]\n\tpath = .git/hooks\n\turl = ../lib\n'
    inner = attack.tree(("hooks", ("160000", COMMIT)))
    attack.commit((".git", inner), (".gitmodules", attack.blob(text)))
    refused(attack)


def test_submodule_whose_update_is_a_command(attack):
    attack.submodule(more=f"\tupdate = !{attack.script}\n")
    refused(attack)


def test_submodule_with_settings_of_git(attack):
    lib = Repo(attack.folder / "lib")
    pinned = lib.commit({"lib.py": "x"})
    text = f'[submodule "lib"]\n\tpath = lib\n\turl = ../lib\n[core]\n\tsshCommand = {attack.script}\n'
    text += f"\tfsmonitor = {attack.script}\n[include]\n\tpath = ../../x\n"
    attack.commit((".gitmodules", attack.blob(text)), ("lib", ("160000", pinned)))
    assert "sshCommand" not in (attack.run().place / ".git/config").read_text()


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "lib/../../outside", "/", ".."])
def test_link_that_leaves_the_tree(attack, target):
    (attack.folder / "work").mkdir()
    attack.commit(("a", attack.link(target)))
    assert "leads out of the repo" in refused(attack).message


def test_link_that_leaves_the_tree_by_way_of_another(attack):
    deep = attack.tree(("c", attack.tree(("up", attack.link("../../..")))))
    attack.commit(("a", attack.tree(("b", deep))), ("out", attack.link("a/b/c/up/../outside")))
    assert "leads out of the repo" in refused(attack).message


def test_links_that_lead_to_each_other(attack):
    attack.commit(("a", attack.link("b")), ("b", attack.link("a")))
    assert attack.run().place.is_dir()


def test_link_in_place_of_the_folder_that_a_task_names(attack):
    attack.commit(("jobs", attack.link("/etc")))
    refused(attack, git_subdir="jobs")


@pytest.mark.parametrize("attribute", ["filter=evil", "filter=lfs", "diff=evil merge=evil"])
def test_attributes_that_name_a_program(attack, attribute):
    settings = (
        f'[filter "evil"]\n\tsmudge = {attack.script}\n\tprocess = {attack.script}\n[diff "evil"]\n\ttextconv = x\n'
    )
    attack.repo.commit({".gitattributes": f"* {attribute}\n", ".gitconfig": settings, "a.txt": "a"})
    assert (attack.run().place / "a.txt").read_text() == "a"


def test_hooks_and_settings_beside_the_code(attack):
    hook = f"#!/bin/sh\n{attack.script}\n"
    names = [
        "hooks/post-checkout",
        ".githooks/post-checkout",
        ".husky/post-checkout",
        ".config/git/hooks/post-checkout",
    ]
    attack.repo.commit(dict.fromkeys(names, hook) | {".gitconfig": "[core]\n\thooksPath = hooks\n"})
    for name in names:
        (attack.repo.path / name).chmod(0o755)
    attack.repo.commit({}, "Executable")
    assert attack.run().place.is_dir()


def test_replaced_objects(attack):
    good = attack.repo.git("rev-parse", "HEAD")
    evil = attack.repo.commit({"start.py": "evil"})
    attack.repo.git("replace", good, evil)
    assert (attack.run(good).place / "start.py").read_text() == "print(1)"


def test_files_that_unpack_to_more_than_is_allowed(attack):
    attack.repo.commit({"bomb": "0" * 3_000_000})
    error = refused(attack, environ={**os.environ, "LIVE_CODE_MAX_CHECKOUT_GB": "0.001"})
    assert "more than 0.001 GB" in error.message
    assert not (attack.folder / "work/place/bomb").exists()


def test_a_place_that_an_earlier_job_prepared(attack):
    place = attack.run().place
    (place / ".git/hooks").mkdir()
    (place / ".git/hooks/post-checkout").write_text(f"#!/bin/sh\n{attack.script}\n")
    (place / ".git/hooks/post-checkout").chmod(0o755)
    settings = f'[core]\n\tfsmonitor = {attack.script}\n\thooksPath = hooks\n[filter "x"]\n\tsmudge = {attack.script}\n'
    (place / ".git/config").write_text(settings)
    (place / ".git/live-code/.gitconfig").write_text(settings)
    (place / ".git/objects/info/alternates").write_text("/nowhere\n")
    (place / ".gitattributes").write_text("* filter=x\n")
    assert {path.name for path in attack.run().place.iterdir()} == {".git", "start.py"}


def test_a_repository_that_is_a_folder_with_its_own_hooks_and_settings(attack):
    for hook in ("post-checkout", "post-update", "pre-auto-gc", "reference-transaction"):
        path = attack.repo.path / ".git/hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{attack.script}\n")
        path.chmod(0o755)
    attack.repo.git("config", "core.fsmonitor", attack.script)
    attack.repo.git("config", "core.sshCommand", attack.script)
    attack.repo.git("config", "uploadpack.packObjectsHook", attack.script)
    assert attack.run().place.is_dir()
