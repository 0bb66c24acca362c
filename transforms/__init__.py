"""What a lead must be: pure functions, frames in and frames out; no I/O, no clock, no environment."""
