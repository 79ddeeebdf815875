import os
import socket
import subprocess
import sys

from cortado.distributed import Group

PROGRAM = """
from cortado.distributed import Group

group = Group.join()
print(group.rank, group.size, group.gather({"rank": 0} if group.rank == 0 else None))
"""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def started(rank, size, port):
    names = {"RANK": rank, "WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env=os.environ | {name: str(value) for name, value in names.items()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_one_process_gathers_what_it_gave():
    assert (Group().rank, Group().size, Group().gather("mine")) == (0, 1, ["mine"])


def test_processes_gather_what_each_gave_in_the_order_of_their_ranks():
    port = free_port()
    processes = [started(rank, 2, port) for rank in (0, 1)]
    everything = [{"rank": 0}, None]
    for rank, process in enumerate(processes):
        printed, told = process.communicate(timeout=120)
        assert process.returncode == 0, told
        assert printed == f"{rank} 2 {everything}\n"
