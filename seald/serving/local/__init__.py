"""The bundled engine: transformers + peft in a process of its own, behind the routes that vLLM serves.

`python -m seald.serving.local --model DIR` starts it; nothing here is imported by the daemon.
"""
