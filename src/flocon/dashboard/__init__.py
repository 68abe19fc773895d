"""The dashboard over the API."""
