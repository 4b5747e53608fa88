"""The dry run: a broker of our own, whose market is always open and whose orders cost nothing."""
