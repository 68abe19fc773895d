"""The dashboard's page: `streamlit run src/flocon/dashboard/app.py`. It asks the API, never a database."""

import requests
import streamlit as st

from flocon.settings import get_settings


def _health(url: str) -> dict[str, str]:
    """What the API says of itself, also when it says that it is unavailable."""
    answer = requests.get(f"{url}/health", timeout=10)
    said: dict[str, str] = answer.json()
    return said


def main() -> None:
    """Draw the page."""
    settings = get_settings()
    url = f"http://{settings.api_host}:{settings.api_port}"
    st.set_page_config(page_title="Flocon", page_icon="❄️", layout="wide")
    st.title("Flocon")
    try:
        said = _health(url)
    except requests.RequestException as error:
        st.error(f"The API at {url} does not answer ({type(error).__name__}).")
        return
    if said["status"] == "ok":
        st.success("The API and the mart answer.")
    else:
        st.error(f"The mart does not answer the API: {said['mart']}")


main()
