"""What to do about a module that is not there: add a package, compile a part of the repo, or start elsewhere."""

from __future__ import annotations

import pytest

from live_code.tools.packages import modules

DCN = ["models/__init__.py", "models/networks/dcn/__init__.py", "models/networks/dcn/functions.py"]
# The missing module, the repo's files, what is advised.
ADVICE = {
    "a package": ("tqdm", [], "Add tqdm to req.txt."),
    "one of another name": ("yaml", [], "Add pyyaml to req.txt."),
    "a part of a namespace": ("google.protobuf", [], "Add protobuf to req.txt."),
    "a word that is nearly the repo's": (
        "helprs",
        ["helpers.py"],
        "Is it helpers, which the repo has? Else add helprs to req.txt.",
    ),
    "a part of what is installed": (
        "mmdet.odd",
        ["start.py"],
        "mmdet is there, but in a version that has no mmdet.odd: ask for another one, or correct the import.",
    ),
    "the compiled part of what is installed": (
        "pycocotools._mask",
        ["start.py"],
        "pycocotools is there without its compiled part: ask for a version of it that was built for the image's Python,"
        " torch and CUDA.",
    ),
    "the repo's own": (
        "models",
        ["models/net.py"],
        "models is the repo's own: start the job from the repo's root, or put that on PYTHONPATH.",
    ),
    "the repo's own, below": (
        "models",
        ["src/lib/models/net.py"],
        "Is it the repo's src/lib/models? Then start the job in src/lib, or put that on PYTHONPATH; else add models to"
        " req.txt.",
    ),
    "an installed one, of which the repo has a namesake": (
        "yaml",
        ["third/yaml.py"],
        "Is it the repo's third/yaml.py? Then start the job in third, or put that on PYTHONPATH; else add pyyaml to"
        " req.txt.",
    ),
    "an extension with its setup.py": (
        "models.networks.dcn._ext",
        [*DCN, "models/networks/dcn/setup.py"],
        "models/networks/dcn/_ext is the repo's own and was never compiled: models/networks/dcn/setup.py does"
        " that; name"
        " ./models/networks/dcn in its requirements.",
    ),
    "an extension with a script": (
        "models.networks.dcn._ext",
        [*DCN, "models/networks/make.sh"],
        "models/networks/dcn/_ext is the repo's own and was never compiled: models/networks/make.sh does that; have the"
        " entrypoint run it.",
    ),
    "an extension without either": (
        "lib.nms.cpu_nms",
        ["lib/nms/__init__.py"],
        "lib/nms/cpu_nms is the repo's own and was never compiled: build it, as the repo's own documentation says.",
    ),
    "an extension of a package that the repo itself is": (
        "detectron2._C",
        ["detectron2/__init__.py", "setup.py"],
        "detectron2/_C is the repo's own and was never compiled: setup.py does that; name . in its"
        " requirements. The repo's"
        " folder hides what was installed of detectron2: have the entrypoint, a start.sh, change into another"
        " folder (cd"
        " tools) before it starts Python.",
    ),
    "a file that was not committed": (
        "models.net",
        ["models/__init__.py"],
        "The repo's models has no net.py at this commit: correct the import, or commit that file.",
    ),
}


@pytest.mark.parametrize("name", ADVICE)
def test_what_is_advised(name: str) -> None:
    module, files, advice = ADVICE[name]
    assert modules.to_add(module, files, "req.txt") == advice


def test_the_nearest_script_builds_an_extension() -> None:
    files = [*DCN, "setup.py", "models/networks/setup.py"]
    assert "models/networks/setup.py does that" in modules.to_add("models.networks.dcn._ext", files, "req.txt")


def test_a_modules_distribution_is_known_whatever_the_case() -> None:
    assert modules.of_module("pil") == "pillow"
    assert modules.of_module("tqdm") == ""
