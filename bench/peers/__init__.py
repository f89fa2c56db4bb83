"""Other libraries that decide, measured at the same tests and users: each with an environment and a process of its own.

A module here is named like its environment and its ``requirements/bench-<name>.txt``; it has a ``TITLE`` and a
``make`` (see ``bench.peers.driver.Peer``). Nothing here is imported by anything but the driver in that environment.
"""
