"""A RingCX to practise on: the dialer's lead API over real HTTP, on this machine, without an account.

It shares no code with the rest of the project. It was written from the public documentation alone, so a
wrong guess about the API cannot sit on both sides of the wire and agree with itself.

Where the documentation is silent the sandbox has a setting (`SandboxSettings`), and where real servers
misbehave it has a fault (`faults`). Left out: `leadLoader/preview` and `leadLoader/process` (the upload of
a file in two steps), and everything about agents, calls and reports.
"""
