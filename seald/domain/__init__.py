"""The nouns of seald and their legal transitions. Pure data: no SQL, no HTTP, no torch."""
