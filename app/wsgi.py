"""The application for any WSGI server: ``gunicorn app.wsgi``."""

import atexit

from app.bootstrap import open_service
from app.settings import Settings

service = open_service(Settings.from_environment())
atexit.register(service.close)
application = service.application
