#!/bin/sh
uv run -- serve.py
