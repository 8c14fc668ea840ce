import os
import re
import subprocess
import sys
from pathlib import Path

import genrelab

LOAD = """
import sys
from genrelab.bundle.bundle import Bundle
from genrelab.bundle.find import find_model
assert "onnxruntime" not in sys.modules
Bundle.load(find_model(None), threads=1)
"""
SUPPRESSORS = {"CI", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS"}


def test_onnxruntime_gathers_nothing_to_send(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in SUPPRESSORS}
    script = LOAD + "import os\nassert os.environ['ORT_DISABLE_TELEMETRY'] == '1'\n"
    subprocess.run([sys.executable, "-c", script], env=environment | {"TMPDIR": str(tmp_path)}, check=True)
    assert os.listdir(tmp_path) == []  # its reports have a file `.ses` there


def test_a_user_may_allow_the_reports() -> None:
    script = (
        "from genrelab.bundle.runtime import load_onnxruntime\nload_onnxruntime()\n"
        "import os\nassert os.environ['ORT_DISABLE_TELEMETRY'] == '0'\n"
    )
    subprocess.run(
        [sys.executable, "-c", script], env=os.environ | {"ORT_DISABLE_TELEMETRY": "0"}, check=True
    )


def test_onnxruntime_is_imported_at_one_place() -> None:
    source = Path(genrelab.__file__).parent
    imports = re.compile(r"^\s*(import|from) onnxruntime\b", re.MULTILINE)
    found = [path.name for path in source.rglob("*.py") if imports.search(path.read_text(encoding="utf-8"))]
    assert found == ["runtime.py"]
