"""MinPaas: git push-to-deploy on one machine that you own."""

__version__ = "0.1.0"
