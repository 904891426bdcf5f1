"""The names that published live repos import, and the arguments that they give by name: none of them may go."""

from __future__ import annotations

import importlib
import inspect

import pytest

NAMES = {
    "settings": "DEFAULT_ENV_FILE_PATH DEFAULT_CONFIG_FILE_PATH",
    "env": "DatasetType EnvConfig EnvInputConfig EnvOutputConfig get_current_env get_executor_config",
    "dataset_reader": "item_paths items_count images_count bboxes_count filter_broken_images DatasetType",
    "monitor": "write_monitor_logger write_monitor_logger_for_multiple_tasks write_tensorboard_text "
    "write_final_executor_log YmirTask TASK_STATE_RUNNING",
    "result_writer": "Box Annotation write_model_stage write_training_result write_mining_result write_infer_result "
    "multiple_model_stages_supportable",
    "code": "ExecutorState ExecutorReturnCode",
    "util": "get_merged_config get_bool get_weight_files find_free_port YmirStage YmirStageWeight get_ymir_process "
    "write_ymir_monitor_process filter_saved_files format_saved_files write_ymir_training_result convert_ymir_to_coco",
    "executor": "Executor",
    "sysinfo": "get_gpu_memory",
    "dataset_convert": "convert_ymir_to_coco convert_ymir_to_yolov5 convert_ymir_to_mmseg convert_rgb_to_label_id",
    "dataset_convert.ymir2coco": "convert_ymir_to_coco",
    "dataset_convert.ymir2yolov5": "convert_ymir_to_yolov5 img2label_paths",
    "dataset_convert.ymir2mmseg": "convert_ymir_to_mmseg convert_rgb_to_label_id train_with_black_area_or_not "
    "find_blank_area_in_dataset",
}
ARGUMENTS = {
    "monitor.write_monitor_logger": "percent state return_code",
    "monitor.write_monitor_logger_for_multiple_tasks": "cfg task percent order",
    "monitor.write_tensorboard_text": "text tag",
    "monitor.write_final_executor_log": "tag",
    "dataset_reader.item_paths": "dataset_type",
    "dataset_reader.images_count": "cfg split",
    "result_writer.write_mining_result": "mining_result",
    "result_writer.write_infer_result": "infer_result algorithm",
    "util.get_bool": "cfg key default_value",
    "util.get_weight_files": "cfg suffix",
    "util.get_ymir_process": "stage p task_idx task_num weights",
    "util.write_ymir_monitor_process": "cfg task naive_stage_percent stage stage_weights task_order",
    "util.filter_saved_files": "cfg files",
    "executor.Executor": "apps",
    "sysinfo.get_gpu_memory": "device",
    "dataset_convert.convert_ymir_to_coco": "cat_id_from_zero",
    "dataset_convert.convert_ymir_to_yolov5": "cfg out_dir",
    "dataset_convert.convert_ymir_to_mmseg": "ymir_cfg",
    "dataset_convert.convert_rgb_to_label_id": "rgb_img palette_dict dtype",
}


@pytest.mark.parametrize("module", NAMES)
def test_a_module_has_its_published_names(module: str) -> None:
    found = importlib.import_module(f"ymir_exc.{module}")
    assert [name for name in NAMES[module].split() if not hasattr(found, name)] == []


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_function_takes_its_published_arguments_by_name(name: str) -> None:
    module, _, function = name.rpartition(".")
    parameters = inspect.signature(getattr(importlib.import_module(f"ymir_exc.{module}"), function)).parameters
    assert [argument for argument in ARGUMENTS[name].split() if argument not in parameters] == []


def test_the_codes_are_those_of_the_platform() -> None:
    code = importlib.import_module("ymir_exc.code")
    assert {state.name: int(state) for state in code.ExecutorState} == {"ES_RUNNING": 2, "ES_DONE": 3, "ES_ERROR": 4}
    assert {item.name: int(item) for item in code.ExecutorReturnCode} == {
        "RC_EXEC_NO_ERROR": 0,
        "RC_EXEC_CONFIG_ERROR": 300001,
        "RC_EXEC_DATASET_ERROR": 300002,
        "RC_EXEC_UNKNOWN_IMAGE_FORMAT": 300003,
        "RC_EXEC_MODEL_ERROR": 300004,
        "RC_EXEC_CUDA_GPU_ERROR": 300101,
        "RC_EXEC_NO_GPU": 300102,
        "RC_EXEC_OOM": 300103,
        "RC_EXEC_NAN_ERROR": 300201,
        "RC_EXEC_NETWORK_ERROR": 300301,
        "RC_CMD_CONTAINER_ERROR": 160004,
    }
