"""The hand that holds git: receiving packs, serving them, moving refs. The only owner of dulwich."""
