"""Damaged and odd files made for the purpose, and what must become of each."""
