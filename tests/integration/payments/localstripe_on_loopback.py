"""Runs localstripe on 127.0.0.1: by itself it listens on every interface and keeps its store in a
file that all its instances on a machine share."""

import sys

from aiohttp import web
from localstripe.resources import Store
from localstripe.server import app


def keep_in_memory(store: Store) -> None:
    """Stands in for writing the store to disk."""


if __name__ == "__main__":
    Store.dump_to_disk = keep_in_memory
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
