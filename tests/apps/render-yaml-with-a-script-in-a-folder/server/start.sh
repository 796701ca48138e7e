#!/bin/bash
set -e
echo "on $PORT"
exec node index.js
