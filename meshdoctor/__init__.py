"""meshdoctor: why a pod in an Istio mesh cannot reach an external host, and what to change.

Importing the package loads nothing else, so that `meshdoctor --version` and shell completion stay quick.
"""

__version__ = "0.1.0"
