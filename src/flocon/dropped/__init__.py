"""Dropped files: held against their contract, they become text Parquet for bronze. Shared, and knows no domain."""
