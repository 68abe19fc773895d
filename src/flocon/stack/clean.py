"""Remove what the stack stored."""

import shutil
from pathlib import Path

from flocon.errors import StackError
from flocon.settings import Settings
from flocon.stack.orphans import find_orphans
from flocon.stack.places import find_places
from flocon.stack.supervisor import Supervisor


def clean_up(settings: Settings, *, is_data_wanted: bool) -> list[Path]:
    """Remove data and logs of the stack where that is wanted; return the folders that are gone.

    Raises:
        StackError: servers of this home run, so nothing is removed.
    """
    if not settings.home_dir.exists():
        return []
    places = find_places(settings)
    if Supervisor(places).is_running() or find_orphans(places, None):
        raise StackError("the servers run: `make down` first. Nothing was removed.")
    if not is_data_wanted:
        return []
    folders = [places.home] if places.postgres.is_relative_to(places.home) else [places.postgres, places.home]
    for folder in folders:
        shutil.rmtree(folder)
    return folders
