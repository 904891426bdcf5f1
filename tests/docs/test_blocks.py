"""Each code block of the READMEs and the docs is checked; those that are marked are run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.docs import blocks, checks, commands, session
from tests.support.docs.blocks import Block

PAGES = blocks.pages()
BLOCKS = [block for page in PAGES for block in blocks.of(page)]
PLAYED = [page for page in PAGES if any(block.mark == "run" for block in blocks.of(page))]


def made(text: str, folder: Path) -> Block:
    page = folder / "page.md"
    page.write_text(text)
    [block] = blocks.of(page)
    return block


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_says_what_is_true(block: Block, tmp_path: Path) -> None:
    assert checks.problems(block, tmp_path) == []


@pytest.mark.parametrize("page", PLAYED, ids=lambda page: str(page.relative_to(blocks.ROOT)))
def test_a_page_can_be_followed(page: Path, tmp_path: Path) -> None:
    environ = session.world(tmp_path / "reader")
    assert session.play(blocks.of(page), tmp_path / "reader", environ) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(blocks.ROOT)))
def test_commands_and_options_that_the_text_mentions_exist(page: Path) -> None:
    wrong = []
    for line, text in blocks.spans(page):
        if text.startswith("live-code "):
            words = [word.strip("[]…") for word in text.split()[1:]]
            if told := commands.mentioned([word for word in words if word]):
                wrong.append(f"{line}: {text}: {told}")
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(blocks.ROOT)))
def test_variables_that_a_page_names_are_read_by_somebody(page: Path) -> None:
    named = set(re.findall(r"LIVE_CODE_[A-Z_]*[A-Z]", page.read_text()))
    assert named - commands.variables() == set()


def test_variables_that_the_executor_reads_are_told_of() -> None:
    read = {
        name
        for path in (blocks.ROOT / "live_code").rglob("*.py")
        for name in re.findall(r'"(LIVE_CODE_[A-Z_]+)"', path.read_text())
    }
    told = "".join(page.read_text() for page in PAGES)
    assert sorted(name for name in read if name not in told) == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("```sh\nlive-code run --inn task\n```", "unrecognized arguments: --inn"),
        ("```sh\nlive-code fly\n```", "invalid choice: 'fly'"),
        ("```sh\nfrobnicate\n```", "no check for frobnicate"),
        ("```sh\nscripts/nothing\n```", "there is no such script"),
        ("```sh\nscripts/build-images torch --pull\n```", "it knows no --pull"),
        ("```sh\ndocker run -v a:/nowhere live-code:torch\n```", "nothing of ours is at /nowhere"),
        ("```sh\ndocker run -e LIVE_CODE_NO=1 live-code:torch\n```", "LIVE_CODE_NO is read by nobody"),
        ("```sh\ndocker run live-code:torch live-code fly\n```", "invalid choice: 'fly'"),
        ("```sh\nif\n```", "syntax error"),
        ('```yaml title="live-code.yaml"\nentrypint: a.py\n```', "a key that is not known: entrypint"),
        ('```yaml title="config.yaml"\ngit_lfs: maybe\n```', "git_lfs is 'maybe'"),
        ("```yaml\na: 1\n```", "it needs a title"),
        ("```yaml title=a.yaml\na: 1\n```", "it needs a title"),
        ("```python\nfrom ymir_exc.util import get_merged_confg\n```", "ymir_exc.util has no get_merged_confg"),
        ("```python\nfrom ymir_exc.util import get_bool\nget_bool()\n```", "ymir_exc.util.get_bool lacks cfg, key"),
        ("```json\n{\n```", "Expecting"),
        ("```toml\na = \n```", "Invalid value"),
        ("```text\nhello\n```", "text is an output or a diagram"),
        ("```cobol\nGO TO\n```", "no check for blocks of cobol"),
        ("Text:\n\n    indented\n", "no check for blocks of no language"),
    ],
)
def test_a_wrong_block_is_found(text: str, wrong: str, tmp_path: Path) -> None:
    [told] = checks.problems(made(text, tmp_path), tmp_path)
    assert wrong in told


def test_a_comment_before_a_block_names_its_check(tmp_path: Path) -> None:
    block = made('<!-- run: 3 -->\n\n```sh title="a b"\ntrue\n```\n', tmp_path)
    assert (block.mark, block.argument, block.language, block.title) == ("run", "3", "sh", "a b")


def test_a_played_page_tells_a_command_that_fails(tmp_path: Path) -> None:
    block = made("<!-- run -->\n```sh\nexit 3\n```\n", tmp_path)
    [told] = session.play([block], tmp_path, {"PATH": "/usr/bin:/bin"})
    assert "ended with 3" in told


def test_an_output_is_compared_but_for_numbers_and_places() -> None:
    said = "done in 1.3 s\nrecord: /tmp/a/run.json\n"
    assert session.missing("done in 0.2 s\n…\nrecord: /out/run.json\n", said) == []
    assert session.missing("done at once\n", said) == ["done at once"]


def test_a_mention_of_an_option_that_is_not_there_is_found() -> None:
    assert commands.mentioned(["runs", "DIR", "--were", "x"]) == "there is no option --were"
    assert commands.mentioned(["cache", "ls|gc", "--max-size"]) == ""
    assert commands.mentioned(["fly"]) == "there is no command fly"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(blocks.ROOT)))
def test_no_page_has_a_placeholder_left(page: Path) -> None:
    assert re.findall(r"@@\w+@@|\b(?:TODO|TBD|FIXME)\b", page.read_text()) == []
