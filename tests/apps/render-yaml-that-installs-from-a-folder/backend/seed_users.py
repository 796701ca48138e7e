raise SystemExit("there is no database while building")
