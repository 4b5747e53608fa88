"""Benchmarks: how fast the parts are, each a program to run by hand."""
