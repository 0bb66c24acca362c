"""Where leads come from: each kind of source is a module whose function gives text columns and `source_row`.

A new kind is one such module and one line in `flows.extracting`.
"""
