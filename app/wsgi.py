"""The application for any WSGI server: ``gunicorn app.wsgi``."""

import atexit

from app.bootstrap import create_app, open_store
from app.settings import Settings

settings = Settings.from_environment()
store = open_store(settings)
atexit.register(store.close)
application = create_app(store, settings)
