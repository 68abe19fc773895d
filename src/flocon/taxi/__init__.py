"""The taxi domain: months of New York City taxi trips, services yellow and green."""
