"""Everything outside the process: files, databases, RingCX, the ledger and the report files."""
