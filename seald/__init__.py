"""seald: serve an open-weights model behind an OpenAI-compatible endpoint, and keep teaching it."""

__version__ = "0.1.0"
