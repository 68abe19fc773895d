"""The embedded servers: real PostgreSQL, S3 and Airflow out of Python wheels, supervised, on loopback only.

`program` says what a server is, `postgres`, `s3` and `airflow` make them, `supervisor` runs them, `lifecycle` is up and down.
"""
