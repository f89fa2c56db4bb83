"""`python -m tests.delivery.writers`: a process that starts, kills and awaits delivering children by command.

Django is loaded once; every child is a fork that connects anew, so a kill costs milliseconds. Lines on standard input:
`start ROUNDS` (answers its process id), `kill PID`, `wait PID` (answers the exit code).
"""

from __future__ import annotations

import os
import signal
import sys

import django


def publish_rounds(rounds: int) -> None:
    """Change every test in one transaction and deliver, again and again (0: for ever)."""
    from django.db import transaction  # noqa: PLC0415 - needs Django's apps

    from delivery.services import deliver  # noqa: PLC0415
    from experiments.models import ForcedUser  # noqa: PLC0415

    done = 0
    while not rounds or done < rounds:
        with transaction.atomic():
            list(ForcedUser.objects.select_for_update().order_by("pk"))
            # Whoever reads the files of one version finds one and the same id in all.
            newest = ForcedUser.objects.order_by("pk").values_list("user_id", flat=True)[0]
            ForcedUser.objects.update(user_id=str(int(newest) + 1))
        deliver()
        done += 1


def main() -> None:
    django.setup()
    print("ready", flush=True)
    for line in sys.stdin:
        command, argument = line.split()
        if command == "start":
            child = os.fork()
            if child == 0:
                os.close(0)
                publish_rounds(int(argument))
                os._exit(0)
            print(child, flush=True)
        elif command == "kill":
            os.kill(int(argument), signal.SIGKILL)
            os.waitpid(int(argument), 0)
            print("killed", flush=True)
        else:
            print(os.waitstatus_to_exitcode(os.waitpid(int(argument), 0)[1]), flush=True)


if __name__ == "__main__":
    main()
