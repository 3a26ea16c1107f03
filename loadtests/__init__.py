"""What the service can do on this machine: `python -m loadtests` measures and prints it.

Every figure that can be is a ratio within one run: the service against a raw COPY of the same rows
into the same tables of the same server, one after the other and in turns, so that a slow or busy
machine slows both. Everything runs on the loopback and Unix sockets, is bounded in count and time,
and ends the processes it started by their ids.
"""
