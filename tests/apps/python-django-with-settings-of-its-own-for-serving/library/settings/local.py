from .production import *  # noqa: F403

DEBUG = True
INSTALLED_APPS = ["debug_toolbar", "django.contrib.staticfiles"]  # which is not installed to serve it
