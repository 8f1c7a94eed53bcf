"""A document's path, one file a step: ingest → probe → edit → train → guard → promote; `runner` walks it."""
