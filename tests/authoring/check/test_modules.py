"""Whether what the code imports will be there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from live_code.authoring import check
from live_code.authoring.check.finding import MAY_FAIL, WILL_FAIL
from live_code.tools.machine import interpreter
from tests.support import variables
from tests.support.checked_repo import CONFIGURED, Repo, brief
from tests.support.workshop import Workshop


class TestModules:
    def test_a_module_that_nothing_provides_will_fail_and_the_remedy_names_its_package(self, repo: Repo) -> None:
        (found,) = repo.commit({"start.py": "import os\nimport cv2\n", **CONFIGURED}).check()
        assert (found.severity, found.rule, found.place) == (WILL_FAIL, "missing-module", "start.py:2")
        assert "cv2" in found.what
        assert found.remedy == "Add opencv-python-headless to extra-requirements.txt."

    def test_it_is_told_once_at_its_surest_place(self, repo: Repo) -> None:
        files = {"start.py": "def f():\n    import cv2\nimport lib\n", "lib.py": "import cv2\n"}
        assert brief(repo.commit({**files, **CONFIGURED}).check()) == [(WILL_FAIL, "missing-module", "lib.py:1")]

    @pytest.mark.parametrize("start", ["import os\nos.system('python3 go.py')\n", "run(['python3', 'go.py'])\n"])
    def test_a_script_that_is_started_counts(self, start: str, repo: Repo) -> None:
        found = repo.commit({"start.py": start, "go.py": "import cv2\n", **CONFIGURED}).check()
        assert brief(found) == [(WILL_FAIL, "missing-module", "go.py:1")]

    @pytest.mark.parametrize(
        "start",
        [
            "def f():\n    import cv2\n",
            "import sys\nif sys.argv:\n    import cv2\n",
            "try:\n    import fast\nexcept ImportError:\n    import cv2\n",
            "# see tools/go.py\n",
            "try:\n    from tools import go\nexcept ImportError:\n    go = None\n",
        ],
    )
    def test_what_may_never_be_imported_may_fail(self, start: str, repo: Repo) -> None:
        found = repo.commit({"start.py": start, "tools/go.py": "import cv2\n", **CONFIGURED}).check()
        assert [(one.severity, one.rule) for one in found] == [(MAY_FAIL, "missing-module")]

    @pytest.mark.parametrize(
        "start",
        [
            "import os, sys, json, asyncio, _thread",
            "import yaml, easydict, numpy, PIL.Image",
            "try:\n    import cv2\nexcept ImportError:\n    cv2 = None",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import cv2",
            "import ymir_exc",
            "from . import cv2",
            "import sys; sys.path.insert(0, 'third/lib'); import deep.other",
        ],
    )
    def test_what_the_image_or_the_repo_has_is_left_alone(self, start: str, repo: Repo) -> None:
        assert repo.commit({"start.py": f"{start}\n", "third/lib/deep/other.py": "", **CONFIGURED}).check() == []

    def test_a_framework_that_the_python_lacks_is_not_to_be_added(self, repo: Repo) -> None:
        (found,) = repo.commit({"start.py": "import torch\n", **CONFIGURED}).check()
        assert found.severity == WILL_FAIL
        assert found.what == f"The image's Python ({sys.executable}) has no torch."
        assert "LIVE_CODE_PYTHON" in found.remedy
        assert "requirements" not in found.remedy

    @pytest.mark.parametrize("installed", ["Pillow", "pillow-simd"])
    def test_a_requirement_provides_its_modules(self, installed: str, shop: Workshop) -> None:
        shop.index.add(installed, "9.0")
        shop.write("import PIL\nimport six\n", "start.py").write(f"{installed}\n")
        assert self.missing(shop) == [(WILL_FAIL, "six")]

    def test_a_package_that_nobody_knows_may_bring_anything(self, shop: Workshop) -> None:
        shop.index.add("strange", "1.0", "stranger").add("stranger", "2.0")
        shop.write("import odd\nimport cv2\nimport stranger\n", "start.py").write("strange\n")
        assert self.missing(shop) == [(WILL_FAIL, "cv2"), (MAY_FAIL, "odd")]

    def test_a_wheel_that_was_unpacked_here_tells_its_modules(self, shop: Workshop) -> None:
        shop.index.add("strange", "1.0")
        shop.write("import odd\n", "start.py").write("strange\n")
        unpacked = shop.store.path("wheels") / "archive-v0" / "x"
        (unpacked / "strange-1.0.dist-info").mkdir(parents=True)
        (unpacked / "odd.py").touch()
        assert self.missing(shop) == []

    def test_requirements_that_were_not_resolved_leave_it_open(self, shop: Workshop) -> None:
        shop.write("import cv2\nimport tqdm\n", "start.py").write("tqdm\n")
        assert self.missing(shop, PIP_INDEX_URL="http://127.0.0.1:9/simple") == [(MAY_FAIL, "cv2")]

    def test_an_images_inventory_tells_what_is_in_it(self, shop: Workshop, tmp_path: Path) -> None:
        shop.image.torch("2.6.0+cu124", cuda="12.4")
        shop.write("import torch\nimport json\nimport torchvision\n", "start.py")
        inventory = tmp_path / "image.json"
        with interpreter.SCRIPT.open() as script, inventory.open("w") as out:
            subprocess.run([shop.image.python, "-"], stdin=script, stdout=out, check=True)
        environ = {**shop.around, "LIVE_CODE_STORE": str(shop.store.root)}
        found = check.examine(str(shop.root), "", check.Image(inventory=inventory), variables.read(environ))
        (told,) = [one for one in found if one.rule == "missing-module"]
        assert told.what == "The image's Python (image.json) has no torchvision."

    def missing(self, shop: Workshop, **environ: str) -> list[tuple[str, str]]:
        around = {**shop.around, "LIVE_CODE_STORE": str(shop.store.root), **environ}
        found = check.examine(str(shop.root), "", check.Image(shop.image.python), variables.read(around))
        told = [(one.severity, re.search(r"module (\w+):", one.what)) for one in found if one.rule == "missing-module"]
        return [(severity, match[1] if match else "") for severity, match in told]
