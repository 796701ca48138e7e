from setuptools import setup

setup(name="old", version="1", py_modules=["old"], install_requires=["flask", "gunicorn"])
