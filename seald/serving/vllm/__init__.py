"""vLLM as a supervised child: finding it, starting it. What lies in `inside/` runs in vLLM's own environment."""
