"""Engines that need servers of their own or half a gigabyte: run by `make test-engines`, never by the other tests."""
