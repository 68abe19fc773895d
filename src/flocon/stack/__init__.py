"""The embedded servers: real PostgreSQL, S3 and Airflow out of Python wheels, supervised, on loopback only.

`program` says what a server is, `postgres`, `s3` and `airflow` make them, `servers` puts them together,
`supervisor` runs them, `startup` and `lifecycle` are up and down.
"""
