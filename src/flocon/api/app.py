"""The API's application: `uvicorn --factory flocon.api.app:create_app`."""

import psycopg
from fastapi import FastAPI, Response, status
from pydantic import BaseModel

from flocon.settings import Settings, get_settings


class Health(BaseModel):
    """Whether the API can answer: `status` is ok or unavailable, `mart` is ok or what its server says."""

    status: str
    mart: str


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application, for the mart of the settings. SettingsError when the reader's password is not given."""
    mart_dsn = (settings or get_settings()).mart_reader_dsn
    app = FastAPI(title="Flocon", description="The mart, read-only.")

    @app.get("/health", responses={status.HTTP_503_SERVICE_UNAVAILABLE: {"model": Health}})
    def health(response: Response) -> Health:
        """Ask the mart; 503 when it does not answer."""
        try:
            with psycopg.connect(mart_dsn, connect_timeout=5) as mart:
                mart.execute("select 1")
        except psycopg.Error as error:
            response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
            return Health(status="unavailable", mart=str(error).splitlines()[0])
        return Health(status="ok", mart="ok")

    return app
