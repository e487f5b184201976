"""Where the processes of one run find each other, as those of torchrun do: at a store that their parent serves."""

from __future__ import annotations

import sys
from datetime import timedelta

from torch.distributed import TCPStore  # type: ignore[attr-defined]

HERE = "127.0.0.1"
WAIT = timedelta(minutes=5)  # for the store, which is there before the processes are


class Meeting:
    """A store on a free port of this machine, as long as this object exists, for the processes of one attempt."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._store = TCPStore(HERE, 0, is_master=True, wait_for_workers=False, timeout=WAIT)

    def variables(self, rank: int) -> dict[str, str]:
        """Return the environment variables of one of the processes.

        >>> meeting = Meeting(2)
        >>> variables = meeting.variables(1)
        >>> variables["RANK"], variables["WORLD_SIZE"], variables["MASTER_ADDR"]
        ('1', '2', '127.0.0.1')
        """
        own, all_of_them = str(rank), str(self._processes)
        interface = {"GLOO_SOCKET_IFNAME": "lo"} if sys.platform == "linux" else {}  # nobody else has to reach them
        return interface | {
            "RANK": own,
            "LOCAL_RANK": own,
            "WORLD_SIZE": all_of_them,
            "LOCAL_WORLD_SIZE": all_of_them,
            "MASTER_ADDR": HERE,
            "MASTER_PORT": str(self._store.port),
            "TORCHELASTIC_USE_AGENT_STORE": "True",  # no process serves one
            "TORCHELASTIC_RESTART_COUNT": "0",
        }
