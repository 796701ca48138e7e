#!/bin/sh
uv sync && uv run -m migrate
