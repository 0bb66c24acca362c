"""Databases as sources: one module for each kind of driver, and what they share.

A driver's module has a function `open_answer`, which asks the query and gives a `reading.Answer`; `asking` picks one.
"""
