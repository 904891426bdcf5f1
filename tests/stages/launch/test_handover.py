from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from live_code.errors import ConfigError
from live_code.stages.launch import handover
from live_code.stages.request import repo_settings, task_config
from live_code.tools.settings import TaskFiles
from tests.support.task_folder import TaskFolder


def write(folder: TaskFolder, tasks: tuple[str, ...] = ()) -> handover.Handover:
    task = task_config.load(task_config.Folders(folder.in_dir, folder.out_dir))
    merged = repo_settings.Merged({**task.given, "lr": 0.1}, {})
    return handover.write(task, merged, tasks or task.tasks, folder.out_dir / "live-code")


def test_the_merged_config_stands_as_a_file(folder: TaskFolder) -> None:
    folder.env(run_training=True).config(model="/in/models/a.pt", 名="值")
    handed = write(folder)
    assert yaml.safe_load(handed.config_file.read_text()) == {
        "model": f"{folder.in_dir}/models/a.pt",
        "名": "值",
        "lr": 0.1,
    }


def test_a_replayed_task_gets_its_env_and_its_index_files_with_paths_of_this_machine(folder: TaskFolder) -> None:
    folder.text("val.tsv", "/in/assets/a.jpg\t/in/annotations/a.txt\r\n\n/elsewhere/b.jpg\t/in/annotations/b.txt\n")
    folder.env(run_training=True, input={"val_index_file": "/in/val.tsv"}).config()
    before = {path: path.read_bytes() for path in folder.in_dir.rglob("*") if path.is_file()}
    env = yaml.safe_load(write(folder).env_file.read_text())
    assert env["input"]["assets_dir"] == f"{folder.in_dir}/assets"
    assert env["output"]["models_dir"] == f"{folder.out_dir}/models"
    assert Path(env["input"]["val_index_file"]).read_text() == (
        f"{folder.in_dir}/assets/a.jpg\t{folder.in_dir}/annotations/a.txt\n"
        f"/elsewhere/b.jpg\t{folder.in_dir}/annotations/b.txt\n"
    )
    assert {path: path.read_bytes() for path in folder.in_dir.rglob("*") if path.is_file()} == before


def test_in_a_container_env_yaml_is_handed_over_as_it_stands(folder: TaskFolder) -> None:
    paths = {"root_dir": str(folder.in_dir), "config_file": str(folder.in_dir / "config.yaml")}
    folder.env(run_training=True, input=paths).config()
    task = task_config.load(task_config.Folders(), TaskFiles(env_file=str(folder.in_dir / "env.yaml")))
    handed = handover.write(task, repo_settings.Merged({}, {}), task.tasks, folder.out_dir / "live-code")
    assert handed.env_file == folder.in_dir / "env.yaml"


def test_a_job_that_does_one_of_two_tasks_sees_only_that_one(folder: TaskFolder) -> None:
    folder.env(run_mining=True, run_infer=True).config()
    env = yaml.safe_load(write(folder, ("infer",)).env_file.read_text())
    assert (env["run_training"], env["run_mining"], env["run_infer"]) == (False, False, True)
    assert env["task_id"] == "t0000001000000abcdef1700000000"


def test_a_training_finds_its_folder_for_models_there(folder: TaskFolder) -> None:
    folder.env(run_training=True).config()
    write(folder)
    assert (folder.out_dir / "models").is_dir()


def test_other_tasks_get_no_folder_for_models(folder: TaskFolder) -> None:
    folder.env(run_mining=True, run_infer=True).config()
    write(folder)
    assert not (folder.out_dir / "models").exists()


def test_a_link_for_models_that_leads_nowhere_is_left_alone(folder: TaskFolder) -> None:
    folder.env(run_training=True).config()
    folder.out_dir.mkdir(exist_ok=True)
    (folder.out_dir / "models").symlink_to("/nowhere/models")
    write(folder)
    assert (folder.out_dir / "models").is_symlink()


PATHS = st.sampled_from(
    ["/in/assets/a.jpg", "/in", "/in/", "/inner/a", "/out/x", "/data/in/b", "值/c", "a b", " /in/c", ""]
)
LINES = st.lists(st.lists(PATHS, min_size=1, max_size=2).map("\t".join), max_size=5)


@given(LINES, st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_an_index_mapped_in_blocks_is_the_one_mapped_line_by_line(lines: list[str], end: str, closed: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        index, copy = Path(folder, "index"), Path(folder, "copy")
        index.write_bytes((end.join(lines) + end * closed).encode())
        paths = task_config.PathMap((("/in", "/tmp/here/in"), ("/out", "/tmp/here/out")))
        if handover._map_blocks(index, paths, copy):
            assert copy.read_text() == "".join(handover._mapped_lines(index, paths))


def test_a_plain_index_of_more_than_one_block_is_mapped_in_blocks(tmp_path: Path) -> None:
    index, copy = tmp_path / "index", tmp_path / "copy"
    lines = [f"/in/assets/{number}.jpg\t/in/annotations/{number}.txt" for number in range(100_000)]
    index.write_text("\n".join(lines))
    paths = task_config.PathMap((("/in", "/here"),))
    assert index.stat().st_size > handover._BLOCK
    assert handover._map_blocks(index, paths, copy)
    assert copy.read_text() == "".join(handover._mapped_lines(index, paths))


def test_an_index_that_names_nothing_of_the_task_is_handed_over_as_it_stands(folder: TaskFolder) -> None:
    folder.text("val.tsv", "/elsewhere/a.jpg\n")
    folder.env(run_training=True, input={"val_index_file": "/in/val.tsv"}).config()
    env = yaml.safe_load(write(folder).env_file.read_text())
    assert env["input"]["val_index_file"] == str(folder.in_dir / "val.tsv")


def test_a_folder_that_lies_in_the_one_it_stands_for_is_mapped_once(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("/in/a.jpg\n")
    assert not handover._map_blocks(tmp_path / "index", task_config.PathMap((("/in", "/in/x"),)), tmp_path / "copy")


def test_an_index_that_is_no_text_is_an_error_that_names_it(folder: TaskFolder) -> None:
    (folder.in_dir / "val.tsv").write_bytes(b"/in/assets/\xff\xfe.jpg\n")
    folder.env(run_training=True, input={"val_index_file": "/in/val.tsv"}).config()
    with pytest.raises(ConfigError, match="val.tsv is no text"):
        write(folder)
