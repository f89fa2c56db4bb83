"""Providers on loopback that check what they are sent against the published descriptions of their APIs."""
