"""Runs in vLLM's environment, where nothing of seald is installed: it may import only what vLLM brings."""
