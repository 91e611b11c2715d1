"""A disk that is really full: a small file system in memory, in a name space of the test's own."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from jpegstudy.places import root

OWN_MOUNTS = ["unshare", "--user", "--map-root-user", "--mount"]
pytestmark = pytest.mark.slow

SCRIPT = """
mount -t tmpfs -o size=2800k tmpfs "$1" || exit 9
"$2" -m jpegstudy run demo -p image_count 12 -p shard_size 8 -p run smoke; echo "status $?"
find "$1" -type f | sort
cat "$1"/runs/smoke/run.json > "$3"
mount -o remount,size=100m "$1"
"$2" -m jpegstudy run demo -p image_count 12 -p shard_size 8 -p run smoke; echo "status $?"
"""


@pytest.fixture
def mounted(tmp_path):
    """SCRIPT on a folder that becomes a small disk: how it ended, and the path of run.json as of the first run."""
    if not shutil.which("unshare") or subprocess.run([*OWN_MOUNTS, "true"], capture_output=True).returncode:
        pytest.skip("needs a Linux that lets its users mount file systems in name spaces of their own")
    disk, record = tmp_path / "disk", tmp_path / "run.json"
    disk.mkdir()
    words = [*OWN_MOUNTS, "sh", "-c", SCRIPT, "sh", str(disk), sys.executable, str(record)]
    settings = {**os.environ, "JPEGSTUDY_OUTPUTS": str(disk)}
    done = subprocess.run(words, env=settings, cwd=root(), capture_output=True, text=True, timeout=300)
    return done, record


def test_a_full_disk_is_one_line_and_the_run_goes_on_when_there_is_room(mounted):
    done, record = mounted
    assert done.returncode == 0, done.stderr
    (told,) = done.stderr.splitlines()
    assert told.startswith("jpegstudy: 02_attack")
    assert "No space left on device" in told
    assert "what was finished stays" in told
    first, second = done.stdout.split("status 1\n")
    assert "01_preprocessing" in first
    assert ".npy" in second
    assert "/." not in second.split("status")[0].split("disk", 1)[1]  # nothing half written is left
    stages = json.loads(record.read_text())["stages"]
    assert [stage for stage, entry in stages.items() if entry["complete"]] == ["01_preprocessing"]
    assert "already done" in second
    assert second.endswith("status 0\n")
