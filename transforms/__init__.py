"""What a lead must be: pure functions, frames in and frames out; no I/O, no clock, no environment.

Chunks are prepared side by side, each in a thread of its own. So what is small is worked out there, by `select_seq` and
column by column: to hand it to polars' own threads costs more than it gives. Expressions that are always the same are
made once.
"""
