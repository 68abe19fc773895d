"""Backups of the warehouse and the mart: taken of one moment, restored whole or not at all."""
