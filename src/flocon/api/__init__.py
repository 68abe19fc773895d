"""The API over the mart, which reads it as `mart_reader`."""
