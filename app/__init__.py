"""svctasks: service tasks and services in plain JSON files, served over HTTP."""

import os

__version__ = "0.1.0"

# Falcon builds its list of HTTP methods once, when it is first imported, so the verb
# has to be named before that; every import of the service passes through this module.
os.environ.setdefault("FALCON_CUSTOM_HTTP_METHODS", "LOOKUP")
