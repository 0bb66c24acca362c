"""The files a run leaves for machines and for people."""
