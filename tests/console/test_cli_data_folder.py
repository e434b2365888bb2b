"""The data folder's lock: one `up` at a time, and who asks never keeps it out."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from broadcast.problems import Rejected
from console.processes.data_folder import check_usable, hold_lock, is_running
from tests.console.cli import process_env

HOLD = (
    "import sys, pathlib\nfrom console.processes.data_folder import hold_lock\nwith"
    " hold_lock(pathlib.Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()\n"
)


def test_the_second_up_is_refused_and_the_first_ends_the_lock_with_itself(tmp_path: Path):
    data = tmp_path / "data"
    assert not is_running(data)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(data)],
        env=process_env({}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert is_running(data)
        with pytest.raises(Rejected) as refused, hold_lock(data):
            pass
        assert (refused.value.exit_code, refused.value.problems[0].code) == (
            2,
            "data_folder_in_use",
        )
        holder.kill()  # as in a crash: the kernel lets go
        holder.wait(10)
    assert not is_running(data)
    with hold_lock(data):
        assert is_running(data)
    assert not is_running(data)


def test_asking_all_the_time_keeps_no_up_from_starting(tmp_path: Path):
    with hold_lock(tmp_path):
        pass
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            is_running(tmp_path)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(50):
            with hold_lock(tmp_path):
                pass
    finally:
        stop.set()
        asking.join()


def test_a_folder_that_cannot_be_made_is_refused_by_the_name_of_its_setting(tmp_path: Path):
    (tmp_path / "file").write_text("")
    for act in (check_usable, lambda data: hold_lock(data).__enter__()):
        with pytest.raises(Rejected) as refused:
            act(tmp_path / "file" / "below")
        assert refused.value.problems[0].field == "FASTTIME_DATA"
        assert refused.value.exit_code == 2
