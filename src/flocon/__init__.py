"""Flocon: public trip months from a lake to a warehouse to a snowflake mart."""

__version__ = "0.1.0"
