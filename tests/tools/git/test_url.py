import pytest

from live_code.tools.git import url as git_url


@pytest.mark.parametrize(
    ("text", "scheme", "user", "host", "port", "path"),
    [
        ("https://git.test/team/detector.git", "https", "", "git.test", "", "/team/detector.git"),
        ("https://robot@git.test:8443/team/detector", "https", "robot", "git.test", "8443", "/team/detector"),
        ("ssh://git@git.test:2222/team/detector.git", "ssh", "git", "git.test", "2222", "/team/detector.git"),
        ("git@git.test:team/detector.git", "ssh", "git", "git.test", "", "team/detector.git"),
        ("file:///srv/detector.git", "file", "", "", "", "/srv/detector.git"),
        ("/srv/./detector.git", "file", "", "", "", "/srv/detector.git"),
        ("/srv/My Project/detector.git", "file", "", "", "", "/srv/My Project/detector.git"),
        ("https://git.test/My%20Project/_git/repo", "https", "", "git.test", "", "/My%20Project/_git/repo"),
        ("HTTPS://git.test/a.git", "https", "", "git.test", "", "/a.git"),
    ],
)
def test_each_form_of_address_is_read(text, scheme, user, host, port, path):
    url = git_url.parse(text)
    assert url[1:] == (scheme, user, host, port, path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-u./payload",
        "--upload-pack=touch /tmp/x",
        "ext::sh -c touch% /tmp/x",
        "ext::sh",
        "fd::17/foo",
        "git://git.test/a.git",
        "ftp://git.test/a.git",
        "https://-oProxyCommand=x/a.git",
        "ssh://-oProxyCommand=x/a.git",
        "ssh://-oProxyCommand=x@git.test/a.git",
        "-oProxyCommand=x:a.git",
        "git@git.test:-a.git",
        "https://git.test/a.git\nhost=other.test",
        "https://git.test/%0ahost=other.test/a.git",
        "https://git.test%0d/a.git",
        "https://git.test:port/a.git",
        "https://git.test/My Project/a.git",
        "https://git.test/a.git?token=1",
        "https://git.test/a.git#main",
        "https:///a.git",
        "https://git.test/",
        "file://other.test/srv/a.git",
        "detector",
    ],
)
def test_an_address_that_could_do_harm_or_is_none_is_refused(text):
    with pytest.raises(git_url.UrlError):
        git_url.parse(text)


def test_an_address_with_a_password_is_refused_and_the_password_not_shown():
    text = "https://ada:s3cret@git.test/a.git?private_token=t0ken"
    with pytest.raises(git_url.UrlError) as caught:
        git_url.parse(text)
    assert "s3cret" not in str(caught.value)
    assert git_url.redacted(text) == "https://***@git.test/a.git"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("user@x:pw@host", "***@host"),
        ("https://user@x:pw@host/a.git", "https://***@host/a.git"),
        ("https://ada:p/w@host/a.git", "https://***@host/a.git"),
        ("git@host:team/a.git", "git@host:team/a.git"),
        ("https://host:8443/a.git", "https://host:8443/a.git"),
    ],
)
def test_no_password_of_an_address_that_can_not_be_read_is_shown(text, shown):
    assert git_url.redacted(text) == shown


def test_a_scheme_in_capitals_is_the_same_scheme():
    assert git_url.parse("HTTPS://git.test/a.git") == git_url.parse("https://git.test/a.git")


@pytest.mark.parametrize(
    "other",
    [
        "https://git.test/team/detector",
        "https://git.test/team/detector/",
        "https://GIT.test/team/detector.git",
        "git@git.test:team/detector.git",
        "ssh://git@git.test/team/detector",
    ],
)
def test_all_ways_to_write_an_address_share_one_key(other):
    assert git_url.parse(other).key == git_url.parse("https://git.test/team/detector.git").key


def test_different_repositories_have_different_keys():
    texts = ["https://a.test/x", "https://a.test:8443/x", "https://b.test/x", "https://a.test/X", "/srv/x", "/srv-x"]
    assert len({git_url.parse(text).key for text in texts}) == len(texts)


def test_a_key_is_a_plain_file_name():
    key = git_url.parse("https://git.test/" + "a b/../~c".replace(" ", "%7e") * 40).key
    assert len(key) < 80
    assert "/" not in key
    assert not key.startswith(".")


@pytest.mark.parametrize(
    ("page", "repo", "rest"),
    [
        ("https://h.test/team/detector/tree/main", "https://h.test/team/detector", "main"),
        ("https://h.test/team/detector/tree/ada/fix/lib", "https://h.test/team/detector", "ada/fix/lib"),
        (
            "https://h.test/team/detector/blob/0a1b2c3/config/a.yaml",
            "https://h.test/team/detector",
            "0a1b2c3/config/a.yaml",
        ),
        ("https://h.test/group/team/detector/-/tree/v1", "https://h.test/group/team/detector", "v1"),
        ("https://h.test/team/detector/src/branch/main/lib", "https://h.test/team/detector", "main/lib"),
        ("https://h.test/team/detector/src/commit/0a1b2c3", "https://h.test/team/detector", "0a1b2c3"),
        ("https://h.test/team/detector/commit/0a1b2c3", "https://h.test/team/detector", "0a1b2c3"),
        ("https://h.test/team/detector/pull/7/files", "https://h.test/team/detector", "refs/pull/7/head"),
        ("https://h.test/t/detector/-/merge_requests/7", "https://h.test/t/detector", "refs/merge-requests/7/head"),
        ("https://h.test/team/detector", "https://h.test/team/detector", ""),
        ("https://h.test/team/tree.git", "https://h.test/team/tree.git", ""),
        ("https://h.test/git/a/tree/detector.git", "https://h.test/git/a/tree/detector.git", ""),
        ("git@h.test:team/detector/tree/main", "git@h.test:team/detector/tree/main", ""),
    ],
)
def test_the_address_of_a_browsers_page_is_split(page, repo, rest):
    assert git_url.without_page(page) == (repo, rest)
