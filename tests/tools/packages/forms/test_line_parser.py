"""The reading of single lines against pip's own: what pip takes is taken, with the same name, range, marker and
options."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from packaging.requirements import InvalidRequirement, Requirement
from pip._internal.exceptions import PipError
from pip._internal.network.session import PipSession
from pip._internal.req.constructors import install_req_from_parsed_requirement
from pip._internal.req.req_file import parse_requirements

from live_code.tools.packages import requirements
from live_code.tools.packages.requirements import Chosen, Input

NAMES = st.sampled_from(["a", "six", "Foo.Bar", "ruamel_yaml", "x-y-z", "torch2"])
EXTRAS = st.sampled_from(["", "[e]", "[e,f]", " [ e , f ]"])
VERSIONS = st.sampled_from(
    ["", "==1.0", " == 1.0", ">=1,<2", "~=1.4.2", "!=1.1", "===1.0", "==1.*", " (>=1.0)", "==1.0+cu118"]
)
MARKERS = st.sampled_from(
    [
        "",
        ";python_version>'3'",
        " ; sys_platform == 'win32'",
        "; extra == 'x' or os_name=='posix'",
        ' ; python_version < "3.8"',
    ]
)
HASHES = st.sampled_from(["", f" --hash=sha256:{'0' * 64}", f" --hash sha256:{'1' * 64} --hash=sha512:{'2' * 128}"])
BEHIND = st.sampled_from(
    ["", " --no-binary six", " --only-binary=:all:", ' --config-settings="k=v"', " --pre", " --hash=md5:00"]
)
URLS = st.sampled_from(
    [
        "https://host/w/six-1.0-py3-none-any.whl",
        "https://host/six.zip;x",
        "git+https://host/team/lib.git@main#egg=lib",
        "git+ssh://git@host/team/lib.git@v1#egg=lib&subdirectory=x",
        "git+https://host/lib",
        "git+https://host/lib#egg=lib[more]",
    ]
)
COMMENTS = st.sampled_from(["", " # why", "\t#", " #a \\"])
SPACES = st.sampled_from(["", " ", "\t"])
QUOTES = st.sampled_from(["", "'", '"'])


@st.composite
def named(draw: st.DrawFn) -> str:
    return draw(NAMES) + draw(EXTRAS) + draw(VERSIONS) + draw(MARKERS) + draw(HASHES | BEHIND)


@st.composite
def by_url(draw: st.DrawFn) -> str:
    url, marker = draw(URLS), draw(st.sampled_from(["", " ; python_version > '3'"]))
    name = draw(st.sampled_from(["", "lib @ ", "lib[more]@ "]))
    return f"{name}{url}{marker}{draw(HASHES)}"


@st.composite
def editable(draw: st.DrawFn) -> str:
    quote = draw(QUOTES)
    option = draw(st.sampled_from(["-e ", "-e", "--editable ", "--editable=", "--edit="]))
    what = draw(
        URLS.filter(lambda url: url.startswith("git+") and "#egg" in url)
        | st.sampled_from([".", "./lib", "lib/", "./lib[x]"])
    )
    return f"{option}{quote}{what}{quote}"


@st.composite
def option(draw: st.DrawFn) -> str:
    return draw(
        st.sampled_from(
            [
                "--index-url https://i/simple",
                "-i https://i/simple",
                "-ihttps://i/simple",
                "--index https://i/simple",
                "--extra-index-url='https://i/simple'",
                "--extra-index-url https://i --extra-index-url https://j",
                "-f wheels --no-index",
                "-f https://host/page.html",
                "--find-links='my wheels'",
                "--no-binary=a,b",
                "--only-binary :all: --pre",
                "--prefer-binary",
                "--trusted-host h",
                "--use-feature fast-deps",
                "--require-hashes",
            ]
        )
    )


@st.composite
def file(draw: st.DrawFn) -> str:
    """Some lines, perhaps continued where there is a space, with comments and empty ones between."""
    whole = ""
    for line in draw(st.lists(named() | by_url() | editable() | option(), min_size=1, max_size=4)):
        if draw(st.booleans()) and "'" not in line and '"' not in line:
            line = re.sub(r" (?=[^\s;])", draw(st.sampled_from([" ", " \\\n", " \\\n  "])), line, count=1)
        whole += (
            draw(SPACES)
            + line
            + draw(COMMENTS)
            + draw(st.sampled_from(["\n", "\r\n", "\n\n", "\n# more\n", "\n#\\\n"]))
        )
    return whole


class Entry(NamedTuple):
    name: str
    extras: frozenset[str]
    wish: str
    marker: str
    hashes: frozenset[str]


def of_pip(root: Path) -> tuple[list[Entry], dict[str, Any]]:
    from pip._internal.index.collector import LinkCollector
    from pip._internal.index.package_finder import PackageFinder
    from pip._internal.models.search_scope import SearchScope
    from pip._internal.models.selection_prefs import SelectionPreferences

    session = PipSession()
    collector = LinkCollector(session, SearchScope.create([], ["https://pypi.org/simple"], no_index=False))
    finder = PackageFinder.create(collector, SelectionPreferences(allow_yanked=True))
    entries = []
    for parsed in parse_requirements(str(root / "requirements.txt"), session, finder=finder):
        made = install_req_from_parsed_requirement(parsed)
        hashes = (parsed.options or {}).get("hashes", {})
        entries.append(
            Entry(
                made.name or "",
                frozenset(made.extras),
                made.link.url_without_fragment if made.link else str(made.req.specifier),
                str(made.markers or ""),
                frozenset(f"{kind}:{value}" for kind, values in hashes.items() for value in values),
            )
        )
    scope = finder.search_scope
    return entries, {"indexes": set(scope.index_urls), "links": set(scope.find_links), "none": scope.no_index}


def of_ours(root: Path) -> tuple[list[Entry], dict[str, Any]]:
    (text,) = [
        text
        for text in requirements.closure(root, Chosen((Input("requirements.txt"),), "x"))
        if text.name == "requirements.txt"
    ]
    entries = [entry for line in requirements.lines(text) if (entry := _entry(line.text, root))]
    named = list(requirements.options([text]))
    indexes = [value for key, value in named if key in ("-i", "--index-url")][-1:] or ["https://pypi.org/simple"]
    extra = [value for key, value in named if key == "--extra-index-url"]
    links = [value for key, value in named if key in ("-f", "--find-links")]
    none = any(key == "--no-index" for key, _ in named)
    links = [str(root / link) if (root / link).is_dir() else link for link in links]
    return entries, {"indexes": set() if none else {*indexes, *extra}, "links": set(links), "none": none}


def _entry(text: str, root: Path) -> Entry | None:
    what, *hashes = re.split(r"\s+--hash[ =]", text)
    if what.startswith("-") and not what.startswith("-e"):
        return None
    what = what.removeprefix("-e ").strip()
    if re.match(r"\.", what):
        path, _, extras = what.partition("[")
        whole = f"file://{(root / path).resolve()}"
        return Entry("", frozenset(filter(None, extras.rstrip("]").split(","))), whole, "", frozenset(hashes))
    if what.startswith("git+") or what.startswith("http"):
        url, _, marker = what.partition(" ; ")
        return Entry(
            "",
            frozenset(),
            url.partition("#")[0],
            marker and str(Requirement(f"x ; {marker}").marker),
            frozenset(hashes),
        )
    made = Requirement(what)
    wish = made.url.partition("#")[0] if made.url else str(made.specifier)
    return Entry(made.name, frozenset(made.extras), wish, str(made.marker or ""), frozenset(hashes))


def project(root: Path) -> None:
    for name in ("", "lib"):
        (root / name).mkdir(exist_ok=True)
        (root / name / "pyproject.toml").write_text("")
    for name in ("wheels", "my wheels"):
        (root / name).mkdir(exist_ok=True)


@settings(max_examples=150, deadline=None)
@given(file())
@example("a # c \\\nb\n")
@example("foo-\\\nbar==1.0\n")
@example("# first \\\na\n")
@example("a==1.0 \\\n    --hash=sha256:00 # c\n")
def test_what_pip_takes_is_taken_alike(tmp_path_factory: Any, text: str) -> None:
    root = tmp_path_factory.mktemp("repo")
    project(root)
    (root / "requirements.txt").write_bytes(text.encode())
    import os

    before = os.getcwd()
    os.chdir(root)  # as pip is run
    try:
        wanted, around = of_pip(root)
    except (PipError, InvalidRequirement):
        assume(False)  # pip does not take it: whether we do is another test's
        return
    finally:
        os.chdir(before)
    entries, ours = of_ours(root)
    assert [comparable(entry) for entry in entries] == [comparable(entry) for entry in wanted]
    # With pip an --index-url takes away what an earlier line added; here all add up.
    assert around.pop("indexes") <= ours.pop("indexes")
    assert ours == around


def comparable(entry: Entry) -> tuple[Any, ...]:
    local = entry.wish.startswith("file:")
    name = "" if local or entry.wish.startswith(("git+", "http")) else requirements_name(entry.name)
    extras = frozenset() if "://" in entry.wish and not local and not entry.name else entry.extras
    wish = (
        unquote(entry.wish.rstrip("/"))
        if "://" in entry.wish
        else ",".join(sorted(entry.wish.replace(" ", "").split(",")))
    )
    return name, extras, wish, entry.marker.replace("'", '"'), entry.hashes


def requirements_name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
